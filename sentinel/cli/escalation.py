"""`sentinel escalation …`: the policies, and whom a page would reach when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from sentinel.cli.label_options import labels_given
from sentinel.cli.oncall import moment_of_option
from sentinel.cli.oncall_here import oncall_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from sentinel.oncall.escalation import Paged
    from sentinel.oncall.escalation_policy import EscalationPolicy
    from sentinel.store import Store

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Escalation policies: whom a page reaches, and who is next."
)


Policy = Annotated[
    str | None, typer.Argument(help="Name of a policy.", show_default="all policies")
]


@commands.command()
def show(policy: Policy = None, json: AsJson = False) -> None:
    """List the steps of the escalation policies, with the time from the first page on.

    Example:
        sentinel escalation show
    """
    from sentinel.oncall.escalation import steps_of

    with oncall_here() as oncall:
        found = oncall.document().escalation_policies
    if policy is not None:
        found = {policy: _must(found, policy)}
    if json:
        json_out({"items": {name: one.model_dump(mode="json") for name, one in found.items()}})
        return
    print_table(
        ["POLICY", "LEVEL", "AFTER", "PAGES", "CONDITIONS"],
        [
            (
                name,
                one.level,
                format_duration(one.offset),
                ", ".join(str(target) for target in one.step.notify),
                "; ".join(
                    part
                    for part in (
                        f"at least {one.step.severity}" if one.step.severity else "",
                        "within its hours" if one.step.hours else "",
                    )
                    if part
                ),
            )
            for name, given in sorted(found.items())
            for one in steps_of(given)
        ],
        empty="There are no escalation policies: sentinel oncall apply FILE",
    )


@commands.command("list")
def listed(json: AsJson = False) -> None:
    """List the escalations that run: their level, when the next step is due, and whom it pages.

    Example:
        sentinel escalation list
    """
    found = _running()
    if json:
        json_out({"items": found})
        return
    print_table(
        ["STATE", "LEVEL", "NEXT", "PAGES", "NOTIFIED", "GROUP"],
        [
            (
                one["state"],
                f"{one['level']} of {one['levels']}",
                f"{datetime.fromisoformat(one['due_at']).astimezone(UTC):%a %Y-%m-%d %H:%M:%S %Z}"
                if one["due_at"]
                else "-",
                ", ".join(dict.fromkeys(p["person"] or p["receiver"] for p in one["following"]))
                or "-",
                ", ".join(one["paged"]) or "-",
                one["title"],
            )
            for one in found
        ],
        empty="No escalation runs.",
    )


def _running() -> list[dict[str, Any]]:
    """Return the escalations that run here, or on the server whose address is given."""
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import escalations

        with client_here() as client:
            there = client.do(escalations.running()).items
        return [one.model_dump(mode="json") for one in there]
    import msgspec

    from sentinel.severity import Severity
    from sentinel.store.escalations.running import running

    with open_store() as store:
        found = running(store, store.now())
    return [
        {
            **msgspec.to_builtins(one),
            "severity": Severity(one.severity).word,
            "following": [] if one.following is None else msgspec.to_builtins(one.following.pages),
        }
        for one in found
    ]


@commands.command()
def statistics(
    hours: Annotated[
        float, typer.Option(min=0.01, max=24 * 366, help="Length of the period.")
    ] = 24,
    policy: Annotated[
        str | None, typer.Option(help="Only of this policy.", show_default="all")
    ] = None,
    team: Annotated[str | None, typer.Option(help="Only of this team.", show_default="all")] = None,
    json: AsJson = False,
) -> None:
    """Print how many escalations reached each level, and the mean time until acknowledged.

    An escalation counts in the period in which its group opened. Fire drills do not count.

    Example:
        sentinel escalation statistics --hours 168 --team db
    """
    found = _figures(hours, policy, team)
    if json:
        json_out(found)
        return
    print_table(
        ["POLICY", "TEAM", "LEVEL", "ESCALATIONS", "ACKNOWLEDGED", "AFTER"],
        [
            (
                one["policy"] or "of its rule",
                one["team"] or "-",
                level["level"] or "-",
                level["reached"],
                level["acknowledged"],
                "-" if level["seconds"] is None else f"{level['seconds']:,.0f} s",
            )
            for one in found["policies"]
            for level in one["levels"]
        ],
        empty=f"No escalation began in the last {hours:g} hours.",
    )


def _figures(hours: float, policy: str | None, team: str | None) -> dict[str, Any]:
    """Return the statistics of this machine, or of the server whose address is given."""
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import escalations

        with client_here() as client:
            there = client.do(escalations.statistics(hours=hours, policy=policy, team=team))
        return there.model_dump(mode="json")
    import msgspec

    from sentinel.store.reports.escalations import escalation_figures

    with open_store() as store:
        return msgspec.to_builtins(escalation_figures(store, hours, policy=policy, team=team))


@commands.command("test")
def try_policy(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="LABELS...",
            help="Labels of an alert: team=db severity=high; or the name of a policy.",
            show_default=False,
        ),
    ],
    severity: Annotated[
        str, typer.Option(help="Severity of the alerts.", show_default="the label, or critical")
    ] = "",
    at: Annotated[
        str, typer.Option("--at", help="Time of the first page: 2026-12-24T18:00+01:00.")
    ] = "",
    zone: Annotated[str, typer.Option("--timezone", help="In whose time to print.")] = "UTC",
    json: AsJson = False,
) -> None:
    """Print whom an alert would page, when and why, if nobody acknowledged. It notifies nobody.

    The policy is that of the alert's rule, else of its route, else of its team.

    Example:
        sentinel escalation test team=db severity=high --at 2026-12-24T18:00+01:00

    Raises:
        ConfigurationError: the severity, the time or the zone is none
    """
    from sentinel.oncall.escalation import planned
    from sentinel.severity import severity_of
    from sentinel.store.oncall.stored import StoredOnCall

    labels = labels_given(given) if len(given) > 1 or "=" in given[0] else None
    word = severity or (labels or {}).get("severity") or "critical"
    try:
        degree = severity_of(word)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    try:
        shown_in = ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        raise ConfigurationError(
            f"{zone!r} is no time zone", hint="Write UTC or Europe/Berlin."
        ) from None
    if remote_url():
        _try_there(labels, given[0], word, at, shown_in, json=json)
        return
    with open_store() as store:
        first = moment_of_option(at) if at else store.now()
        known = StoredOnCall(store).now(first)
        if labels is None:
            tries = [_Try("", given[0], _must(known.document.escalation_policies, given[0]))]
        else:
            tries = _tries(store, {"severity": word, **labels}, first)
    found = [
        (one, list(planned(one.policy, degree, first, known.document, known.overrides_of)))
        for one in tries
    ]
    if json:
        items = [
            {"policy": one.name, "why": one.why, "first_page": first, "steps": steps}
            for one, steps in found
        ]
        json_out(items[0] if labels is None else {"items": items})
        return
    if not found:
        say("Nobody would be paged: no rule, route or team gives the alert an escalation policy.")
        team = (labels or {}).get("team")
        if team and team not in known.document.teams:
            teams = ", ".join(sorted(known.document.teams)) or "none"
            say(f"The on-call document has no team {team!r}. Teams: {teams}")
    for one, steps in found:
        if one.why:
            say(one.why)
        _print(steps, shown_in)


def _try_there(
    labels: Mapping[str, str] | None, policy: str, severity: str, at: str, zone: ZoneInfo, *,
    json: bool,
) -> None:  # fmt: skip
    """Print what the server on another machine answers."""
    import msgspec

    from sentinel.cli.remote import client_here
    from sentinel.client import oncall
    from sentinel.oncall.escalation import Paged

    moment = moment_of_option(at) if at else None
    with client_here() as client:
        if labels is None:
            found = [client.do(oncall.try_policy(policy, severity=severity, at=moment))]
        else:
            found = client.do(oncall.try_labels(labels, severity=severity, at=moment)).items
    items = [one.model_dump(mode="json") for one in found]
    if json:
        json_out(items[0] if labels is None else {"items": items})
        return
    if not found:
        say("Nobody would be paged: no rule, route or team gives the alert an escalation policy.")
    for one in found:
        if one.why:
            say(f"Policy {one.policy}, {one.why}" if one.policy else f"By {one.why}")
        _print(msgspec.convert(one.steps, list[Paged]), zone)
        if one.cut:
            say("There are further steps.")


class _Try(NamedTuple):
    """A policy to plan, its name, and why it is the alert's."""

    why: str
    name: str
    policy: EscalationPolicy


