"""`sentinel oncall …`: who is on call now and next, gaps, overrides and swaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.oncall_here import oncall_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import refuse_remote, remote_url
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError

__all__ = ["Note", "commands", "moment_of_option"]

commands = typer.Typer(
    no_args_is_help=True, help="On-call: who is called now and next, gaps, overrides and swaps."
)

_ONLY_HERE = ("read-calendar",)
"""Commands that work on the database."""


@commands.callback()
def oncall(context: typer.Context) -> None:
    """On-call: who is called now and next, gaps, overrides and swaps."""
    if context.invoked_subcommand in _ONLY_HERE:
        refuse_remote()


Note = Annotated[str, typer.Option("--message", "-m", help="The reason; shown beside it.")]
Which = Annotated[
    str | None, typer.Argument(help="Name of a schedule.", show_default="all schedules")
]
One = Annotated[str, typer.Argument(help="Name of the schedule.", show_default=False)]
Days = Annotated[int, typer.Option(min=1, max=366, help="Number of days to look ahead.")]


@commands.command()
def now(
    schedule: Which = None,
    at: Annotated[str, typer.Option("--at", help="Another moment: 2026-12-24T18:00+01:00.")] = "",
    json: AsJson = False,
) -> None:
    """Print who is on call now, until when, and who is next.

    Example:
        sentinel oncall now
    """
    with oncall_here() as oncall:
        moment, found, zones = oncall.standings(moment_of_option(at) if at else None, schedule)
    if json:
        json_out({"at": moment, "items": _items(found)})
        return
    print_table(
        ["SCHEDULE", "ON CALL", "UNTIL", "THEN"],
        [
            (
                one.schedule,
                ", ".join(one.people) or "nobody",
                _local(one.until, zones[one.schedule])
                if one.until
                else "no handoff within 400 days",
                ", ".join(one.following) or ("nobody" if one.until else ""),
            )
            for one in found
        ],
        empty=_NONE,
    )


@commands.command("next")
def next_(schedule: Which = None, days: Days = 14, json: AsJson = False) -> None:
    """List the shifts that begin within these days, until their own ends, and what put them there.

    Example:
        sentinel oncall next primary --days 30
    """
    with oncall_here() as oncall:
        start, found, zones = oncall.shifts(schedule, days)
    if json:
        json_out({"items": [_as_item(name, shift) for name, shift in found]})
        return
    print_table(
        ["SCHEDULE", "FROM", "UNTIL", "ON CALL", "BY"],
        [
            (
                name, _local(shift.start, zones[name]),
                _until(shift.end, start + timedelta(days=days), zones[name]),
                ", ".join(shift.people), shift.source,
            )
            for name, shift in found
        ],
        empty=_NONE if schedule is None else f"Nobody is on call within {days} days.",
    )  # fmt: skip


@commands.command()
def gaps(schedule: Which = None, days: Days = 30, json: AsJson = False) -> None:
    """List times without anybody on call, and people with more than their share.

    Example:
        sentinel oncall gaps --days 60

    Raises:
        Exit: 1 if there is any of them
    """
    with oncall_here() as oncall:
        _, found, chosen = oncall.coverage(schedule, days)
    if json:
        json_out({"items": _items(found)})
    else:
        print_table(
            ["SCHEDULE", "NOBODY FROM", "UNTIL", "LENGTH"],
            [
                (
                    one.schedule, _local(gap.start, ZoneInfo(one.timezone)),
                    _local(gap.end, ZoneInfo(one.timezone)), format_duration(gap.end - gap.start),
                )
                for one in found
                for gap in one.gaps
            ],
            empty=f"Somebody is on call at all times that need it, for {days} days."
            if chosen
            else _NONE,
        )  # fmt: skip
        print_table(
            ["SCHEDULE", "PERSON", "SHIFTS", "HOURS", "NIGHTS", "WEEKENDS", ""],
            [
                (
                    one.schedule, load.person, load.shifts, f"{load.hours:.0f}",
                    f"{load.night_hours:.0f}", f"{load.weekend_hours:.0f}",
                    "more than their share" if load.person in one.overloaded else "",
                )
                for one in found
                for load in one.loads
            ],
            empty="",
        )  # fmt: skip
    if any(one.gaps or one.overloaded for one in found):
        raise typer.Exit(Exit.FAILED)


@commands.command()
def override(
    schedule: One,
    people: Annotated[
        list[str], typer.Argument(help="Names of people; none for nobody.", show_default=False)
    ],
    start: Annotated[str, typer.Option("--from", help="Start; now if left out.")] = "",
    until: Annotated[str, typer.Option("--until", help="End.", show_default=False)] = "",
    length: Annotated[str, typer.Option("--for", help="Length instead of an end: 8h.")] = "",
    replaces: Annotated[
        str, typer.Option("--instead-of", help="One person; everybody if left out.")
    ] = "",
    message: Note = "",
    json: AsJson = False,
) -> None:
    """Put people on call for a time, instead of who is on call by the schedule.

    Times without a zone are in the schedule's.

    Example:
        sentinel oncall override primary cem --from 2026-12-24T18:00 --for 12h -m "ann is ill"

    Raises:
        ConfigurationError: both an end and a length are given, or neither
    """
    if bool(until) is bool(length):
        raise ConfigurationError("give either --until or --for", hint="For example --for 8h.")
    with oncall_here() as oncall:
        now, _, zones = oncall.standings(None, schedule)
        zone = zones[schedule]
        begins = _in_zone(start, zone, "--from") if start else now
        ends = _in_zone(until, zone, "--until") if until else begins + _duration(length)
        made = oncall.override(schedule, people, begins, ends, replaces, message)
    if json:
        json_out(made.model_dump())
    else:
        say(
            f"{', '.join(people) or 'Nobody'} from {_local(made.starts_at, zone)} until "
            f"{_local(made.ends_at, zone)}. Take it back with: sentinel oncall remove {made.id}"
        )


@commands.command()
def swap(
    schedule: One,
    first: Annotated[str, typer.Argument(help="A time within one shift.", show_default=False)],
    second: Annotated[str, typer.Argument(help="A time within the other.", show_default=False)],
    message: Note = "",
    json: AsJson = False,
) -> None:
    """Let the people of two shifts take each other's; no other shift changes.

    Times without a zone are in the schedule's.

    Example:
        sentinel oncall swap primary 2026-12-21T12:00 2026-12-28T12:00 -m "ann is on holiday"
    """
    with oncall_here() as oncall:
        zone = oncall.standings(None, schedule).zones[schedule]
        moments = [_in_zone(one, zone, one) for one in (first, second)]
        made = oncall.swap(schedule, moments[0], moments[1], message)
    if json:
        json_out({"items": [one.model_dump() for one in made]})
        return
    for one in made:
        say(
            f"{one.people.replace(chr(10), ', ')} from {_local(one.starts_at, zone)} until "
            f"{_local(one.ends_at, zone)}."
        )
    say(f"Take the swap back with: sentinel oncall remove {made[0].id}")


@commands.command()
def overrides(schedule: Which = None, json: AsJson = False) -> None:
    """List overrides and swaps that hold or are to come.

    Example:
        sentinel oncall overrides
    """
    with oncall_here() as oncall:
        _, found, chosen = oncall.overrides(schedule)
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    print_table(
        ["ID", "SCHEDULE", "FROM", "UNTIL", "ON CALL", "INSTEAD OF", "BY", "REASON"],
        [
            (
                one.id, one.schedule,
                _local(one.starts_at, chosen[one.schedule]),
                _local(one.ends_at, chosen[one.schedule]),
                one.people.replace("\n", ", ") or "nobody", one.replaces or "everybody",
                f"{one.made_by} (swap)" if one.swap else one.made_by, one.reason,
            )
            for one in found
        ],
        empty="There are no overrides.",
    )  # fmt: skip


@commands.command()
def remove(
    override_id: Annotated[str, typer.Argument(help="Id of the override.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Take an override back; of a swap, both of its sides.

    Example:
        sentinel oncall remove 0192f3a5c4e87d1b9a06d2f41c3b5e77
    """
    with oncall_here() as oncall:
        found = oncall.remove(override_id)
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    say("Took the swap back." if len(found) > 1 else "Took the override back.")


