"""`sentinel silence …`: alerts of which nobody is notified for a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_silences import (
    end_silence_remotely,
    extend_silence_remotely,
    list_silences,
    preview_remotely,
    silence_matching_remotely,
    silence_remotely,
)
from sentinel.cli.remote_url import remote_url
from sentinel.cli.silence_windows import recurrence_given, sets_for
from sentinel.cli.target import actor, open_store
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.notifications.silence import SilenceState, state_of
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.schema.silences import Silence

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Silences: alerts of which nobody is notified for a time."
)

WhichRule = Annotated[
    str,
    typer.Argument(
        help="Name of the rule; or give --matcher.", show_default=False,
        autocompletion=completion.rules,
    ),
]  # fmt: skip
OfTenant = Annotated[str, typer.Option("--tenant", help="Tenant of the rule or the alerts.")]
SetsOfMatchers = Annotated[
    list[str] | None,
    typer.Option(
        "--matcher", "-M", show_default=False,
        help="A set of matchers as Alertmanager writes it; repeat it for further sets.",
    ),
]  # fmt: skip
Length = Annotated[str, typer.Option("--for", help="Duration: 30m, 2h, 1d.")]
WhichSilence = Annotated[str, typer.Argument(help="Id of the silence.", show_default=False)]


@commands.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--ended", help="Also those that are over.")] = False,
    rule: Annotated[str, typer.Option(help="Of this rule only.", show_default=False)] = "",
    json: AsJson = False,
) -> None:
    """List the silences that are pending or active, newest first.

    Example:
        sentinel silence list
    """
    if remote_url():
        list_silences(rule, ended=ended, json=json)
        return
    with open_store() as store:
        found, now = store.silences.page(500, ended=ended, rule=rule), store.now()
    if json:
        json_out({"items": [one.model_dump(exclude={"change"}) for one in found]})
        return
    print_table(
        ["SILENCED", "TENANT", "EXPIRES", "BY", "REASON", "ID"],
        [
            (
                one.rule or " or ".join("{" + text + "}" for text in one.matchers), one.tenant,
                _end(one, now), one.actor, one.reason, one.id,
            )
            for one in found
        ],
        empty="Nothing is silenced.",
    )  # fmt: skip


def _end(one: Silence, now: datetime) -> str:
    from sentinel.store.notifications.mutes import muting_until

    if one.ended_at:
        return f"ended by {one.ended_by}"
    state = state_of(one.starts_at, one.until, None, now)
    if state is SilenceState.EXPIRED:
        return "is over"
    if state is SilenceState.PENDING:
        begins, length = one.starts_at - now, one.until - one.starts_at
        return f"begins in {_left(begins)}, for {_left(length)}"
    left = f"in {_left(one.until - now)}"
    if not one.recurrence:
        return left
    window = muting_until(one, now)
    inside = f"mutes for {_left(window - now)}" if window else "outside its windows"
    return f"{left}; {inside}"


def _left(length: timedelta) -> str:
    """Write a length of time for people: to the minute from an hour on, else to the second."""
    unit = 60 if length >= timedelta(hours=1) else 1
    return format_duration(timedelta(seconds=round(length.total_seconds() / unit) * unit))


@commands.command()
def add(
    rule: WhichRule = "",
    matcher: SetsOfMatchers = None,
    service: Annotated[
        list[str] | None,
        typer.Option(help="A maintenance window of this service.", show_default=False),
    ] = None,
    deployment: Annotated[
        list[str] | None,
        typer.Option(help="A maintenance window of this Prefect deployment.", show_default=False),
    ] = None,
    length: Annotated[
        str,
        typer.Option(
            "--for",
            help="Duration: 30m, 2h, 1d; 1h if left out, and 366d where it comes again.",
            show_default=False,
        ),
    ] = "",
    weekly: Annotated[
        list[str] | None,
        typer.Option(help="Mute in this weekly window: 'sat,sun 22:00-06:00'.", show_default=False),
    ] = None,
    rrule: Annotated[
        str,
        typer.Option(
            help="Mute in windows of RFC 5545: FREQ=MONTHLY;BYDAY=2TU.", show_default=False
        ),
    ] = "",
    first: Annotated[
        str,
        typer.Option(help="With --rrule: first local time, 2026-12-01T02:00.", show_default=False),
    ] = "",
    window: Annotated[
        str, typer.Option(help="With --rrule: length of each window: 2h.", show_default=False)
    ] = "",
    timezone: Annotated[str, typer.Option(help="Of these local times.")] = "UTC",
    start: Annotated[
        str,
        typer.Option(
            help="With --matcher: when it begins, as a duration from now or a moment with its "
            "time zone.",
            show_default=False,
        ),
    ] = "",
    message: Annotated[
        str, typer.Option("--message", "-m", help="The reason, shown beside the alerts.")
    ] = "",
    announce: Annotated[
        bool,
        typer.Option(
            "--announce", help="Notify the receivers that it mutes: it began, ends soon, is over."
        ),
    ] = False,
    tenant: OfTenant = "default",
    json: AsJson = False,
) -> None:
    """Silence a rule, or what matchers match: nobody is notified, also of what opens later.

    Examples:
        sentinel silence add disk-space --for 2h -m "the array is being rebuilt"
        sentinel silence add --matcher 'team="db", host=~"db-.*"' --for 2h --start 30m
        sentinel silence add --service billing --weekly "sun 02:00-04:00" --timezone Europe/Berlin

    Raises:
        ConfigurationError: `--for` is no duration, or both a rule and matchers were given
    """
    recurrence = recurrence_given(
        weekly or [], rrule, first, _span("--window", window) if window else None, timezone
    )
    span = _span("--for", length or ("366d" if recurrence else "1h"))
    maintained = sets_for(service or [], deployment or [])
    matchers = [*(matcher or []), *maintained]
    if bool(rule) is bool(matchers):
        raise ConfigurationError(
            "give either the name of a rule or --matcher, --service or --deployment",
            hint="See: sentinel silence add --help",
        )
    if (start or recurrence) and not matchers:
        raise ConfigurationError(
            "--start and windows need --matcher; the silence of a rule begins at once"
        )
    if matchers:
        asked = {
            "recurrence": recurrence, "maintenance": bool(maintained), "tenant": tenant,
            "announce": announce,
        }  # fmt: skip
        _add_matching(matchers, span, start, message, asked, json=json)
        return
    if remote_url():
        silence_remotely(rule, span, message, tenant, announce=announce, json=json)
        return
    with open_store() as store:
        until = store.now() + span
        silenced = store.silences.begin(
            rule, until, actor=actor(), reason=message, tenant=tenant, announce=announce
        )
    if json:
        json_out({"rule": rule, "tenant": tenant, "until": until, "silenced": silenced})
        return
    say(f"Silenced {rule} for {format_duration(span)}; live alerts: {silenced}.")


def _add_matching(
    matchers: list[str], span: timedelta, start: str, message: str, asked: dict[str, Any], *,
    json: bool,
) -> None:  # fmt: skip
    from sentinel.store.notifications.matcher_silences import MatcherSilences

    made: dict[str, Any]
    if remote_url():
        begins = _begin(start, datetime.now(UTC))
        made, count = silence_matching_remotely(matchers, span, begins, message, asked)
    else:
        with open_store() as store:
            begins = _begin(start, store.now())
            silence, count = MatcherSilences(store).create(
                matchers, begins + span, starts_at=begins, actor=actor(), comment=message,
                **asked,
            )  # fmt: skip
        made = silence.model_dump(exclude={"change"})
    if json:
        json_out({**made, "silenced": count})
        return
    say(f"Made the silence {made['id']} for {format_duration(span)}; alerts that match: {count}.")


@commands.command()
def preview(
    matcher: SetsOfMatchers = None, tenant: OfTenant = "default", json: AsJson = False
) -> None:
    """List the firing alerts that a silence would mute, without making it.

    Example:
        sentinel silence preview --matcher 'team="db"'
    """
    from sentinel.store.notifications.matcher_silences import MatcherSilences

    found: dict[str, Any]
    if remote_url():
        found = preview_remotely(matcher or [], tenant)
    else:
        with open_store() as store:
            seen = MatcherSilences(store).preview(matcher or [], tenant=tenant)
        found = {
            "count": seen.count,
            "alerts": [
                {"id": one.id, "title": one.title, "severity": one.severity, "rule": one.rule,
                 "labels": one.labels}
                for one in seen.alerts
            ],
        }  # fmt: skip
    if json:
        json_out(found)
        return
    print_table(
        ["ALERT", "SEVERITY", "RULE", "ID"],
        [(one["title"], one["severity"], one["rule"], one["id"]) for one in found["alerts"]],
        empty="No alert that fires matches.",
    )
    count, shown = found["count"], len(found["alerts"])
    more = f", of which {shown} are shown" if count > shown else ""
    say(f"It would mute {counted(count, 'alert')} now{more}.")


@commands.command()
def extend(silence: WhichSilence, length: Length = "1h", json: AsJson = False) -> None:
    """Let a silence by matchers end so long from now, later or earlier than before.

    Example:
        sentinel silence extend 0198f2c4a7e07cc0b2a1d3f4e5a69788 --for 2h
    """
    from sentinel.store.notifications.matcher_silences import MatcherSilences

    span = _span("--for", length)
    if remote_url():
        changed = extend_silence_remotely(silence, span)
    else:
        with open_store() as store:
            silences = MatcherSilences(store)
            changed = silences.extend(silence, store.now() + span, actor=actor()).model_dump(
                exclude={"change"}
            )
    if json:
        json_out(changed)
        return
    say(f"Moved the end of the silence to {format_duration(span)} from now.")


@commands.command()
def end(
    silence: Annotated[
        str,
        typer.Argument(
            metavar="RULE|ID", help="Name of the rule, or id of the silence.", show_default=False,
            autocompletion=completion.rules,
        ),
    ],
    tenant: OfTenant = "default",
    json: AsJson = False,
) -> None:  # fmt: skip
    """End a silence before its time; suppressions of single alerts go on.

    Examples:
        sentinel silence end disk-space
        sentinel silence end 0198f2c4a7e07cc0b2a1d3f4e5a69788
    """
    from sentinel.store.notifications.matcher_silences import MatcherSilences

    if remote_url():
        end_silence_remotely(silence, tenant, json=json)
        return
    with open_store() as store:
        rule = silence
        if re.fullmatch("[0-9a-f]{32}", silence):
            found = store.silences.get(silence)
            rule, tenant = found.rule, found.tenant
        if not rule:
            ended = MatcherSilences(store).expire(silence, actor=actor())
            json_out(ended.model_dump(exclude={"change"})) if json else say("Ended the silence.")
            return
        heard = store.silences.end(rule, actor=actor(), tenant=tenant)
    if json:
        json_out({"rule": rule, "tenant": tenant, "no_longer_silenced": heard})
        return
    say(f"Ended the silence of {rule}; live alerts: {heard}.")


def _begin(given: str, now: datetime) -> datetime:
    """Return when a silence begins: a moment, or a duration from now; now where none is given."""
    if not given:
        return now
    if not re.match(r"\d{4}-", given):
        return now + _span("--start", given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(
            f"--start: {given!r} is no moment with its time zone",
            hint="Write 2026-12-24T18:00+01:00, or a duration such as 30m.",
        )
    return moment


def _span(option: str, given: str) -> timedelta:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None
