"""Telling: claim what is due, send it, record what came of it, until nothing is due.

Sending happens outside any transaction, several channels side by side, and each group is
recorded as soon as its own channels have answered, so that one that hangs does not keep the
others waiting. Claims are renewed meanwhile.
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

__all__ = ["ToldCount", "tell_due"]

log = logging.getLogger(__name__)

_AT_ONCE = 8
_ROUNDS = 1000
_RENEW_SECONDS = 20.0
_LONGEST_SEND_SECONDS = 300.0


class ToldCount(msgspec.Struct, frozen=True):
    """How many messages were sent, failed for now, and were refused for good."""

    sent: int = 0
    failed: int = 0
    refused: int = 0


def tell_due(
    store: Store,
    channel_of: Callable[[str], Channel],
    *,
    by: str,
    overdue_for: timedelta | None = None,
) -> ToldCount:
    """Tell everybody who is to be told now.

    Args:
        store: the shared database
        channel_of: gives the channel of `inbox` or `<block type slug>/<block name>`; raises
            `DeliveryError` where there is none
        by: who sends, for the record: a flow run's id, or `relay`
        overdue_for: only what nobody has claimed for this long; left out, all that is due
    """
    sent = failed = refused = 0
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tell") as pool:
        for _ in range(_ROUNDS):
            before = None if overdue_for is None else store.now() - overdue_for
            claimed = store.notification_log.claim(by, due_before=before)
            if not claimed:
                # Groups on which the decision was not to tell have moved their time on.
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
    return ToldCount(sent, failed, refused)


def _due_again(store: Store) -> bool:
    return store.notification_log.overdue(store.now()) > 0


def _by_group(store: Store, tries: dict[Future[Outcome], ToSend]) -> Iterator[Sequence[Outcome]]:
    """The outcomes of each group, as soon as it has all; the other claims are kept meanwhile."""
    left: dict[str, int] = defaultdict(int)
    for one in tries.values():
        left[one.group_id] += 1
    found: dict[str, list[Outcome]] = defaultdict(list)
    pending = set(tries)
    began = renewed = time.monotonic()
    while pending:
        done, pending = wait(pending, timeout=_RENEW_SECONDS, return_when=FIRST_COMPLETED)
        for one in done:
            group_id = tries[one].group_id
            found[group_id].append(one.result())
            if len(found[group_id]) == left[group_id]:
                yield found.pop(group_id)
        if time.monotonic() - began > _LONGEST_SEND_SECONDS:
            continue  # it hangs: let the claim run out, so that another may tell them
        if time.monotonic() - renewed >= _RENEW_SECONDS:
            renewed = time.monotonic()
            waiting = {tries[one].group_id for one in pending}
            _renew(store, [one for one in tries.values() if one.group_id in waiting])


def _renew(store: Store, sending: Sequence[ToSend]) -> None:
    try:
        store.notification_log.renew(sending)
    except (SentinelError, SQLAlchemyError) as error:
        # What is being sent must still be recorded; a claim that runs out costs one repeat.
        log.warning("claims on %d messages under way could not be renewed: %s", len(sending), error)


def _send(one: ToSend, channel_of: Callable[[str], Channel]) -> Outcome:
    try:
        receipt = channel_of(one.channel).send(one.message)
    except DeliveryError as error:
        return Outcome(sent=one, error=storable(str(error)), permanent=error.permanent)
    except Exception as error:
        # The edge to channels, whose code is not ours: whatever it is, it is tried again.
        log.exception("%s failed while telling of group %s", one.channel, one.group_id)
        # Its words may hold an address with a secret in it; they are in the log only.
        return Outcome(sent=one, error=f"{type(error).__name__}, see the log")
    return Outcome(sent=one, reference=storable(receipt.reference))