def _tries(store: Store, labels: Mapping[str, str], at: datetime) -> list[_Try]:
    from sentinel.store.oncall.trials import ways_escalated

    return [
        _Try(f"Policy {chosen.name}, {chosen.why}" if chosen.name else f"By {chosen.why}",
             chosen.name, chosen.policy)
        for _, chosen in ways_escalated(store, labels, at)
        if chosen is not None
    ]  # fmt: skip


def _print(steps: Sequence[Paged], zone: ZoneInfo) -> None:
    for one in steps:
        say(f"Level {one.level}  {one.due.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}")
        if one.skipped:
            say(f"  pages nobody: {one.skipped}")
        for target in one.missing if one.pages else ():
            say(f"  nobody is on call for {target}")
        for page in one.pages:
            late = " (put off by quiet hours)" if page.put_off else ""
            who = f"{page.person} by {page.receiver}" if page.person else page.receiver
            when = f"{page.at.astimezone(zone):%a %H:%M:%S}"
            say(f"  {when}  {who}, for {page.why}{late}")


def _must(known: Mapping[str, EscalationPolicy], name: str) -> EscalationPolicy:
    if name not in known:
        raise NotFound(
            f"there is no escalation policy {name!r}",
            hint=f"Policies: {', '.join(sorted(known)) or 'none'}",
        )
    return known[name]
