"""Canaries: marked alerts that prove the path to each receiver, and how each path stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError

__all__ = [
    "DEFAULT_WITHIN", "Arrival", "Canary", "CanaryPath", "CanaryPlan", "PathState", "checked_plan",
    "judge", "plan_from",
]  # fmt: skip

DEFAULT_WITHIN = timedelta(minutes=5)
"""How long a canary may take where nobody says otherwise."""
_LEAST_WITHIN = timedelta(minutes=1)
_MOST_RECEIVERS = 20

PathState = Literal["delivered", "waiting", "held", "lost", "late"]
"""`held`: a summary of a storm stands for the canary, so that it proves nothing."""


class CanaryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which paths are proved, and how often.

    Attributes:
        receivers: their names
        every: seconds between two runs; 0 where no run follows
        within: seconds that a canary may take from its opening until a channel has it
    """

    receivers: tuple[str, ...]
    every: float = 0
    within: float = DEFAULT_WITHIN.total_seconds()


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a canary in one channel.

    Attributes:
        at: when the channel took it; None where it did not
        error: what the channel said last, or why it was held back; empty for nothing
        held: whether a summary of a storm stands for it
    """

    at: datetime | None = None
    error: str = ""
    held: bool = False


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """The newest canary of one receiver.

    Attributes:
        alert_id: of its alert
        receiver: that it goes to
        opened_at: when it opened
        arrivals: by reference of a channel
    """

    alert_id: str
    receiver: str
    opened_at: datetime
    arrivals: Mapping[str, Arrival]


class CanaryPath(msgspec.Struct, frozen=True, kw_only=True):
    """How the path to one channel of one receiver stands.

    Attributes:
        receiver: its name
        channel: reference of the channel; empty where no canary of the receiver was opened
        state: of the newest canary
        sent_at: when that opened; None where there is none
        arrived_at: when the channel last took one; None for not since they are stored
        took: seconds that the newest took; None where it did not arrive
        error: what the channel said, or why it was held back
        alert_id: of the newest canary; empty for none
    """

    receiver: str
    channel: str
    state: PathState
    sent_at: datetime | None = None
    arrived_at: datetime | None = None
    took: float | None = None
    error: str = ""
    alert_id: str = ""

    @property
    def broken(self) -> bool:
        """Whether the newest canary did not arrive within its bound."""
        return self.state in ("lost", "late")


def checked_plan(
    receivers: Sequence[str], known: Mapping[str, Any], *, every: timedelta, within: timedelta
) -> CanaryPlan:
    """Return a plan that can be carried out.

    Args:
        receivers: names; none for all that there are
        known: the receivers that there are, by name
        every: time between two runs; zero where no run follows
        within: how long a canary may take

    Returns:
        The plan, each receiver once.

    Raises:
        ConfigurationError: there is no such receiver, there are too many, or the times do not fit
    """
    names = tuple(dict.fromkeys(receivers)) or tuple(sorted(known))
    missing = [name for name in names if name not in known]
    if missing:
        raise ConfigurationError(
            f"there is no receiver {missing[0]!r}",
            hint=f"Receivers: {', '.join(sorted(known))}",
        )
    if len(names) > _MOST_RECEIVERS:
        raise ConfigurationError(
            f"{len(names)} receivers are too many: a canary run proves at most {_MOST_RECEIVERS}",
            hint="Name those whose paths differ.",
        )
    if within < _LEAST_WITHIN:
        least = format_duration(_LEAST_WITHIN)
        raise ConfigurationError(f"a canary is given at least {least} to arrive, see `within`")
    if every and every <= within:
        raise ConfigurationError(
            f"the next canary would open after {format_duration(every)}, before the last one has "
            f"had its {format_duration(within)} to arrive",
            hint="Raise `every`, or lower `within`.",
        )
    return CanaryPlan(
        receivers=names, every=every.total_seconds(), within=within.total_seconds()
    )  # fmt: skip


def plan_from(details: Mapping[str, Any] | None) -> CanaryPlan:
    """Return the plan that is stored in the details of a canary's alert.

    Args:
        details: of the alert

    Returns:
        The plan.
    """
    return msgspec.convert((details or {})["plan"], CanaryPlan)


def judge(
    plan: CanaryPlan, canaries: Sequence[Canary], channels: Mapping[str, Sequence[str]],
    last: Mapping[tuple[str, str], datetime], now: datetime,
) -> list[CanaryPath]:  # fmt: skip
    """Return how each path stands.

    A channel that took the newest canary, or failed it once the bound has passed, is judged. One
    that has time left waits. A path whose next canary is overdue is lost, since what opens
    canaries does not run.

    Args:
        plan: of the newest run
        canaries: the newest of each receiver
        channels: of every receiver, by name
        last: when each receiver and channel last took a canary
        now: the present moment

    Returns:
        One for each channel of each receiver of the plan that still exists, in its order.
    """
    newest = {one.receiver: one for one in canaries}
    begun = max((one.opened_at for one in canaries), default=now)
    # The canaries of one run open one after the other.
    opening = now - begun <= timedelta(seconds=plan.within)
    found: list[CanaryPath] = []
    for receiver in plan.receivers:
        for channel in channels.get(receiver, ()):
            at = last.get((receiver, channel))
            found.append(_path(plan, receiver, channel, newest.get(receiver), at, now, opening))
    return found


def _path(
    plan: CanaryPlan, receiver: str, channel: str, canary: Canary | None, last: datetime | None,
    now: datetime, opening: bool,
) -> CanaryPath:  # fmt: skip
    if canary is None and opening:
        return CanaryPath(receiver=receiver, channel=channel, state="waiting", arrived_at=last)
    if canary is None:
        error = "no canary was opened for it: Sentinel held it back, or it could not be stored"
        return CanaryPath(
            receiver=receiver, channel=channel, state="lost", arrived_at=last, error=error
        )
    within, came = timedelta(seconds=plan.within), canary.arrivals.get(channel, Arrival())
    known = CanaryPath(
        receiver=receiver, channel=channel, state="waiting", sent_at=canary.opened_at,
        arrived_at=last, error=came.error, alert_id=canary.alert_id,
    )  # fmt: skip
    due = canary.opened_at + timedelta(seconds=plan.every) + within
    if plan.every and now > due:
        error = f"the next canary should have arrived by {due:%Y-%m-%d %H:%M:%S} UTC: none opened"
        return msgspec.structs.replace(known, state="lost", error=error)
    if came.at is not None:
        took = (came.at - canary.opened_at).total_seconds()
        state: PathState = "delivered" if took <= plan.within else "late"
        return msgspec.structs.replace(known, state=state, took=took, error="")
    if came.held:
        return msgspec.structs.replace(known, state="held")
    if now - canary.opened_at <= within:
        return known
    return msgspec.structs.replace(known, state="lost")