_NONE = "There are no schedules: sentinel oncall apply FILE"


def _as_item(name: str, shift: Any) -> dict[str, object]:
    if remote_url():
        return shift.model_dump(mode="json")
    import msgspec

    return {"schedule": name} | msgspec.to_builtins(shift)


def _items(found: Sequence[Any]) -> list[Any]:
    """Return items as JSON has them."""
    return [one.model_dump(mode="json") for one in found] if remote_url() else list(found)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _until(end: datetime, horizon: datetime, zone: ZoneInfo) -> str:
    """Return until when a shift lasts, or how far its end was looked for."""
    from sentinel.store.oncall.stored import REACH

    searched = end >= horizon + REACH - timedelta(minutes=5)  # a server has a clock of its own
    return f"at least {_local(end, zone)}" if searched else _local(end, zone)


def _duration(given: str) -> timedelta:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None


def moment_of_option(given: str) -> datetime:
    """Return the moment that an option `--at` gives, without a zone in this machine's.

    Args:
        given: as 2026-12-24T18:00+01:00

    Returns:
        The moment in UTC.

    Raises:
        ConfigurationError: it is no time
    """
    return _in_zone(given, None, "--at")


def _in_zone(given: str, zone: ZoneInfo | None, place: str) -> datetime:
    """Return a time as a moment; without a zone in the schedule's, or in this machine's."""
    from sentinel.timing.local_time import moment_of

    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigurationError(
            f"{place}: {given!r} is no time", hint="Write 2026-12-24T18:00 or with a zone, +01:00."
        ) from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return moment.astimezone(UTC) if zone is None else moment_of(moment, zone)
