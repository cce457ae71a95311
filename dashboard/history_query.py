"""The search of the history page. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.store.alerts.filter import AlertFilter, both
from sentinel.store.alerts.search_syntax import read_search

__all__ = ["HistoryQuery"]


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A search of the history.

    Attributes:
        q: the typed search (see `sentinel.store.alerts.search_syntax`)
        severity: only these; empty for all
        status: only these; empty for all
        since: opened at or after this time
        until: opened before this time
    """

    q: str = ""
    severity: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def filter(self, me: str) -> AlertFilter:
        """Return the filter of the store, with `me` as the person that `assignee:me` means."""
        chosen = AlertFilter(
            severity=self.severity, status=self.status, since=self.since, until=self.until
        )
        return both(chosen, read_search(self.q, me=me))
