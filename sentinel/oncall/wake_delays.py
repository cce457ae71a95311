"""After which delays an Automation wakes the flow that escalates. Pure.

The `schedule_after` of an Automation's action is fixed, so there is one Automation for each of
these delays and none for any other. A longer one is slept in pieces: whoever is woken before the
step is due does nothing, and arms what is left.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

__all__ = ["DELAYS", "delay_before"]

DELAYS = (0, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 14_400, 86_400)
"""In seconds, as the triggers of the deployment `escalate` have them in prefect.yaml."""


def delay_before(due: datetime, now: datetime) -> int:
    """Return the longest delay that is over when something is due.

    Args:
        due: when, timezone-aware
        now: the present moment

    Returns:
        One of `DELAYS`; 0 for what is due, or will be within five seconds.
    """
    left = max(0.0, (due - now).total_seconds())
    return DELAYS[bisect_right(DELAYS, left) - 1]
