"""What of the history somebody looks for. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import read_search

__all__ = ["Past"]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the history: what was typed, and what was chosen beside it."""

    q: str = ""
    severity: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def filter(self, me: str) -> AlertFilter:
        """Which alerts it asks for, `me` being who asks."""
        asked = read_search(self.q, me=me)
        return msgspec.structs.replace(
            asked,
            severity=self.severity or asked.severity,
            status=self.status or asked.status,
            since=self.since,
            until=self.until,
        )
