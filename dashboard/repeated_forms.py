"""A form's command that arrives twice is carried out once: the second click of a double click.

Streamlit runs the page's script for each click, and may do so while the first click's command is
under way. The same command of the same session that begins within a second of the end of the first
is therefore answered as that was. Nobody means it: what the first one did is not even on screen.

Commands for alerts need none of this, since the browser gives each an id that is kept with its
change (`alert_commands`). A form has no browser of its own that could send it again later: where
the connection is lost, Streamlit shows the page anew, and with it what was done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

__all__ = ["REPEATED_WITHIN", "RepeatedForms"]

REPEATED_WITHIN = 1.0
"""Seconds from the end of a command in which the same one is the same click again."""
R = TypeVar("R")


class _Done(msgspec.Struct, frozen=True):
    """The last command of a session, when it ended, and what it returned."""

    kind: type[Any]
    said: dict[str, Any]
    ended: float
    result: Any


class RepeatedForms:
    """The last command of each session, for a second.

    Args:
        clock: seconds of a clock that only goes forward
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, _Done] = {}
        self._lock = threading.Lock()

    def once(self, session: str, command: object, work: Callable[[], R]) -> R:
        """Carry out a command, unless it is the last one of its session again.

        Args:
            session: id of the browser's session, which runs one command at a time
            command: a msgspec Struct
            work: carries it out

        Returns:
            What `work` returned, now or a moment ago. One that raised is carried out again.
        """
        kind, said = type(command), msgspec.to_builtins(command)
        with self._lock:
            self._forget()
            last = self._last.get(session)
        if last is not None and (last.kind, last.said) == (kind, said):
            return cast("R", last.result)
        result = work()
        with self._lock:
            self._last[session] = _Done(kind, said, self._clock(), result)
        return result

    def _forget(self) -> None:
        since = self._clock() - REPEATED_WITHIN
        for session in [one for one, last in self._last.items() if last.ended < since]:
            del self._last[session]
