"""The event that wakes the flow of escalations: one for each distinct delay of a commit.

An Automation on it starts a run after the delay, so that what is pending stands in Prefect as a
scheduled run. What is due is decided from rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import ceil
from uuid import UUID, uuid5

from sentinel.prefect_client.port import OutEvent

__all__ = ["ARMED", "DELAY", "armed_events", "delay_seconds"]

ARMED = "sentinel.escalation.armed"
DELAY = "sentinel.delay-seconds"
"""Label of the event's resource that has the delay in whole seconds."""
_NAMESPACE = UUID("0d8f3b8e-5f0e-5c7c-9c3e-0c6f5f3a7d21")


def delay_seconds(due: datetime, now: datetime) -> int:
    """Return after how many whole seconds something is due; never too early."""
    return max(0, ceil((due - now).total_seconds()))


def armed_events(due: Iterable[datetime | None], now: datetime) -> list[OutEvent]:
    """Return the events of what a transaction made due, or will be due.

    Args:
        due: moments at which steps and pages are due; None is left out
        now: the moment of the transaction

    Returns:
        One for each delay in whole seconds, the shortest first.
    """
    first: dict[int, datetime] = {}
    counts: dict[int, int] = {}
    for moment in due:
        if moment is None:
            continue
        delay = delay_seconds(moment, now)
        first[delay] = min(first.get(delay, moment), moment)
        counts[delay] = counts.get(delay, 0) + 1
    return [
        OutEvent(
            id=str(uuid5(_NAMESPACE, f"{delay} {now.isoformat()} {first[delay].isoformat()}")),
            occurred=now,
            event=ARMED,
            resource={
                "prefect.resource.id": f"sentinel.escalation.armed.{delay}",
                "prefect.resource.name": f"an escalation is due in {delay} s",
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
