"""Send the notices that are due, each through its channel, and record what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sentinel.engine.lanes import Lanes
from sentinel.notifications.channel import Channel
from sentinel.store import Store
from sentinel.store.notifications.notices import claim_notices, finish_notices

__all__ = ["send_notices"]

_MOST_CLAIMS = 100
_WAIT_SECONDS = 0.5


def send_notices(
    store: Store,
    channel_of: Callable[[str], Channel],
    *,
    by: str,
    overdue_for: timedelta | None = None,
) -> int:
    """Send every notice that is due.

    Args:
        store: the shared database
        channel_of: returns the channel that a reference names; raises `DeliveryError`
        by: who sends, for the record
        overdue_for: only those that nobody has claimed for this long; by default all that are due

    Returns:
        How many were sent.
    """
    lanes = Lanes(channel_of)
    sent = 0
    try:
        for _ in range(_MOST_CLAIMS):
            before = None if overdue_for is None else store.now() - overdue_for
            claimed = claim_notices(store, by, due_before=before)
            if not claimed:
                break
            lanes.submit(claimed)
            while lanes.pending:
                outcomes = lanes.outcomes(_WAIT_SECONDS)
                finish_notices(store, outcomes)
                sent += sum(not one.error and not one.untried for one in outcomes)
                lanes.raise_broken()
    finally:
        lanes.close()
    return sent
