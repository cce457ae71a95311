"""The schedules of the active document with their overrides, as checks ask for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sentinel.errors import NotFound
from sentinel.oncall.coverage import Coverage, coverage_of
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import Shift, shifts
from sentinel.oncall.standing import Standing, standing
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides, as_override

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["StoredOnCall"]

_LONGEST = 100
_REACH = timedelta(days=62)
"""How far back the start of a shift is looked for."""


class StoredOnCall:
    """On-call in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def coverage(self, start: datetime, end: datetime) -> list[Coverage]:
        """Return what each schedule lacks over a range.

        Args:
            start: timezone-aware
            end: timezone-aware

        Returns:
            One for each schedule, by name.
        """
        overrides = self.overrides(start)
        return [
            coverage_of(name, one, overrides.get(name, []), start, end)
            for name, one in self.schedules().items()
        ]

    def schedules(self, name: str | None = None) -> dict[str, Schedule]:
        """Return the schedules of the active document.

        Args:
            name: of one schedule; None for all

        Returns:
            Schedules by their name, sorted.

        Raises:
            NotFound: there is no schedule of that name
        """
        found = OnCallDocuments(self._store).active().schedules
        if name is None:
            return dict(sorted(found.items()))
        if name not in found:
            raise NotFound(
                f"there is no schedule {name!r}",
                hint=f"Schedules: {', '.join(sorted(found))[:_LONGEST] or 'none'}",
            )
        return {name: found[name]}

    def overrides(self, since: datetime) -> dict[str, list[Override]]:
        """Return the overrides that end after a moment, by schedule.

        Args:
            since: timezone-aware

        Returns:
            Those of each schedule in the order in which they were made.
        """
        found: dict[str, list[Override]] = {}
        for row in OnCallOverrides(self._store).rows(since=since):
            found.setdefault(row.schedule, []).append(as_override(row))
        return found

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
        chosen, overrides = self.schedules(name), self.overrides(moment)
        return [
            standing(each, one, overrides.get(each, []), moment) for each, one in chosen.items()
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
            begun has its own start, unless that is more than 62 days before.

        Raises:
            NotFound: there is no schedule of that name
        """
        since = start - _REACH
        chosen, overrides = self.schedules(name), self.overrides(since)
        return [
            (each, shift)
            for each, one in chosen.items()
            for shift in shifts(one, overrides.get(each, []), since, end)
            if shift.end > start
        ]
