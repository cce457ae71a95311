"""The schedules of the active document with their overrides, as checks ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from sentinel.errors import ConfigurationError, NotFound
from sentinel.oncall.coverage import Coverage, coverage_of
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import Shift, shifts
from sentinel.oncall.standing import Standing, standing
from sentinel.store.oncall.calendar_copies import calendar_overrides
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.overrides import as_override, override_rows

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["REACH", "OnCallNow", "StoredOnCall", "read_oncall_now", "readable_oncall_now"]

_LONGEST = 100
REACH = timedelta(days=62)
"""How far back the start of a shift is looked for, and how far ahead its end."""


class OnCallNow(msgspec.Struct, frozen=True):
    """The active document and its overrides, of one moment.

    Attributes:
        document: empty where there is none
        overrides: those of each schedule in the order in which they were made, after the shifts
            of its calendar
    """

    document: OnCallDocument
    overrides: Mapping[str, list[Override]]

    def overrides_of(self, schedule: str) -> Sequence[Override]:
        """Return the overrides of a schedule; none where it has none."""
        return self.overrides.get(schedule, [])

    def schedules(self, name: str | None = None) -> dict[str, Schedule]:
        """Return schedules.

        Args:
            name: of one schedule; None for all

        Returns:
            Schedules by their name, sorted.

        Raises:
            NotFound: there is no schedule of that name
        """
        found = self.document.schedules
        if name is None:
            return dict(sorted(found.items()))
        if name not in found:
            raise NotFound(
                f"there is no schedule {name!r}",
                hint=f"Schedules: {', '.join(sorted(found))[:_LONGEST] or 'none'}",
            )
        return {name: found[name]}

    def require_person(self, name: str) -> None:
        """Refuse a name that is nobody's.

        Args:
            name: of a person in the document

        Raises:
            NotFound: there is no person of that name
        """
        if name not in self.document.people:
            known = ", ".join(sorted(self.document.people))[:_LONGEST]
            raise NotFound(f"there is no person {name!r}", hint=f"People: {known or 'none'}")

    def coverage(self, start: datetime, end: datetime) -> list[Coverage]:
        """Return what each schedule lacks over a range, by name; both timezone-aware."""
        return [
            coverage_of(name, one, self.overrides_of(name), start, end)
            for name, one in self.schedules().items()
        ]

    def standings(self, moment: datetime, name: str | None = None) -> list[Standing]:
        """Return who is on call at a moment, and who is next.

        Args:
            moment: timezone-aware
            name: of one schedule; None for all

        Returns:
            One for each schedule, by name.

        Raises:
            NotFound: there is no schedule of that name
        """
        return [
            standing(each, one, self.overrides_of(each), moment)
            for each, one in self.schedules(name).items()
        ]

    def shifts(
        self, start: datetime, end: datetime, name: str | None = None
    ) -> list[tuple[str, Shift]]:
        """Return the shifts that have a part within a range.

        Args:
            start: timezone-aware
            end: timezone-aware
            name: of one schedule; None for all

        Returns:
            The name of a schedule and one of its shifts, by name, then by time. A shift that has
            begun has its own start, unless that is more than `REACH` before, and each its own end,
            unless that is more than `REACH` after the range: then it ends there.

        Raises:
            NotFound: there is no schedule of that name
        """
        return [
            (each, shift)
            for each, one in self.schedules(name).items()
            for shift in shifts(one, self.overrides_of(each), start - REACH, end + REACH)
            if shift.end > start and shift.start < end
        ]


def read_oncall_now(connection: Connection, since: datetime) -> OnCallNow:
    """Return the active document and its overrides as an open transaction reads them.

    Args:
        connection: an open transaction, which reads one snapshot or is alone
        since: overrides that ended before are left out; timezone-aware

    Returns:
        Both.
    """
    made = override_rows(connection, None, since)
    document = active_document(connection)
    overrides = calendar_overrides(connection, document, since)
    for row in made:
        overrides.setdefault(row.schedule, []).append(as_override(row))
    return OnCallNow(document, overrides)


def readable_oncall_now(connection: Connection, since: datetime) -> OnCallNow | None:
    """Read on-call for an answer that says more, which stays although a document is unreadable.

    Args:
        connection: as of `read_oncall_now`
        since: as of `read_oncall_now`

    Returns:
        Both; None where the document cannot be read, such as one that a newer version stored.
    """
    try:
        return read_oncall_now(connection, since)
    except ConfigurationError:
        return None


class StoredOnCall:
    """On-call in the shared database.

    Each answer is of one moment: a document is never read with the overrides of another.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self, since: datetime) -> OnCallNow:
        """Return the active document and the overrides that end after a moment.

        Args:
            since: timezone-aware

        Returns:
            Both, of one moment.
        """
        with self._store.snapshot() as connection:
            return read_oncall_now(connection, since)

    def schedules(self, name: str | None = None) -> dict[str, Schedule]:
        """Return the schedules of the active document; as of `OnCallNow`."""
        with self._store.read() as connection:
            return OnCallNow(active_document(connection), {}).schedules(name)

    def overrides(self, since: datetime) -> dict[str, list[Override]]:
        """Return the overrides that end after a moment, by schedule."""
        return dict(self.now(since).overrides)

    def coverage(self, start: datetime, end: datetime) -> list[Coverage]:
        """Return what each schedule lacks over a range; as of `OnCallNow`."""
        return self.now(start).coverage(start, end)

    def standings(self, moment: datetime, name: str | None = None) -> list[Standing]:
        """Return who is on call at a moment, and who is next; as of `OnCallNow`."""
        return self.now(moment).standings(moment, name)

    def shifts(
        self, start: datetime, end: datetime, name: str | None = None
    ) -> list[tuple[str, Shift]]:
        """Return the shifts that have a part within a range; as of `OnCallNow`."""
        return self.now(start - REACH).shifts(start, end, name)
