"""`sentinel statistics` and `sentinel inbox`: figures and messages, here or over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sentinel.cli.output import AsJson, fields, json_out, print_table
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add both commands to `sentinel` itself."""
    app.command()(statistics)
    app.command()(inbox)


def statistics(
    hours: Annotated[
        float, typer.Option(min=0.01, max=24 * 366, help="Length of the period.")
    ] = 24,
    json: AsJson = False,
) -> None:
    """Print how many alerts and notifications there were, and which alerts are active now.

    Example:
        sentinel statistics --hours 168
    """
    if remote_url():
        with client_here() as client:
            found = client.statistics(hours=hours)
        counts: dict[str, Any] = {
            "active": found.total_active_alerts, "critical": found.critical_alerts,
            "unacknowledged": found.unacknowledged_alerts,
            **found.system_stats.model_dump(),
        }  # fmt: skip
    else:
        with open_store() as store:
            figures = store.statistics.figures(hours)
        counts = {
            "active": figures.active, "critical": figures.critical,
            "unacknowledged": figures.unacknowledged, "alerts_generated": figures.generated,
            "alerts_resolved": figures.resolved,
            "notifications_sent": figures.notifications_sent,
            "notification_failures": figures.notification_failures,
            "rule_evaluations": figures.rule_evaluations,
        }  # fmt: skip
    if json:
        json_out({"hours": hours, **counts})
    else:
        fields({name.replace("_", " "): f"{count:,}" for name, count in counts.items()})


def inbox(
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """List the messages of the inbox, newest first; times are UTC.

    Example:
        sentinel inbox --limit 10
    """
    if remote_url():
        with client_here() as client:
            page = client.inbox(limit=limit)
        items, unread = [one.model_dump() for one in page.items], page.unread
    else:
        with open_store() as store:
            found, unread = store.inbox.page(limit), store.inbox.unread()
        items = [{**one.model_dump(exclude={"severity"}), "rank": one.severity} for one in found]
    if json:
        json_out({"items": items, "unread": unread})
        return
    print_table(
        ["TIME", "STATUS", "MESSAGE", "READ"],
        [
            (f"{one['at']:%Y-%m-%d %H:%M:%S}", one["status"], one["title"],
             "yes" if one["read_at"] else "no")
            for one in items
        ],
        empty="There are no messages.",
        ranks=[0 if one["read_at"] else int(one["rank"]) for one in items],
    )  # fmt: skip
