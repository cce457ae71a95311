"""What a draft of the routes would do with an alert, decided while it runs beside them. Pure.

Each alert is decided on by itself: as the first word about it to one receiver. Repeats, limits of
messages, storms and what channels answer are none of the routes' and left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from sentinel.notifications.decision import GroupNow, Notified, Policy, decide
from sentinel.notifications.reasons import Reason

__all__ = ["LOOK_AGAIN", "ShadowAlert", "ShadowStep", "shadow_step"]

LOOK_AGAIN = timedelta(minutes=5)
"""When a decision is made again of which no end is known before."""

State = Literal["waiting", "notified", "held"]


class ShadowAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as a decision of the draft sees it.

    Attributes:
        opened_at: when it opened
        severity: a `Severity` number
        acknowledged_at: since when it is acknowledged; None for not
        resolved_at: when it ended; None while it fires
        muted: why it is muted; None for not
        muted_until: when that ends, where it is known
    """

    opened_at: datetime
    severity: int
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    muted: Reason | None = None
    muted_until: datetime | None = None


class ShadowStep(msgspec.Struct, frozen=True, kw_only=True):
    """What the draft did: `due_at` is when it is decided again, None for never."""

    state: State
    reason: str
    at: datetime
    due_at: datetime | None = None


def shadow_step(alert: ShadowAlert, policy: Policy, due: datetime, now: datetime) -> ShadowStep:
    """Return what a draft does with an alert at the moment at which its decision was due.

    Args:
        alert: as it is now
        policy: of its group in the draft
        due: the moment of the decision, which has passed
        now: the present moment

    Returns:
        Whether its receiver is notified then; where not, why, and when that is decided again.
    """
    over = alert.resolved_at is not None and alert.resolved_at <= due
    seen = GroupNow(
        seq=1, opened_at=alert.opened_at, severity=alert.severity, firing=int(not over),
        new_firing=int(not over and alert.muted is None),
        acknowledged=int(alert.acknowledged_at is not None and alert.acknowledged_at <= due),
        suppressed=int(alert.muted is not None),
        suppressed_until=alert.muted_until, held_by=alert.muted or Reason.SUPPRESSED,
    )  # fmt: skip
    decision = decide(seen, Notified(), due, policy)
    if decision.send:
        return ShadowStep(state="notified", reason=str(decision.reason), at=due)
    again = decision.next_at
    if again is None and not over:
        again = now + LOOK_AGAIN
    waits = decision.reason is Reason.GROUP_WAIT
    return ShadowStep(
        state="waiting" if waits else "held", reason=str(decision.reason), at=due,
        due_at=None if again is None else max(again, due + timedelta(seconds=1)),
    )  # fmt: skip
