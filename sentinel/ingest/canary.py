"""Open canaries: a marked alert for each receiver, which goes to it alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from sentinel.alerts.actions import Resolve
from sentinel.ingest.posted_alert import post_alert
from sentinel.notifications.canary import DEFAULT_WITHIN, CanaryPlan, checked_plan
from sentinel.rules.drill_rule import CANARY, DRILL_RULE
from sentinel.schema.columns import new_id
from sentinel.store.notifications.canaries import last_plan, open_canaries

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["send_canaries", "send_canaries_now"]

_OVER = "the next canary follows"


def send_canaries(
    store: Store, receivers: Sequence[str], *, every: timedelta, within: timedelta, actor: str
) -> CanaryPlan:
    """Resolve the canaries that are open, and open one for each receiver.

    Args:
        store: the shared database
        receivers: names; none for all that there are
        every: when the next run follows; zero for none
        within: how long a canary may take until a channel has it
        actor: who sends them

    Returns:
        What was sent.

    Raises:
        ConfigurationError: there is no such receiver, or the times do not fit
        Conflict: the rule of drills and canaries is disabled
    """
    plan = checked_plan(receivers, store.receivers.all(), every=every, within=within)
    if before := open_canaries(store):
        store.act(before, Resolve(actor=actor, comment=_OVER))
    words = "Nothing is wrong: this proves that alerts reach you. It resolves by itself."
    for receiver in plan.receivers:
        # A name of its own makes an alert and a group of its own of each canary.
        labels = {"alertname": f"canary {new_id()[-8:]}", CANARY: receiver}
        post_alert(
            store, actor=actor, labels=labels, title=f"Canary: {receiver}", severity="info",
            annotations={"description": words}, details={"plan": msgspec.to_builtins(plan)},
            rule=DRILL_RULE,
        )  # fmt: skip
    return plan


def send_canaries_now(
    store: Store, receivers: Sequence[str], *, actor: str, once: bool = False
) -> CanaryPlan:
    """Send canaries between two runs of the deployment.

    Args:
        store: the shared database
        receivers: names, beside those of the last run
        actor: who sends them
        once: whether only those receivers are proved, or all where none is named, and no run
            follows: nothing is overdue from then on

    Returns:
        What was sent; without `once`, the times of the last run stay.

    Raises:
        ConfigurationError: there is no such receiver
        Conflict: the rule of drills and canaries is disabled
    """
    last = None if once else last_plan(store)
    if last is None:
        return send_canaries(
            store, receivers, every=timedelta(0), within=DEFAULT_WITHIN, actor=actor
        )
    known = store.receivers.all()
    names = [*(one for one in last.receivers if one in known), *receivers]
    return send_canaries(
        store, names, every=timedelta(seconds=last.every), within=timedelta(seconds=last.within),
        actor=actor,
    )  # fmt: skip
