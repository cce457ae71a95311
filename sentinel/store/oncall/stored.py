"""The schedules of the active document with their overrides, as checks ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sentinel.oncall.coverage import Coverage, coverage_of
from sentinel.oncall.schedule import Override
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides, as_override

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["StoredOnCall"]


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
        schedules = OnCallDocuments(self._store).active().schedules
        overrides: dict[str, list[Override]] = {}
        for row in OnCallOverrides(self._store).rows(since=start) if schedules else ():
            overrides.setdefault(row.schedule, []).append(as_override(row))
        return [
            coverage_of(name, one, overrides.get(name, []), start, end)
            for name, one in sorted(schedules.items())
        ]
