"""What the on-call page shows: the document, who is on call, shifts, gaps and overrides.

Nothing of Streamlit is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from dashboard.database_errors import database
from sentinel.errors import NotFound
from sentinel.oncall.coverage import Coverage, coverage_of, gaps
from sentinel.oncall.difference import Changed, changed
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import Shift, shifts
from sentinel.oncall.standing import Standing, standing
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.store.access.within import Within
from sentinel.store.oncall.calendar_copies import calendar_overrides
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides, as_override

__all__ = ["OnCallView", "Slot", "document_changes", "read_standings", "read_view"]

WEEKS = 4
"""So many weeks the calendar shows."""
AHEAD = timedelta(days=28)
"""So far ahead gaps and shares are counted, and documents are compared."""
_NONE = OnCallVersion(
    number=0, document="", digest="", applied_by="", applied_at=datetime.fromtimestamp(0, UTC)
)
REACH = timedelta(days=62)
"""How far outside of the calendar the start or the end of a shift is looked for."""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody selected in the calendar: a shift, or a gap, which has no people."""

    schedule: str
    start: datetime
    end: datetime
    people: tuple[str, ...] = ()
    source: str = ""

    @property
    def key(self) -> str:
        """Return what the calendar names it by."""
        return f"{self.start.isoformat()} {self.schedule}"


class OnCallView(msgspec.Struct, frozen=True, kw_only=True):
    """On-call at one moment.

    Attributes:
        number: of the active version of the document; 0 for none
        text: of the document
        document: as it was read
        at: the moment
        standings: who is on call now, by schedule
        slots: shifts and gaps of the calendar, by schedule, oldest first
        coverage: gaps and shares of the days to come, by schedule
        overrides: that hold or are to come, in the order in which they were made
        by_schedule: overrides as decisions read them, also those that ended lately
    """

    number: int
    text: str
    document: OnCallDocument
    at: datetime
    standings: list[Standing]
    slots: dict[str, list[Slot]]
    coverage: list[Coverage]
    overrides: list[OnCallOverride]
    by_schedule: dict[str, list[Override]]

    def find(self, key: str) -> Slot | None:
        """Return what the calendar names by a key; None where it is not there any more."""
        found = (one for slots in self.slots.values() for one in slots)
        return next((one for one in found if one.key == key), None)

    def with_overrides(self, schedule: str, added: Sequence[Override]) -> list[Changed]:
        """Return what further overrides of a schedule would change.

        Args:
            schedule: its name
            added: to those that there are

        Returns:
            The times with other people on call.
        """
        chosen, known = self.document.schedules[schedule], self.by_schedule.get(schedule, [])
        start, end = min(one.start for one in added), max(one.end for one in added)
        return changed(
            shifts(chosen, known, start, end), shifts(chosen, [*known, *added], start, end)
        )


def read_view(within: Within, first: datetime) -> OnCallView:
    """Read on-call.

    Args:
        within: the store, within the scope of whoever looks
        first: where the calendar begins

    Returns:
        What the page shows.

    Raises:
        OutOfScope: less than everything is in scope: on-call is of all tenants
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        active, at = _active(OnCallDocuments(store)), store.now()
        begins, ends = first - REACH, first + timedelta(weeks=WEEKS) + REACH
        rows = OnCallOverrides(store).rows(since=min(begins, at - REACH))
    document = _document(active.document)
    with database(), store.read() as connection:
        by_schedule = calendar_overrides(connection, document, min(begins, at - REACH))
    for row in rows:
        by_schedule.setdefault(row.schedule, []).append(as_override(row))
    chosen = dict(sorted(document.schedules.items()))
    of = {name: by_schedule.get(name, []) for name in chosen}
    return OnCallView(
        number=active.number,
        text=active.document,
        document=document,
        at=at,
        standings=[standing(name, one, of[name], at) for name, one in chosen.items()],
        slots={
            name: _slots(
                name,
                one,
                shifts(one, of[name], begins, ends),
                first,
            )
            for name, one in chosen.items()
        },
        coverage=[coverage_of(name, one, of[name], at, at + AHEAD) for name, one in chosen.items()],
        overrides=[row for row in rows if row.ends_at > at],
        by_schedule=by_schedule,
    )


def read_standings(within: Within) -> list[Standing]:
    """Read who is on call now and next, by schedule.

    Args:
        within: the store, within the scope of whoever looks

    Returns:
        One for each schedule, by name.

    Raises:
        OutOfScope: less than everything is in scope: on-call is of all tenants
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        active, at = _active(OnCallDocuments(store)), store.now()
        rows = OnCallOverrides(store).rows(since=at - REACH)
    document = _document(active.document)
    with database(), store.read() as connection:
        by_schedule = calendar_overrides(connection, document, at - REACH)
    for row in rows:
        by_schedule.setdefault(row.schedule, []).append(as_override(row))
    return [
        standing(name, one, by_schedule.get(name, []), at)
        for name, one in sorted(document.schedules.items())
    ]


def _active(documents: OnCallDocuments) -> OnCallVersion:
    try:
        return documents.version()
    except NotFound:
        return _NONE


def _slots(name: str, schedule: Schedule, held: list[Shift], first: datetime) -> list[Slot]:
    """Return the shifts that have a part in the calendar, and the gaps between them."""
    last = first + timedelta(weeks=WEEKS)
    found = [
        Slot(schedule=name, start=one.start, end=one.end, people=one.people, source=one.source)
        for one in held
        if one.start < last and one.end > first
    ]
    found += [
        Slot(schedule=name, start=one.start, end=one.end)
        for one in gaps(schedule, held, first, last)
    ]
    return sorted(found, key=lambda one: one.start)


def document_changes(view: OnCallView, draft: str) -> dict[str, list[Changed]]:
    """Return who is on call instead of whom by a draft of the document.

    Args:
        view: what is active
        draft: YAML; empty for no document

    Returns:
        Times of the days to come with other people on call, by schedule.

    Raises:
        ConfigurationError: the draft cannot be used
    """
    document = _document(draft.strip() and draft)
    end = view.at + AHEAD
    found: dict[str, list[Changed]] = {}
    for name in sorted({*view.document.schedules, *document.schedules}):
        known = view.by_schedule.get(name, [])
        sides = [
            [] if (one := each.schedules.get(name)) is None else shifts(one, known, view.at, end)
            for each in (view.document, document)
        ]
        if differs := changed(*sides):
            found[name] = differs
    return found


@lru_cache(maxsize=8)
def _document(text: str) -> OnCallDocument:
    """Read a document once for all screens; an empty text is one without anybody."""
    return read_oncall(text) if text else OnCallDocument()
