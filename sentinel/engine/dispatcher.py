"""Notify receivers: claim the groups that are due, send, record the outcomes, until none is due.

Sending happens outside any transaction, to each channel in lanes of its own. The outcomes of a
group are recorded as soon as its own channels have answered, and groups that become due are claimed
meanwhile, so that a channel that hangs does not delay the others. Claims are renewed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from sentinel.engine.lanes import Lanes
from sentinel.errors import SentinelError
from sentinel.notifications.channel import Channel
from sentinel.notifications.standby import Standby
from sentinel.store import Store
from sentinel.store.notifications.deliveries import Outcome, ToSend

__all__ = ["DeliveryCount", "notify_due"]

log = logging.getLogger(__name__)

_ROUNDS = 10_000
_MOST_PENDING = 500
_CLAIM_SECONDS = 0.5
_RENEW_SECONDS = 5.0


class DeliveryCount(msgspec.Struct, frozen=True):
    """How many messages were sent, failed and will be retried, or were refused for good."""

    sent: int = 0
    failed: int = 0
    refused: int = 0


def notify_due(
    store: Store,
    channel_of: Callable[[str], Channel],
    *,
    by: str,
    overdue_for: timedelta | None = None,
    standby: Standby | None = None,
) -> DeliveryCount:
    """Send every notification that is due now, or becomes due while others are under way.

    Args:
        store: the shared database
        channel_of: returns the channel of `inbox` or `<block type slug>/<block name>`; raises
            `DeliveryError` where there is none
        by: who sends, for the record: a flow run's id, or `relay`
        overdue_for: only groups that nobody has claimed for this long; by default all that are due
        standby: what can be used while Prefect is down; None where it is not

    Returns:
        How many messages were sent, failed and refused.

    Raises:
        DatabaseError: the database cannot be used; what was sent is sent once more
    """
    lanes = Lanes(channel_of)
    groups = _Groups()
    counts = DeliveryCount()
    renewed = time.monotonic()
    try:
        for _ in range(_ROUNDS):
            claimed: list[ToSend] = []
            if len(lanes.pending) < _MOST_PENDING:
                before = None if overdue_for is None else store.now() - overdue_for
                claimed = store.notification_log.claim(
                    by, due_before=before, standby=standby, sending=groups.ids()
                )
            groups.add(claimed)
            lanes.submit(claimed)
            if not lanes.pending:
                # A group that needs no notification now got a later time when it was claimed.
                if _due_again(store, overdue_for):
                    time.sleep(0.05)  # another process holds it, or it was beyond the claim's limit
                    continue
                break
            whole = groups.whole(lanes.outcomes(_CLAIM_SECONDS))
            if claimed or whole:
                log.debug("claimed %d messages, %d are answered", len(claimed), len(whole))
            if whole:
                store.notification_log.finish(whole)
                counts = _counted(counts, whole)
            lanes.raise_broken()
            if time.monotonic() - renewed >= _RENEW_SECONDS:
                renewed = time.monotonic()
                _renew(store, groups.open())
    finally:
        lanes.close()
    return counts


def _due_again(store: Store, overdue_for: timedelta | None) -> bool:
    return store.notification_log.overdue(store.now() - (overdue_for or timedelta())) > 0


def _counted(counts: DeliveryCount, outcomes: Sequence[Outcome]) -> DeliveryCount:
    tried = [one for one in outcomes if not one.untried]
    return DeliveryCount(
        sent=counts.sent + sum(not one.error for one in tried),
        failed=counts.failed + sum(bool(one.error) and not one.permanent for one in tried),
        refused=counts.refused + sum(one.permanent for one in tried),
    )


class _Groups:
    """The outcomes of each group, gathered until all of one claim are there."""

    def __init__(self) -> None:
        self._expected: dict[str, list[ToSend]] = {}
        self._found: dict[str, list[Outcome]] = {}

    def add(self, claimed: Sequence[ToSend]) -> None:
        """Expect the outcomes of these messages."""
        for one in claimed:
            self._expected.setdefault(one.group_id, []).append(one)

    def whole(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Add outcomes, and return those of the groups that have all of theirs."""
        whole: list[Outcome] = []
        for one in outcomes:
            group_id = one.sent.group_id
            self._found.setdefault(group_id, []).append(one)
            if len(self._found[group_id]) == len(self._expected[group_id]):
                whole += self._found.pop(group_id)
                del self._expected[group_id]
        return whole

    def ids(self) -> Collection[str]:
        """Return the ids of the groups that wait for an outcome."""
        return self._expected.keys()

    def open(self) -> list[ToSend]:
        """Return the messages of the groups that wait for an outcome."""
        return [one for group in self._expected.values() for one in group]


def _renew(store: Store, sending: Sequence[ToSend]) -> None:
    try:
        store.notification_log.renew(sending)
    except (SentinelError, SQLAlchemyError) as error:
        # The outcomes must still be recorded; a claim that expires costs one repeated message.
        log.warning("claims on %d messages under way could not be renewed: %s", len(sending), error)
