"""Sends what subscribers of status pages are to be sent: mails and webhooks, some at once.

What is claimed and not finished, since the process died, is sent again after `CLAIM`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sentinel.services.status_subscription import SubscriberKind
from sentinel.store import Store
from sentinel.store.services.status_deliveries import (
    Sent,
    StatusSend,
    claim_status,
    finish_status,
)

__all__ = ["StatusSender", "send_status_updates"]

log = logging.getLogger(__name__)
_SECONDS = 60.0
"""So long one turn goes on with what is due."""


class StatusSender(Protocol):
    """Sends messages of one kind, and returns what came of each; it raises nothing for one."""

    def __call__(self, sends: Sequence[StatusSend], now: datetime, /) -> Sequence[Sent]:
        """Send them."""
        ...


def send_status_updates(
    store: Store, senders: Mapping[SubscriberKind, StatusSender], now: datetime
) -> int:
    """Send what is due.

    Args:
        store: the shared database
        senders: by kind of the subscriber
        now: the date of what is sent

    Returns:
        How many messages were taken.
    """
    ends, taken = time.monotonic() + _SECONDS, 0
    for kind, send in senders.items():
        while time.monotonic() < ends and (claimed := claim_status(store, kind)):
            outcomes = send(claimed, now)
            finish_status(store, outcomes)
            failed = [one for one in outcomes if one.error]
            taken += len(outcomes) - len(failed)
            if failed:
                # Without whom they are to.
                log.info(
                    "%d of %d messages to subscribers of status pages were not taken: %s",
                    len(failed), len(outcomes), failed[0].error,
                )  # fmt: skip
    return taken
