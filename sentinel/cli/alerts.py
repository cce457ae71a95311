"""`sentinel alert …`: list alerts, show one, and act on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.alerts.view import AlertView
from sentinel.cli import completion
from sentinel.cli.alert_actions import act_on
from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.remote import alert_page, client_here, find_alert
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.clock import SystemClock

if TYPE_CHECKING:
    from sentinel.links import Addresses

__all__ = ["Ids", "Message", "commands"]

commands = typer.Typer(no_args_is_help=True, help="List alerts, show one, act on it.")

Ids = Annotated[
    list[str],
    typer.Argument(
        help="Ids of alerts, or unique prefixes of them.",
        show_default=False,
        autocompletion=completion.alerts,
    ),
]
Message = Annotated[str, typer.Option("--message", "-m", help="The reason; kept in the timeline.")]


@commands.command("list")
def list_(
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="pending, open, escalated, acknowledged, suppressed or resolved; repeatable."
        ),
    ] = None,
    severity: Annotated[
        list[str] | None, typer.Option(help="critical, high, medium, low or info; repeatable.")
    ] = None,
    rule: Annotated[
        str, typer.Option(help="Only alerts of this rule.", autocompletion=completion.rules)
    ] = "",
    assignee: Annotated[
        str | None,
        typer.Option(
            help="Only alerts assigned to this person; empty: unassigned.", show_default=False
        ),
    ] = None,
    search: Annotated[
        str,
        typer.Option(
            help='A search, as in the dashboard: words, "phrases", field:value, label:value, '
            "-left-out or NOT, OR, ( )."
        ),
    ] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Resolved alerts too, newest first.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=500, help="Largest number of alerts to list.")
    ] = 50,
    after: Annotated[
        str, typer.Option(help="Continue after this: `next` of the previous page.")
    ] = "",
    json: AsJson = False,
) -> None:
    """List open alerts, highest severity first.

    Examples:
        sentinel alert list --severity critical

        sentinel alert list --search 'disk -host:web-01 OR rule:cpu-high'

        sentinel alert list --history --rule disk-full --json
    """
    if remote_url():
        found = alert_page(
            after, history=history, limit=limit, status=status or (), severity=severity or (),
            rule=rule, assignee=assignee, q=search,
        )  # fmt: skip
        items, more, now = found.items, found.next_cursor, SystemClock().now()
    else:
        items, more, now = _stored(
            status or [], severity or [], rule, assignee, search, history=history, limit=limit,
            after=after,
        )  # fmt: skip
    if json:
        json_out({"items": [item.model_dump() for item in items], "next": more})
        return
    # Ids begin with the time, so several of one run differ only near their end.
    length = _distinct([item.id for item in items])
    print_table(
        ["ID", "SEVERITY", "STATUS", "SINCE", "RULE", "TITLE"],
        [
            (
                item.id[:length],
                item.severity,
                item.status,
                ago(item.since, now),
                item.rule,
                item.title,
            )
            for item in items
        ],
        empty="No alerts."
        if status or severity or rule or search or assignee is not None
        else "No open alerts.",
        ranks=[item.rank for item in items],
    )
    if more:
        say(f"More alerts: --after {more}")


def _stored(
    status: Sequence[str],
    severity: Sequence[str],
    rule: str,
    assignee: str | None,
    search: str,
    *,
    history: bool,
    limit: int,
    after: str,
) -> tuple[Sequence[AlertView], str | None, datetime]:
    """Return a page of the database here: its alerts, where the next begins, and the time."""
    from sentinel.store.alerts.filter import AlertFilter
    from sentinel.store.alerts.search_syntax import searched

    with open_store() as store:
        chosen = AlertFilter(
            status=tuple(status), severity=tuple(severity), rule=rule, assignee=assignee
        )
        page = store.alerts.page(
            searched(chosen, search, me=actor()), limit=limit, after=after or None,
            order="history" if history else "live",
        )  # fmt: skip
        return page.items, page.next, store.now()


def _distinct(ids: list[str], least: int = 8) -> int:
    """Return the length at which the prefixes of all ids differ, at least `least`."""
    length = least
    while length < 32 and len({one[:length] for one in ids}) < len(ids):
        length += 1
    return length


@commands.command()
def show(
    alert: Annotated[
        str,
        typer.Argument(
            help="Its id, or a unique prefix.", show_default=False, autocompletion=completion.alerts
        ),
    ],
    json: AsJson = False,
) -> None:
    """Show one alert and its timeline.

    Example:
        sentinel alert show 0192f3
    """
    from sentinel.cli.target import settings_here
    from sentinel.links import Addresses

    if remote_url():
        with client_here() as client:
            whole = find_alert(client, alert)
        timeline, now = whole.timeline, SystemClock().now()
        found = AlertView.model_validate(whole.model_dump(exclude={"timeline"}))
    else:
        with open_store() as store:
            found = store.alerts.find(alert)
            timeline = store.alerts.timeline(found.id)
            now = store.now()
    if json:
        json_out({**found.model_dump(), "timeline": [entry.model_dump() for entry in timeline]})
        return
    addresses = Addresses.of(settings_here())
    say(found.title)
    fields(
        {
            "id": found.id,
            "status": f"{found.status}, {found.severity}, for {ago(found.since, now)}",
            "rule": found.rule,
            "value": "" if found.value is None else f"{found.value:g} {found.unit}".strip(),
            "labels": ", ".join(f"{name}={value}" for name, value in found.labels.items()),
            "description": found.description,
            "team": found.team,
            "assignee": found.assignee,
            "started": "" if found.started_at is None else f"{ago(found.started_at, now)} ago",
            "acknowledged": _by(found.acknowledged_by, found.acknowledge_comment),
            "occurrences": f"{found.occurrences}, last {ago(found.last_bad_at, now)} ago",
            "dashboard": addresses.alert(found.id),
            **_runs(found, addresses),
            # An annotation comes from outside and may be called like one of these.
            **{f"{_OWN.get(name, '')}{name}": text for name, text in found.annotations.items()},
        }
    )
    say("")
    print_table(
        ["TIME", "CHANGE", "ACTOR", "REASON"],
        [
            (
                entry.at.strftime("%Y-%m-%d %H:%M:%S"),
                entry.kind,
                entry.actor,
                ": ".join(part for part in (entry.reason_text, entry.comment) if part),
            )
            for entry in timeline
        ],
        empty="Its timeline is empty.",
    )


_OWN: dict[str, str] = dict.fromkeys(
    (
        "id", "status", "rule", "value", "labels", "description", "team", "assignee", "started",
        "acknowledged", "occurrences", "dashboard", "flow run", "evaluation",
    ), "annotation ",
)  # fmt: skip


def _runs(found: AlertView, addresses: Addresses) -> dict[str, str]:
    """Return the pages of the flow run that an alert is about, and of the one that raised it."""
    from sentinel.links import run_about

    own = addresses.flow_run(found.flow_run_id) if found.flow_run_id else ""
    about = run_about(found.details)
    return {"flow run": own} if about is None else {"flow run": about[0], "evaluation": own}


def _by(who: str, comment: str) -> str:
    return f"by {who}{': ' + comment if comment else ''}" if who else ""


@commands.command()
def why(
    alert: Annotated[
        str,
        typer.Argument(
            help="Its id, or a unique prefix.", show_default=False, autocompletion=completion.alerts
        ),
    ],
    json: AsJson = False,
) -> None:
    """Show why receivers are and were notified of an alert, or not, and what is decided next.

    Example:
        sentinel alert why 0192f3
    """
    from sentinel.cli.why import print_why, why_of

    found = why_of(alert)
    if json:
        json_out(found.model_dump())
    else:
        print_why(found)


@commands.command()
def ack(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Acknowledge alerts: reminders and escalation stop until they resolve.

    Example:
        sentinel alert ack 0192f3 -m "rebooting it"
    """
    act_on(alerts, "acknowledge", message, as_json=json)


