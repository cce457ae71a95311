"""`sentinel oncall calendar` and `read-calendar`: shifts to and from iCalendar files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli.oncall_document import commands
from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.cli.remote_access import calendar_there
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.errors import ConfigurationError

__all__ = ["commands"]


@commands.command()
def calendar(
    file: Annotated[Path, typer.Argument(help="File to write: oncall.ics.", show_default=False)],
    schedule: Annotated[
        str | None, typer.Option(help="Name of a schedule.", show_default="all schedules")
    ] = None,
    person: Annotated[str, typer.Option(help="Only the shifts of this person.")] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="Number of days to look ahead.")] = 90,
    json: AsJson = False,
) -> None:
    """Write the shifts to come as an iCalendar file, which calendar programs read.

    Example:
        sentinel oncall calendar oncall.ics --person ann

    Raises:
        ConfigurationError: the file cannot be written
        NotFound: there is no such schedule or person
    """
    from sentinel.oncall.calendar_feed import calendar_of
    from sentinel.store.oncall.stored import REACH, StoredOnCall

    if remote_url():
        content = calendar_there(schedule, person, days)
        count = content.count(b"\nBEGIN:VEVENT")
    else:
        with open_store() as store:
            start = store.now()
            known = StoredOnCall(store).now(start - REACH)
        if person:
            known.require_person(person)
        found = known.shifts(start, start + timedelta(days=days), schedule)
        held = [(name, shift) for name, shift in found if not person or person in shift.people]
        title = f"On call: {person or schedule or 'all schedules'}"
        content, count = calendar_of(title, held, start, person), len(held)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from None
    if json:
        json_out({"file": str(file), "shifts": count})
    else:
        say(f"Wrote {count} shifts to {file}.")


@commands.command("read-calendar")
def read(
    file: Annotated[Path, typer.Argument(help="iCalendar file.", show_default=False)],
    timezone: Annotated[
        str, typer.Option(help="Zone of the schedule, and of times that name none.")
    ] = "UTC",
    days: Annotated[int, typer.Option(min=1, max=366, help="Number of days to look ahead.")] = 90,
    json: AsJson = False,
) -> None:
    """Print the shifts of an iCalendar file as a temporary schedule, for the on-call document.

    People are known by their mail address, else by their name in the title.

    Example:
        sentinel oncall read-calendar rota.ics --timezone Europe/Berlin --days 30

    Raises:
        ConfigurationError: the file cannot be read, or the zone is none
    """
    import yaml

    from sentinel.oncall.calendar_import import people_of, read_calendar
    from sentinel.oncall.schedule import Schedule
    from sentinel.store.oncall.documents import OnCallDocuments
    from sentinel.timing.local_time import local_of, moment_of

    try:
        zone = Schedule(timezone=timezone).zone
        text = file.read_bytes()
    except ValueError:
        raise ConfigurationError(
            f"{timezone!r} is no time zone", hint="Write UTC or Europe/Berlin."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
    with open_store() as store:
        people = OnCallDocuments(store).active().people
        start = store.now().replace(second=0, microsecond=0)
    end = start + timedelta(days=days)
    found = read_calendar(text, zone, start, end)
    emails = {name: one.email for name, one in people.items()}
    problems, listed = list(found.problems), list[dict[str, Any]]()
    for one in found.shifts:
        names = people_of(one, emails)
        begins, ends = max(one.start, start), min(one.end, end)
        if not names:
            problems.append(f"nobody is known of {one.summary!r} at {one.start:%Y-%m-%d %H:%M} UTC")
            continue
        for moment in (begins, ends):
            if moment_of(local_of(moment, zone), zone) != moment:
                problems.append(
                    f"{local_of(moment, zone):%Y-%m-%d %H:%M} is there twice, since the clock "
                    "changes; the first one is taken"
                )
        listed.append(
            {
                "people": list(names),
                "start": f"{local_of(begins, zone):%Y-%m-%dT%H:%M}",
                "end": f"{local_of(ends, zone):%Y-%m-%dT%H:%M}",
            }
        )
    whole = {
        "start": f"{local_of(start, zone):%Y-%m-%dT%H:%M}",
        "end": f"{local_of(end, zone):%Y-%m-%dT%H:%M}",
        "shifts": listed,
    }
    if json:
        json_out({"temporary": [whole], "problems": problems})
        return
    for line in yaml.safe_dump({"temporary": [whole]}, sort_keys=False).rstrip().split("\n"):
        say(line)
    for problem in problems:
        complain(f"not read: {problem}")
