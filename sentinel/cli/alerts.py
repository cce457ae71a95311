"""`sentinel alert …`: what is wrong, and what was done about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.alerts.actions import Action

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="List alerts, look at one, act on it.")

Ids = Annotated[
    list[str],
    typer.Argument(
        help="Ids of alerts, or how they begin.",
        show_default=False,
        autocompletion=completion.alerts,
    ),
]
Message = Annotated[str, typer.Option("--message", "-m", help="Why; kept in the timeline.")]


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
        str, typer.Option(help="Of this rule only.", autocompletion=completion.rules)
    ] = "",
    assignee: Annotated[
        str | None, typer.Option(help="Whose they are; empty for nobody's.", show_default=False)
    ] = None,
    search: Annotated[str, typer.Option(help="Text in title, description or rule.")] = "",
    history: Annotated[
        bool, typer.Option("--history", help="All that ever opened, newest first.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(help="`next` of the page before.")] = "",
    json: AsJson = False,
) -> None:
    """What is open, worst first.

    Examples:
        sentinel alert list --severity critical

        sentinel alert list --history --rule disk-full --json
    """
    from sentinel.store.alerts.filter import AlertFilter

    with open_store() as store:
        page = store.alerts.page(
            AlertFilter(
                status=tuple(status or ()),
                severity=tuple(severity or ()),
                rule=rule,
                assignee=assignee,
                q=search,
            ),
            limit=limit,
            after=after or None,
            order="history" if history else "live",
        )
        now = store.now()
    if json:
        json_out({"items": [item.model_dump() for item in page.items], "next": page.next})
        return
    # Ids begin with the time, so several of one run differ only near their end.
    length = _distinct([item.id for item in page.items])
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
            for item in page.items
        ],
        empty="No alerts."
        if status or severity or rule or search or assignee is not None
        else "Nothing is wrong.",
        ranks=[item.rank for item in page.items],
    )
    if page.next:
        say(f"There are more: --after {page.next}")


def _distinct(ids: list[str], least: int = 8) -> int:
    """How much of each id is needed to tell them apart."""
    length = least
    while length < 32 and len({one[:length] for one in ids}) < len(ids):
        length += 1
    return length


@commands.command()
def show(
    alert: Annotated[
        str,
        typer.Argument(
            help="Its id, or how it begins.", show_default=False, autocompletion=completion.alerts
        ),
    ],
    json: AsJson = False,
) -> None:
    """One alert, and all that happened to it.

    Example:
        sentinel alert show 0192f3
    """
    from sentinel.cli.target import settings_here
    from sentinel.links import Addresses

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
            "assignee": found.assignee,
            "acknowledged": _by(found.acknowledged_by, found.acknowledge_comment),
            "seen bad": f"{found.occurrences}x, last {ago(found.last_bad_at, now)} ago",
            **found.annotations,
            "dashboard": addresses.alert(found.id),
            "flow run": addresses.flow_run(found.flow_run_id) if found.flow_run_id else "",
        }
    )
    say("")
    print_table(
        ["WHEN", "WHAT", "WHO", "WHY"],
        [
            (
                entry.at.strftime("%Y-%m-%d %H:%M:%S"),
                entry.kind,
                entry.actor,
                ": ".join(part for part in (entry.reason, entry.comment) if part),
            )
            for entry in timeline
        ],
        empty="Nothing is known of what happened to it.",
    )


def _by(who: str, comment: str) -> str:
    return f"by {who}{': ' + comment if comment else ''}" if who else ""


@commands.command()
def ack(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Take alerts on: nobody is told of them again while they last.

    Example:
        sentinel alert ack 0192f3 -m "rebooting it"
    """
    from sentinel.alerts.actions import Acknowledge

    action = Acknowledge(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json)


