"""Follows the log levels that people set: every process reads them every few seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.settings.log_levels import LogLevel, apply_levels, levels_at
from sentinel.store import Store
from sentinel.store.log_levels import LogLevels

__all__ = ["EVERY_SECONDS", "LogLevelWatch"]

EVERY_SECONDS = 3.0
"""How long a process may still log at the level before."""
_log = logging.getLogger(__name__)


class LogLevelWatch:
    """A thread that gives this process's loggers the levels in the database.

    Args:
        store: the shared database and its clock
        changed: called in that thread with the levels by loggers, where they are others than before
    """

    def __init__(
        self, store: Store, changed: Callable[[Mapping[str, str]], None] | None = None
    ) -> None:
        self._store = store
        self._levels = LogLevels(store)
        self._changed = changed
        self._known: list[LogLevel] = []
        self._now: dict[str, str] = {}
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log levels", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and give the loggers the levels that they had before."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(EVERY_SECONDS)
        apply_levels({})

    def turn(self) -> None:
        """Read the levels, and apply those that hold; the last ones known while none are read."""
        try:
            self._known = self._levels.held()
            self._lost = False
        except (SentinelError, SQLAlchemyError) as error:
            if not self._lost:
                _log.warning("log levels cannot be read, those known still hold: %s", error)
            self._lost = True
        wanted = levels_at(self._store.now(), self._known)
        if wanted != self._now:
            self._now = wanted
            apply_levels(wanted)
            names = ", ".join(f"{name} {level}" for name, level in wanted.items())
            _log.warning("log levels changed: %s", names or "as configured")
            if self._changed is not None:
                self._changed(wanted)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.turn()
            self._stop.wait(EVERY_SECONDS)
