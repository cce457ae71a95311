"""Lanes: messages under way, a few at a time for each channel, so that a slow one delays itself.

Each send runs in a thread of its lane, and is given up at a deadline: the code of a channel is not
ours, and a thread cannot be stopped. A channel that fails several times in a row gets nothing more
in this pass; what waited for it comes back untried.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from sentinel.notifications.breaker import OPENS_AFTER
from sentinel.store.notifications.deliveries import Outcome, ToSend

__all__ = ["LANE_THREAD", "Lanes"]

LANE_THREAD = "send-"
"""How the names of the threads begin, after which the worker looks when a run has ended."""
_AT_ONCE = 4
_DEADLINE_SECONDS = 130.0
"""Longer than any deadline of our own channels, which know what they waited for."""


class Lanes:
    """All messages that one process has under way.

    Args:
        send: delivers one message and never raises
        at_once: how many messages one channel is given at the same time
        deadline: seconds after which a send has failed
    """

    def __init__(
        self,
        send: Callable[[ToSend], Outcome],
        *,
        at_once: int = _AT_ONCE,
        deadline: float = _DEADLINE_SECONDS,
    ) -> None:
        self._send = send
        self._at_once = at_once
        self._deadline = deadline
        self._waiting: dict[str, deque[ToSend]] = {}
        self._under_way: dict[str, tuple[ToSend, float]] = {}
        self._failures: dict[str, int] = {}
        self._ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()

    @property
    def pending(self) -> list[ToSend]:
        """The messages whose outcome is not known yet."""
        waits = [one for lane in self._waiting.values() for one in lane]
        return waits + [one for one, _ in self._under_way.values()]

    def submit(self, messages: Sequence[ToSend]) -> None:
        """Send messages as soon as their channels' lanes are free."""
        for one in messages:
            if self._failures.get(one.channel, 0) >= OPENS_AFTER:
                # Claimed after the channel was found down: the probe, which may be the last.
                self._failures[one.channel] = OPENS_AFTER - 1
            self._waiting.setdefault(one.channel, deque()).append(one)
        self._start()

    def outcomes(self, within: float) -> list[Outcome]:
        """Wait for outcomes, at most so many seconds for the first of them.

        Args:
            within: seconds

        Returns:
            The outcomes that are there; empty where none came in time.

        Raises:
            BaseException: what a send raised that was no outcome, such as `SystemExit`
        """
        found: list[Outcome] = []
        try:
            ended = self._ended.get(timeout=within)
            while True:
                if isinstance(ended, BaseException):
                    raise ended
                # One that was given up has an outcome already, and its claim may be another's.
                if self._under_way.pop(ended.sent.delivery_id, None) is not None:
                    found.append(ended)
                ended = self._ended.get_nowait()
        except queue.Empty:
            pass
        found += self._given_up()
        for one in found:
            failed = bool(one.error) and not one.permanent
            before = self._failures.get(one.sent.channel, 0)
            self._failures[one.sent.channel] = before + 1 if failed else 0
        found += self._untried()
        self._start()
        return found

    def close(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self._waiting.clear()

    def _start(self) -> None:
        for channel, lane in self._waiting.items():
            busy = sum(one.channel == channel for one, _ in self._under_way.values())
            while lane and busy < self._at_once:
                one = lane.popleft()
                self._under_way[one.delivery_id] = (one, time.monotonic())
                name = f"{LANE_THREAD}{channel}"
                threading.Thread(target=self._run, args=(one,), name=name, daemon=True).start()
                busy += 1

    def _run(self, one: ToSend) -> None:
        try:
            self._ended.put(self._send(one))
        except BaseException as error:  # noqa: BLE001 - it ends the process, not this thread alone
            self._ended.put(error)

    def _given_up(self) -> list[Outcome]:
        now = time.monotonic()
        late = [one for one, began in self._under_way.values() if now - began > self._deadline]
        for one in late:
            del self._under_way[one.delivery_id]
        error = f"{{}} did not finish within {self._deadline:g} s"
        return [Outcome(sent=one, error=error.format(one.channel)) for one in late]

    def _untried(self) -> list[Outcome]:
        found: list[Outcome] = []
        for channel, lane in self._waiting.items():
            if self._failures.get(channel, 0) >= OPENS_AFTER:
                found += [Outcome(sent=one, untried=True) for one in lane]
                lane.clear()
        return found
