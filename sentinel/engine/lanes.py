"""Lanes: messages under way, a few at a time for each channel, so that a slow one delays itself.

Each send runs in a thread of its lane, and is given up soon after the deadline that its channel
states: the code of a channel is not ours, and a thread cannot be stopped. A channel that fails
several times in a row gets nothing more in this pass; what waited for it comes back untried.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence

from sentinel.errors import DeliveryError
from sentinel.labels.text import storable
from sentinel.notifications.breaker import OPENS_AFTER
from sentinel.notifications.channel import SEND_SECONDS, Channel, send_seconds
from sentinel.store.notifications.deliveries import Outcome, ToSend

__all__ = ["LANE_THREAD", "Lanes"]

log = logging.getLogger(__name__)

LANE_THREAD = "send-"
"""How the names of the threads begin, after which the worker looks when a run has ended."""
_AT_ONCE = 4
_GRACE_SECONDS = 10.0
"""What a channel gets beyond its deadline, since it knows better what it waited for."""
_LINK_ID = 22
"""Characters of a link's id, with which its token begins (`access.acknowledge_tokens`)."""


class _UnderWay:
    """A message that a thread sends, and when it is given up.

    Until its channel is loaded, the deadline is that of a channel that states none.
    """

    def __init__(self, message: ToSend, grace: float) -> None:
        self.message = message
        self._grace = grace
        self.starts(SEND_SECONDS)

    def starts(self, seconds: float) -> None:
        """Begin a send that has so many seconds."""
        self.seconds = seconds
        self._began = time.monotonic()
        self.until = self._began + seconds + self._grace

    @property
    def latency_ms(self) -> int:
        """Milliseconds since the send began."""
        return round((time.monotonic() - self._began) * 1000)


class Lanes:
    """All messages that one process has under way.

    Args:
        channel_of: returns the channel that a reference names; raises `DeliveryError` where there
            is none
        at_once: how many messages one channel is given at the same time
        grace: seconds that a send gets beyond the deadline of its channel
    """

    def __init__(
        self,
        channel_of: Callable[[str], Channel],
        *,
        at_once: int = _AT_ONCE,
        grace: float = _GRACE_SECONDS,
    ) -> None:
        self._channel_of = channel_of
        self._at_once = at_once
        self._grace = grace
        self._waiting: dict[str, deque[ToSend]] = {}
        self._under_way: dict[str, _UnderWay] = {}
        self._failures: dict[str, int] = {}
        self._ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._broken: BaseException | None = None

    @property
    def pending(self) -> list[ToSend]:
        """The messages whose outcome is not known yet."""
        waits = [one for lane in self._waiting.values() for one in lane]
        return waits + [one.message for one in self._under_way.values()]

    def until_next_deadline(self) -> float:
        """Return in how many seconds the next send is given up; infinite for none."""
        first = min((one.until for one in self._under_way.values()), default=float("inf"))
        return max(0.0, first - time.monotonic())

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
            The outcomes that are there; empty where none came in time, or where a send raised what
            `raise_broken` raises.
        """
        found: list[Outcome] = []
        try:
            ended = self._ended.get(timeout=min(within, self.until_next_deadline()))
            while True:
                if isinstance(ended, BaseException):
                    self._broken = self._broken or ended
                # One that was given up has an outcome already, and its claim may be another's.
                elif self._under_way.pop(ended.sent.delivery_id, None) is not None:
                    found.append(ended)
                ended = self._ended.get_nowait()
        except queue.Empty:
            pass
        found += self._given_up()
        for one in found:
            failed = bool(one.error) and not one.permanent
            log.debug("%s: %s", one.sent.channel, one.error or "sent")
            before = self._failures.get(one.sent.channel, 0)
            self._failures[one.sent.channel] = before + 1 if failed else 0
        found += self._untried()
        self._start()
        return found

    def raise_broken(self) -> None:
        """Raise what a send raised that was no outcome.

        Raises:
            BaseException: which ends the process, once the outcomes before it have been returned
        """
        if self._broken is not None:
            raise self._broken

    def close(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self._waiting.clear()

    def _start(self) -> None:
        if self._broken is not None:
            return
        for channel, lane in self._waiting.items():
            busy = sum(one.message.channel == channel for one in self._under_way.values())
            while lane and busy < self._at_once:
                one = _UnderWay(lane.popleft(), self._grace)
                self._under_way[one.message.delivery_id] = one
                name = f"{LANE_THREAD}{channel}"
                threading.Thread(target=self._run, args=(one,), name=name, daemon=True).start()
                busy += 1

    def _run(self, one: _UnderWay) -> None:
        try:
            self._ended.put(_sent(self._channel_of, one))
        except BaseException as error:  # noqa: BLE001 - it ends the process, not this thread alone
            self._ended.put(error)

    def _given_up(self) -> list[Outcome]:
        now = time.monotonic()
        late = [one for one in self._under_way.values() if now >= one.until]
        for one in late:
            del self._under_way[one.message.delivery_id]
        error = "{} did not finish within {:g} s"
        return [
            Outcome(
                sent=one.message,
                error=error.format(one.message.channel, one.seconds),
                unanswered=True,
                latency_ms=one.latency_ms,
            )
            for one in late
        ]

    def _untried(self) -> list[Outcome]:
        found: list[Outcome] = []
        for channel, lane in self._waiting.items():
            if self._failures.get(channel, 0) >= OPENS_AFTER:
                found += [Outcome(sent=one, untried=True) for one in lane]
                lane.clear()
        return found


def _sent(channel_of: Callable[[str], Channel], one: _UnderWay) -> Outcome:
    sent = one.message
    try:
        channel = channel_of(sent.channel)
        one.starts(send_seconds(channel))
        receipt = channel.send(sent.message)
    except DeliveryError as error:
        return Outcome(
            sent=sent, error=_storable(str(error), sent), permanent=error.permanent,
            of_message=error.of_message, reference=_storable(error.progress, sent),
            retry_after=error.retry_after, unanswered=error.unanswered, latency_ms=one.latency_ms,
        )  # fmt: skip
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is logged, without the link
        # Channels run code that is not ours: any error of theirs is retried.
        log.error(
            "%s failed to send a notification of group %s\n%s",
            sent.channel, sent.group_id, _storable(traceback.format_exc(), sent),
        )  # fmt: skip
        # Its text may hold an address with a secret, so only the log has it.
        said = f"{type(error).__name__}, see the log"
        return Outcome(sent=sent, error=said, latency_ms=one.latency_ms)
    return Outcome(
        sent=sent, reference=_storable(receipt.reference, sent),
        answer=_storable(receipt.answer, sent), latency_ms=one.latency_ms,
    )  # fmt: skip


def _storable(text: str, sent: ToSend) -> str:
    """Return a text without the message's acknowledge link, as the database takes it."""
    # Who reads it may not act by the link, which an endpoint may quote, also cut or in part.
    url = sent.message.acknowledge_url
    said = text.replace(url, "***") if url else text
    token = url.rpartition("/")[2]
    if len(token) >= _LINK_ID:
        said = re.sub(rf"{re.escape(token[:_LINK_ID])}[\w.%-]*", "***", said)
    return storable(said.replace(token, "***") if token else said)
