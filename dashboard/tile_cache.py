"""Tiles of custom dashboards that were drawn some seconds ago, by the scope they were drawn in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

__all__ = ["MOST_KEPT", "VALID_FOR", "TileCache"]

VALID_FOR = timedelta(seconds=10)
"""Shorter than the period in which a page draws its tiles again."""
MOST_KEPT = 256


class TileCache:
    """Keeps tiles for some seconds, so that many walls of one scope cost as much as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[datetime, str]] = OrderedDict()

    def get(self, key: Hashable, now: datetime, draw: Callable[[], str]) -> str:
        """Return a tile, drawn now or less than `VALID_FOR` ago.

        Args:
            key: all that the tile depends on but the time and the data
            now: the present moment
            draw: draws it; what it raises is not kept

        Returns:
            HTML.
        """
        with self._lock:
            known = self._kept.get(key)
        if known is not None and timedelta(0) <= now - known[0] < VALID_FOR:
            return known[1]
        drawn = draw()
        with self._lock:
            self._kept[key] = (now, drawn)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return drawn
