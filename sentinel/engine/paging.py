"""Escalate: carry out the steps that are due, and send their pages, until none is due.

As with notifications, sending happens outside any transaction and in a lane for each channel.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from sentinel.engine.lanes import Lanes
from sentinel.notifications.channel import Channel
from sentinel.notifications.standby import Standby
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.sending import (
    PageToSend,
    claim_pages,
    finish_page,
    renew_pages,
)
from sentinel.store.notifications.deliveries import Outcome

__all__ = ["PageCount", "escalate_due"]

_ROUNDS = 10_000
_WAIT_SECONDS = 0.5
_RENEW_SECONDS = 5.0


class PageCount(msgspec.Struct, frozen=True):
    """How many steps were carried out, and how many pages were sent or will be tried again."""

    steps: int = 0
    sent: int = 0
    failed: int = 0


def escalate_due(
    store: Store, channel_of: Callable[[str], Channel], *, by: str, standby: Standby | None = None
) -> PageCount:
    """Carry out the steps that are due, and send every page that is.

    Args:
        store: the shared database
        channel_of: returns the channel of a reference; raises `DeliveryError` where there is none
        by: who sends, for the record: a flow run's id, or `relay`
        standby: what can be used while Prefect is down; None where it is not

    Returns:
        How many steps were carried out, and pages sent or not.

    Raises:
        DatabaseError: the database cannot be used; what was sent may be sent once more
    """
    lanes = Lanes(channel_of)
    under_way: dict[str, _UnderWay] = {}
    steps = sent = failed = 0
    renewed = time.monotonic()
    try:
        for _ in range(_ROUNDS):
            steps += _carried_out(store)
            sending = {one.page.id for one in under_way.values()}
            for page in claim_pages(store, by, standby=standby, sending=sending):
                one = _UnderWay(page)
                under_way.update({send.delivery_id: one for send in page.sends})
                lanes.submit(page.sends)
            if not lanes.pending:
                break
            for outcome in lanes.outcomes(_WAIT_SECONDS):
                one = under_way.pop(outcome.sent.delivery_id)
                one.outcomes.append(outcome)
                if len(one.outcomes) == len(one.page.sends):
                    finish_page(store, one.page, one.outcomes)
                    reached = one.page.reached(one.outcomes)
                    sent, failed = sent + reached, failed + (not reached)
            lanes.raise_broken()
            if time.monotonic() - renewed >= _RENEW_SECONDS:
                renewed = time.monotonic()
                pages = {one.page.id: one.page for one in under_way.values()}
                renew_pages(store, list(pages.values()))
    finally:
        lanes.close()
    return PageCount(steps, sent, failed)


class _UnderWay:
    """A page, and the outcomes of its messages so far."""

    def __init__(self, page: PageToSend) -> None:
        self.page = page
        self.outcomes: list[Outcome] = []


def _carried_out(store: Store) -> int:
    """Carry out what is due, and return how many steps that were."""
    done = 0
    while claimed := claim_due(store, store.now()):
        done += sum(one.what not in ("lost", "failed") for one in carry_out(store, claimed))
    return done
