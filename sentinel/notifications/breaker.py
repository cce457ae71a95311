"""The health of a channel, and its circuit breaker. Pure.

After failures in a row a channel is tried by one message at a time.

A channel that does not answer costs its whole deadline for each message, and one that refuses
everything an attempt. While its breaker is open, notifications of it wait; when the pause is over
it is half-open, and one message is tried, the probe. If it is taken, the breaker closes and the
others follow; if not, it opens again, for twice as long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

__all__ = [
    "OPENS_AFTER", "PROBE", "Breaker", "ChannelHealthState", "Circuit", "State", "failed",
    "probing",
]  # fmt: skip

Circuit = Literal["closed", "open", "half-open"]
State = Literal["healthy", "failing", "down", "refused"]
ChannelHealthState = Literal["healthy", "failing", "down", "refused", "untried", "missing"]
"""What people are shown of a channel; `missing`: there is no such block; `untried`: it has neither
taken nor failed a message, so nobody knows whether it works."""

OPENS_AFTER = 3
"""So many failures in a row, of any groups, open the breaker."""
PROBE = timedelta(seconds=20)
"""How long the others wait for a probe after its sender was last heard of; it says so more often.
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 300.0


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a channel since it last took a message.

    Attributes:
        failures: failures in a row, refusals included
        refusing: whether the last of them was a refusal for good, which says that others would be
            refused too
        opened_at: since when the breaker is open; None while it is closed
        probe_at: when one message may be tried; None while it is closed
        probe_until: a probe is under way, and the others wait for it until then
        probes: how many have failed since it opened
    """

    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    probe_until: datetime | None = None
    probes: int = 0
    refusing: bool = False

    @property
    def state(self) -> State:
        """Return the health of the channel.

        Returns:
            `failing` after one or two failures, `down` while the breaker is open, `refused` where
            the channel refuses messages for good, else `healthy`.
        """
        if not self.failures:
            return "healthy"
        if self.refusing:
            return "refused"
        return "failing" if self.opened_at is None else "down"

    def circuit(self, now: datetime) -> Circuit:
        """Return the state of the circuit breaker.

        Returns:
            `closed` where messages are sent; `open` where they wait; `half-open` where the next
            one is tried, or is under way, and the others wait for its outcome.
        """
        if self.opened_at is None:
            return "closed"
        return "open" if self.probe_at is not None and now < self.probe_at else "half-open"

    def closed_until(self, now: datetime) -> datetime | None:
        """Return until when no message may be sent; None where one may be sent now."""
        for moment in (self.probe_at, self.probe_until):
            if moment is not None and now < moment:
                return moment
        return None


def probing(breaker: Breaker, now: datetime) -> Breaker:
    """Return the breaker once a message is about to be sent: while it is half-open, the probe."""
    if breaker.opened_at is None:
        return breaker
    return msgspec.structs.replace(breaker, probe_until=now + PROBE)


def failed(
    breaker: Breaker, now: datetime, spread: float, *, refusing: bool = False,
    of_message: bool = False, retry_after: float = 0.0,
) -> Breaker:  # fmt: skip
    """Return the breaker after one more failure.

    Args:
        breaker: before
        now: the present time
        spread: between 0 and 1, so that many channels are not probed at once
        refusing: whether the channel refused the message for good
        of_message: whether it did so for what is in the message; it refuses messages as such only
            once it has taken none of `OPENS_AFTER` in a row
        retry_after: seconds for which the channel wants to be left alone

    Returns:
        Open from the third failure on, with a pause of 10 seconds that doubles with each failed
        probe up to 5 minutes, plus or minus 10 %, or what the channel asks for where that is more.
    """
    failures = breaker.failures + 1
    refusing = refusing and (not of_message or failures >= OPENS_AFTER)
    if breaker.probe_at is not None and now < breaker.probe_at:
        # It was under way when the breaker opened, and is no probe.
        return msgspec.structs.replace(breaker, failures=failures, refusing=refusing)
    if failures < OPENS_AFTER:
        return Breaker(failures=failures, refusing=refusing)
    probes = breaker.probes + (breaker.opened_at is not None)
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(probes, 10)) * (0.9 + 0.2 * spread)
    seconds = max(seconds, retry_after)
    return Breaker(
        failures=failures,
        opened_at=breaker.opened_at or now,
        probe_at=now + timedelta(seconds=seconds),
        probes=probes,
        refusing=refusing,
    )
