"""Events that are played into one window, without a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.event_policies.pack import policy_of
from sentinel.event_policies.window_evaluator import Watcher, watcher_of
from sentinel.event_policies.window_state import Hit, State
from tests.event_policies.streets import policy

__all__ = ["Played", "watcher"]


def watcher(type_: str, **more: Any) -> Watcher:
    by = {"by": "user"} if type_ == "change" else {}
    made = watcher_of(policy_of(policy(window={"type": type_, **more}, **by)))
    assert made is not None
    return made


class Played:
    """Events into one window, and which of them hit."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.state: State | None = None

    def take(self, at: float, **event: Any) -> Hit | None:
        self.state, hit = self.watcher.take(self.state, {"action": "login", **event}, at)
        return hit

    def hits(self, times: Sequence[float]) -> list[float]:
        return [at for at in times if self.take(at) is not None]

    def lapse(self, now: float) -> Hit | None:
        assert self.state is not None
        self.state, hit = self.watcher.lapse(self.state, now)
        return hit
