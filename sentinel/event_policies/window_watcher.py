"""What follows one policy's window: its interface, and its base where only events change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sentinel.event_policies.window_state import Hit, State

__all__ = ["Event", "Eventful", "Watcher"]

Event = Mapping[str, Any]


class Watcher(Protocol):
    """One policy's window."""

    timed: bool
    """Whether `lapse` and `due` matter."""
    keep: float
    """A state means nothing so many seconds after it was last touched."""

    def take(self, state: State | None, event: Event, at: float) -> tuple[State, Hit | None]:
        """One more event that the policy matches; a hit where that is worth an alert."""
        ...

    def lapse(self, state: State, now: float) -> tuple[State, Hit | None]:
        """Time has passed, and nothing came."""
        ...

    def due(self, state: State) -> float | None:
        """Return when `lapse` is to be asked; None where time alone changes nothing."""
        ...

    def begin(self, now: float) -> State | None:
        """Return the state of a policy without `by` that begins now; None for none yet."""
        ...


class Eventful:
    """A window that only an event can change."""

    timed = False
    keep = 0.0

    def lapse(self, state: State, now: float) -> tuple[State, Hit | None]:
        """Change nothing."""
        return state, None

    def due(self, state: State) -> float | None:
        """Return None: never."""
        return None

    def begin(self, now: float) -> State | None:
        """Return None: its first event begins it."""
        return None
