"""Telling: claim what is due, send it, record what came of it, until nothing is due.

Sending happens outside any transaction, several channels side by side, so that one that hangs
does not keep the others waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec

from sentinel.errors import DeliveryError
from sentinel.ports import Channel
from sentinel.store import Store
from sentinel.store.deliveries import Outcome, ToSend

__all__ = ["ToldCount", "tell_due"]

log = logging.getLogger(__name__)

_AT_ONCE = 8
_ROUNDS = 1000


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
            claimed = store.tellings.claim(by, due_before=before)
            if not claimed:
                # Groups on which the decision was not to tell have moved their time on.
                if before is None and _due_again(store):
                    continue
                break
            tries = [pool.submit(_send, one, channel_of) for one in claimed]
            outcomes = [one.result() for one in tries]
            store.tellings.finish(outcomes)
            sent += sum(not one.error for one in outcomes)
            refused += sum(one.permanent for one in outcomes)
            failed += sum(bool(one.error) and not one.permanent for one in outcomes)
    return ToldCount(sent, failed, refused)


def _due_again(store: Store) -> bool:
    return store.tellings.overdue(store.now()) > 0


def _send(one: ToSend, channel_of: Callable[[str], Channel]) -> Outcome:
    try:
        receipt = channel_of(one.channel).send(one.message)
    except DeliveryError as error:
        return Outcome(sent=one, error=str(error), permanent=error.permanent)
    except Exception as error:
        # The edge to channels, whose code is not ours: whatever it is, it is tried again.
        log.exception("%s failed while telling of group %s", one.channel, one.group_id)
        return Outcome(sent=one, error=f"{type(error).__name__}: {error}")
    return Outcome(sent=one, reference=receipt.reference)