@commands.command()
def unack(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Withdraw the acknowledgement of alerts: their receivers are notified again.

    Example:
        sentinel alert unack 0192f3 -m "my shift is over"
    """
    act_on(alerts, "unacknowledge", message, as_json=json)


@commands.command()
def resolve(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Resolve alerts.

    If the condition still holds, the alert reopens after five minutes; the output says so, and
    names the command that suppresses it instead.

    Example:
        sentinel alert resolve 0192f3 -m "replaced the disk"
    """
    act_on(alerts, "resolve", message, as_json=json)


@commands.command()
def reopen(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Reopen resolved alerts with the status they had before, acknowledged or open.

    Receivers that were notified of the resolve are notified of the reopening. An alert whose
    fingerprint has a newer open alert is refused, and the error names that alert; an alert of a
    disabled rule is refused too.

    Example:
        sentinel alert reopen 0192f3 -m "the new disk is bad too"
    """
    act_on(alerts, "reopen", message, as_json=json)


@commands.command()
def escalate(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Page the next level of the alerts' escalation policy at once.

    Example:
        sentinel alert escalate 0192f3 -m "I need a second pair of eyes"
    """
    act_on(alerts, "escalate", message, as_json=json)


@commands.command()
def suppress(
    alerts: Ids,
    length: Annotated[str, typer.Option("--for", help="Duration: 30m, 2h, 1d.")] = "1h",
    message: Message = "",
    json: AsJson = False,
) -> None:
    """Suppress the notifications of alerts for a while, also if they resolve and recur meanwhile.

    Example:
        sentinel alert suppress 0192f3 --for 2h -m "the array is being rebuilt"

    Raises:
        ConfigurationError: `--for` is not a duration
    """
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        span = parse_duration(length)
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None
    act_on(alerts, "suppress", message, span=span, as_json=json)


@commands.command()
def unsuppress(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """End the suppression of alerts: notifications resume now.

    Example:
        sentinel alert unsuppress 0192f3 -m "the array is back"
    """
    act_on(alerts, "unsuppress", message, as_json=json)


@commands.command()
def assign(
    alerts: Ids,
    to: Annotated[str, typer.Option("--to", help="The new assignee; empty unassigns.")] = "",
    message: Message = "",
    json: AsJson = False,
) -> None:
    """Assign alerts to a person.

    Example:
        sentinel alert assign 0192f3 --to grace -m "you know this array"
    """
    act_on(alerts, "assign", message, assignee=to, as_json=json, done=f"{to or 'nobody'}'s")


@commands.command()
def comment(
    alerts: Ids,
    message: Annotated[str, typer.Option("--message", "-m", help="The comment.")],
    json: AsJson = False,
) -> None:
    """Add a comment to the timeline of alerts.

    Example:
        sentinel alert comment 0192f3 -m "the vendor has been called"

    Raises:
        ConfigurationError: the comment is empty
    """
    from sentinel.errors import ConfigurationError

    if not message.strip():
        raise ConfigurationError("the comment is empty", hint='Write -m "what you found".')
    act_on(alerts, "comment", message, as_json=json, done="commented")
