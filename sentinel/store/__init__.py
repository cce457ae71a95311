"""The store: all SQL, one transaction per change, one file per noun.

`Store` is the only thing that the doors see of it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from sentinel.clock import Clock, SystemClock
from sentinel.store.engine import connect, reading, writing

__all__ = ["Knobs", "Store"]


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decisions inside the store depend on."""

    reopen_within: timedelta = timedelta(minutes=15)
    hold_after_manual_resolve: timedelta = timedelta(minutes=5)
    wake_again_after: timedelta = timedelta(seconds=5)
    dashboard_url: str = "http://127.0.0.1:8501"


class Store:
    """The shared database.

    Args:
        url: `postgresql+psycopg://…` or `sqlite:///…`
        clock: tells the time; the machine's unless a test gives another
        knobs: settings that decisions depend on
    """

    def __init__(self, url: str, *, clock: Clock | None = None, knobs: Knobs | None = None) -> None:
        self.engine = connect(url)
        self.clock = clock or SystemClock()
        self.knobs = knobs or Knobs()

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self.engine.dialect.name

    def now(self) -> datetime:
        """The present moment, by this store's clock."""
        return self.clock.now()

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction that writes: committed as a whole or not at all."""
        return writing(self.engine)

    def read(self) -> AbstractContextManager[Connection]:
        """One transaction that only reads."""
        return reading(self.engine)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()
