"""Notify receivers: claim the groups that are due, send, record the outcomes, until none is due.

Sending happens outside any transaction, to several channels at once. The outcomes of a group are
recorded as soon as its own channels have answered, so that a channel that hangs does not delay the
others. Claims are renewed meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import DeliveryError, SentinelError
from sentinel.labels.text import storable
from sentinel.notifications.channel import Channel
from sentinel.store import Store
from sentinel.store.notifications.deliveries import Outcome, ToSend

__all__ = ["DeliveryCount", "notify_due"]

log = logging.getLogger(__name__)

_AT_ONCE = 8
_ROUNDS = 1000
_RENEW_SECONDS = 20.0
_LONGEST_SEND_SECONDS = 300.0


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
) -> DeliveryCount:
    """Send every notification that is due now.

    Args:
        store: the shared database
        channel_of: returns the channel of `inbox` or `<block type slug>/<block name>`; raises
            `DeliveryError` where there is none
        by: who sends, for the record: a flow run's id, or `relay`
        overdue_for: only groups that nobody has claimed for this long; by default all that are due

    Returns:
        How many messages were sent, failed and refused.

    Raises:
        DatabaseError: the database cannot be used; what was sent is sent once more
    """
    sent = failed = refused = 0
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="notify") as pool:
        for _ in range(_ROUNDS):
            before = None if overdue_for is None else store.now() - overdue_for
            claimed = store.notification_log.claim(by, due_before=before)
            if not claimed:
                # A group that needs no notification now got a later time when it was claimed.
                if before is None and _due_again(store):
                    time.sleep(0.05)  # another process holds it at this moment
                    continue
                break
            tries = {pool.submit(_send, one, channel_of): one for one in claimed}
            for outcomes in _by_group(store, tries):
                store.notification_log.finish(outcomes)
                sent += sum(not one.error for one in outcomes)
                refused += sum(one.permanent for one in outcomes)
                failed += sum(bool(one.error) and not one.permanent for one in outcomes)
    return DeliveryCount(sent, failed, refused)


def _due_again(store: Store) -> bool:
    return store.notification_log.overdue(store.now()) > 0


def _by_group(store: Store, tries: dict[Future[Outcome], ToSend]) -> Iterator[Sequence[Outcome]]:
    """Yield the outcomes of each group once all are there; renew the other claims meanwhile."""
    expected: dict[str, int] = defaultdict(int)
    for one in tries.values():
        expected[one.group_id] += 1
    found: dict[str, list[Outcome]] = defaultdict(list)
    pending = set(tries)
    began = renewed = time.monotonic()
    while pending:
        done, pending = wait(pending, timeout=_RENEW_SECONDS, return_when=FIRST_COMPLETED)
        for one in done:
            group_id = tries[one].group_id
            found[group_id].append(one.result())
            if len(found[group_id]) == expected[group_id]:
                yield found.pop(group_id)
        if time.monotonic() - began > _LONGEST_SEND_SECONDS:
            continue  # it hangs: the claim expires, so that another process may send
        if time.monotonic() - renewed >= _RENEW_SECONDS:
            renewed = time.monotonic()
            waiting = {tries[one].group_id for one in pending}
            _renew(store, [one for one in tries.values() if one.group_id in waiting])


def _renew(store: Store, sending: Sequence[ToSend]) -> None:
    try:
        store.notification_log.renew(sending)
    except (SentinelError, SQLAlchemyError) as error:
        # The outcomes must still be recorded; a claim that expires costs one repeated message.
        log.warning("claims on %d messages under way could not be renewed: %s", len(sending), error)


def _send(one: ToSend, channel_of: Callable[[str], Channel]) -> Outcome:
    try:
        receipt = channel_of(one.channel).send(one.message)
    except DeliveryError as error:
        return Outcome(sent=one, error=storable(str(error)), permanent=error.permanent)
    except Exception as error:
        # Channels run code that is not ours: any error of theirs is retried.
        log.exception("%s failed to send a notification of group %s", one.channel, one.group_id)
        # Its text may hold an address with a secret, so only the log has it.
        return Outcome(sent=one, error=f"{type(error).__name__}, see the log")
    return Outcome(sent=one, reference=storable(receipt.reference))
