"""Overrides of a vendor as ours, also of one layer alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from pydantic import ValidationError

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.values import moment
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import shifts
from sentinel.store.oncall.imports import NewOverride

__all__ = ["add_override", "override_times"]

_LONGEST = timedelta(days=366)


def override_times(
    draft: Draft, place: str, given: Mapping[str, Any], begins: str, ends: str
) -> tuple[datetime, datetime] | None:
    """Return when an override of a vendor begins and ends; None, noted, where it does not say.

    Args:
        draft: for the report
        place: the vendor's
        given: the override
        begins: the field with its start
        ends: the field with its end

    Returns:
        Both, timezone-aware.
    """
    try:
        return (
            moment(given.get(begins), f"{place}.{begins}"),
            moment(given.get(ends), f"{place}.{ends}"),
        )
    except ConfigurationError as error:
        draft.note("left out", place, error.message)
        return None


def add_override(
    draft: Draft, schedule: str, place: str, start: datetime, end: datetime,
    people: Sequence[str], reason: str, *, now: datetime, replaces: str = "",
    layers: Sequence[str] = (),
) -> None:  # fmt: skip
    """Add an override, or note why not.

    Args:
        draft: with the schedule
        schedule: our name of it
        place: the vendor's, for the report
        start: timezone-aware
        end: timezone-aware
        people: who is on call; none for nobody
        reason: kept with it; equal for each part of one of the vendor's
        now: the present moment; nothing is noted about what is over
        replaces: whom they replace; empty for everybody
        layers: names of layers whose people they replace; none for all
    """
    over = end <= now
    if start >= end or end - start > _LONGEST:
        why = "it ends before it begins"
        if start < end:
            why = "it is longer than a year: change the schedule instead"
        if not over:
            draft.note("left out", place, why)
        return
    given = draft.schedules[schedule]
    every = {one["name"] for one in given["layers"]}
    if not layers or every <= set(layers):
        made = [Override(start=start, end=end, people=tuple(people), replaces=replaces)]
    else:
        made = list(_of_layers(given, layers, start, end, people))
        if not over:
            draft.note(
                "differs", f"{place}.rotations",
                f"it is of {', '.join(layers)} alone: it replaces the people of its turns by "
                "name, also where another rotation has them, and by the turns of today",
            )  # fmt: skip
        if not made and not over:
            draft.note("left out", place, f"nobody is on call by {', '.join(layers)} then")
    draft.overrides += [NewOverride(schedule=schedule, override=one, reason=reason) for one in made]


def _of_layers(
    given: dict[str, Any], layers: Sequence[str], start: datetime, end: datetime,
    people: Sequence[str],
) -> Iterator[Override]:  # fmt: skip
    """Yield an override for each person of turns that touch, the first of a turn by the people."""
    for layer in given["layers"]:
        if layer["name"] not in layers:
            continue
        try:
            alone = Schedule.model_validate({**given, "layers": [layer]})
        except ValidationError:
            continue  # the whole schedule is left out, and named, for the same reason
        held: dict[tuple[str, ...], Override] = {}
        for shift in shifts(alone, [], start, end):
            for place, person in enumerate(shift.people):
                by = tuple(people) if place == 0 else ()
                before = held.get((person, *by))
                if before is not None and before.end == shift.start:
                    held[(person, *by)] = replace(before, end=shift.end)
                    continue
                if before is not None:
                    yield before
                held[(person, *by)] = Override(
                    start=shift.start, end=shift.end, replaces=person, people=by
                )
        yield from held.values()
