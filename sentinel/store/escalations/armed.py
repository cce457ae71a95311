"""The event that wakes the flow of escalations: one for each distinct delay of a commit.

An Automation on it starts a run after the delay, so that what is pending stands in Prefect as a
scheduled run. What is due is decided from rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sentinel.oncall.wake_delays import delay_before
from sentinel.prefect_client.port import OutEvent

__all__ = ["ARMED", "DELAY", "armed_events"]

ARMED = "sentinel.escalation.armed"
DELAY = "sentinel.delay-seconds"
"""Label of the event's resource that has the delay in seconds, one of `DELAYS`."""
_SOON = timedelta(seconds=1)
_NAMESPACE = UUID("0d8f3b8e-5f0e-5c7c-9c3e-0c6f5f3a7d21")


def armed_events(due: Iterable[datetime | None], now: datetime) -> list[OutEvent]:
    """Return the events of what a transaction made due, or will be due.

    Args:
        due: moments at which steps and pages are due; None is left out
        now: the moment of the transaction

    Returns:
        One for each of `DELAYS` that an Automation waits before it wakes, the shortest first; none
        for what is due within seconds, and not yet.
    """
    first: dict[int, datetime] = {}
    counts: dict[int, int] = {}
    for moment in due:
        if moment is None:
            continue
        delay = delay_before(moment, now)
        if not delay and moment > now + _SOON:
            continue  # a run at once would find nothing; the relay wakes for what is due
        first[delay] = min(first.get(delay, moment), moment)
        counts[delay] = counts.get(delay, 0) + 1
    return [
        OutEvent(
            id=str(uuid5(_NAMESPACE, f"{delay} {now.isoformat()} {first[delay].isoformat()}")),
            occurred=now,
            event=ARMED,
            resource={
                "prefect.resource.id": f"sentinel.escalation.armed.{delay}",
                "prefect.resource.name": f"an escalation wakes in {delay} s",
                DELAY: str(delay),
            },
            payload={
                "delay_seconds": delay,
                "due_at": first[delay].isoformat(),
                "count": counts[delay],
            },
        )
        for delay in sorted(first)
    ]