@commands.command()
def unack(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Give alerts back: whoever is to be told is told again.

    Example:
        sentinel alert unack 0192f3 -m "my shift is over"
    """
    from sentinel.alerts.actions import Unacknowledge

    action = Unacknowledge(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json)


@commands.command()
def resolve(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Say that alerts are over.

    Where the condition still holds, the alert opens again after five minutes; the answer says so,
    and how to hear nothing of it meanwhile.

    Example:
        sentinel alert resolve 0192f3 -m "replaced the disk"
    """
    from sentinel.alerts.actions import Resolve

    action = Resolve(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json, offers=True)


@commands.command()
def reopen(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Take back that alerts are over: each is what it was before, acknowledged or not.

    Whoever was told that it is over is told that it is not. What has opened anew meanwhile is
    refused, naming the alert to go on with; so is what is of a rule that is switched off.

    Example:
        sentinel alert reopen 0192f3 -m "the new disk is bad too"
    """
    from sentinel.alerts.actions import Reopen

    action = Reopen(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json)


@commands.command()
def suppress(
    alerts: Ids,
    length: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")] = "1h",
    message: Message = "",
    json: AsJson = False,
) -> None:
    """Tell nobody of alerts for a while, also where they end and come back meanwhile.

    Example:
        sentinel alert suppress 0192f3 --for 2h -m "the array is being rebuilt"
    """
    from sentinel.alerts.actions import Suppress
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        span = parse_duration(length)
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None
    who = actor()
    _act(alerts, lambda now: Suppress(actor=who, until=now + span, comment=message), as_json=json)


@commands.command()
def unsuppress(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Tell of alerts again from now on.

    Example:
        sentinel alert unsuppress 0192f3 -m "the array is back"
    """
    from sentinel.alerts.actions import Unsuppress

    action = Unsuppress(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json)


@commands.command()
def assign(
    alerts: Ids,
    to: Annotated[
        str, typer.Option("--to", help="Whose they are from now on; empty for nobody's.")
    ] = "",
    message: Message = "",
    json: AsJson = False,
) -> None:
    """Say whose alerts are.

    Example:
        sentinel alert assign 0192f3 --to grace -m "you know this array"
    """
    from sentinel.alerts.actions import Assign

    action = Assign(actor=actor(), assignee=to, comment=message)
    _act(alerts, lambda _now: action, as_json=json, done=f"{to or 'nobody'}'s")


@commands.command()
def comment(
    alerts: Ids,
    message: Annotated[str, typer.Option("--message", "-m", help="The comment.")],
    json: AsJson = False,
) -> None:
    """Write into the timeline of alerts.

    Example:
        sentinel alert comment 0192f3 -m "the vendor has been called"
    """
    from sentinel.alerts.actions import Comment
    from sentinel.errors import ConfigurationError

    if not message.strip():
        raise ConfigurationError("a comment needs words", hint='Write -m "what you found".')
    action = Comment(actor=actor(), comment=message)
    _act(alerts, lambda _now: action, as_json=json, done="commented")


def _act(
    alerts: list[str],
    action: Callable[[datetime], Action],
    *,
    as_json: bool,
    done: str = "",
    offers: bool = False,
) -> None:
    """Do it to each; what one alert refuses does not keep the others from it.

    Args:
        alerts: ids, or how they begin
        action: what, at that moment
        as_json: for programs
        done: said to people instead of the status, where that does not show it
        offers: whether it is a resolve, and those that still hold are offered a snooze
    """
    from sentinel.engine.snooze import offer, still_bad
    from sentinel.errors import Conflict, NotFound

    with open_store() as store:
        found = [store.alerts.find(alert) for alert in alerts]
        hold = set(still_bad(store, found)) if offers else set[str]()
        offered = offer(store)
        results = store.act([alert.id for alert in found], action(store.now()))
        # As people see it: an open alert that nobody is told of is "suppressed".
        shown = {alert.id: store.alerts.find(alert.id).status for alert in found}
    titles = {alert.id: alert.title for alert in found}
    if as_json:
        listed: list[dict[str, Any]] = [
            {
                "id": result.alert_id,
                "ok": result.ok,
                "status": shown.get(result.alert_id, result.status),
                "reason": result.reason,
                "error": result.error,
                **({"offer": offered} if result.ok and result.alert_id in hold else {}),
            }
            for result in results
        ]
        json_out({"items": listed})
    refused = [result for result in results if not result.ok]
    if not as_json:
        for result in results:
            if result.ok:
                said = done or shown.get(result.alert_id, result.status)
                say(f"{result.alert_id[:13]} {said}: {titles[result.alert_id]}")
                if result.alert_id in hold:
                    say(f"  {offered} sentinel alert suppress {result.alert_id[:13]} --for 1h")
    if refused:
        first = refused[0]
        why = f"{titles.get(first.alert_id, first.alert_id)}: {first.error}"
        raise NotFound(why) if first.reason == "not found" else Conflict(why)
