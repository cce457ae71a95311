"""`sentinel delivery …`: attempts to send messages, and figures by channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.output import AsJson, json_out, print_table
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.notifications.reasons import words

if TYPE_CHECKING:
    from sentinel.client.channels import Delivery as DeliveryThere
    from sentinel.schema.notifications import Delivery

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="Deliveries: what was sent, how long it took, what was said.",
)


@commands.command("list")
def list_(
    channel: Annotated[
        str, typer.Option("--channel", "-c", help="inbox, or a Prefect block as type/name.")
    ] = "",
    receiver: Annotated[str, typer.Option("--receiver", "-r", help="Name of the receiver.")] = "",
    state: Annotated[
        Literal["sending", "sent", "failed", "refused"] | None,
        typer.Option(help="What came of it.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """List attempts to send a message, newest first; times are UTC.

    Examples:
        sentinel delivery list --state failed

        sentinel delivery list -c sentinel-pagerduty/ops --json
    """
    from sentinel.client import channels
    from sentinel.store.notifications.delivery_rows import DeliveryFilter, deliveries

    found: Sequence[Delivery | DeliveryThere]
    if remote_url():
        with client_here() as client:
            asked = {"channel": channel, "receiver": receiver, "state": state or ""}
            found = client.do(channels.deliveries(**asked, limit=limit)).items
    else:
        wanted = DeliveryFilter(channel=channel, receiver=receiver, state=state or "")
        with open_store() as store:
            found = deliveries(store, wanted, limit)
    if json:
        json_out(
            {"items": [{**one.model_dump(), "reason_text": words(one.reason)} for one in found]}
        )
        return
    print_table(
        ["TIME", "CHANNEL", "RECEIVER", "STATE", "ATTEMPT", "LATENCY", "REASON", "ANSWER"],
        [
            (
                f"{one.started_at:%Y-%m-%d %H:%M:%S}", one.channel, one.receiver, one.state,
                str(one.attempt), _milliseconds(one.latency_ms), words(one.reason),
                one.error or one.answer,
            )
            for one in found
        ],
        empty="There are no deliveries.",
        ranks=[4 if one.state in ("failed", "refused") else 0 for one in found],
    )  # fmt: skip


@commands.command()
def statistics(
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 90, help="That end now.")] = 24,
    json: AsJson = False,
) -> None:
    """Show the success rate and the latency of every channel that was sent something.

    Example:
        sentinel delivery statistics --hours 168
    """
    from sentinel.client import channels
    from sentinel.store.notifications.delivery_stats import delivered

    rows: list[dict[str, Any]]
    if remote_url():
        with client_here() as client:
            figures = client.do(channels.delivery_figures(hours=hours)).items
        rows = [one.model_dump(exclude={"last", "error"}) for one in figures]
    else:
        with open_store() as store:
            found = sorted(delivered(store, timedelta(hours=hours)).items())
        rows = [
            {
                "channel": ref, "sent": one.sent, "failed": one.failed, "refused": one.refused,
                "success_rate": one.rate, "latency_p50_ms": one.median_ms,
                "latency_p95_ms": one.latency_ms,
            }
            for ref, one in found
        ]  # fmt: skip
    if json:
        json_out({"hours": hours, "items": rows})
        return
    print_table(
        ["CHANNEL", "SUCCESS RATE", "LATENCY P50", "LATENCY P95", "SENT", "FAILED", "REFUSED"],
        [
            (
                row["channel"],
                "none" if row["success_rate"] is None else f"{row['success_rate']:.1%}",
                _milliseconds(row["latency_p50_ms"]), _milliseconds(row["latency_p95_ms"]),
                f"{row['sent']:,}", f"{row['failed']:,}", f"{row['refused']:,}",
            )
            for row in rows
        ],
        empty="Nothing was sent.",
    )  # fmt: skip


def _milliseconds(found: int | None) -> str:
    return "unknown" if found is None else f"{found:,} ms"
