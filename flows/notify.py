"""The flow that sends notifications: an Automation starts it, and it works until none is due."""

from __future__ import annotations

import time

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.channels import Channels
from blocks.emergency import usable_emergency
from flows import connections
from flows.naming import name_run
from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.engine.notices import send_notices
from sentinel.notifications.storm import STAY
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.notifications.storms import watch_storms

__all__ = ["notify", "notify_until_served"]

_AGAIN = 0.5
"""Seconds between two claims of what is due, in a storm."""


@flow(name="notify", persist_result=False, cache_result_in_memory=False)
def notify(woken_by: str = "") -> State[None]:
    """Send all notifications that are due.

    Args:
        woken_by: what started this flow run, for the record; the database decides what is due

    Returns:
        The final state: `NothingDue`, `Notified` or `Undelivered`, with the counts.
    """
    store = connections.store()
    sent = notify_until_served(store, by=str(flow_run.get_id() or "notify"))
    return _final_state(sent)


def notify_until_served(store: Store, *, by: str) -> DeliveryCount:
    """Send all notifications that are due, again while more were requested meanwhile.

    In a storm of alerts it stays a while for what becomes due, so that few runs are started.

    Args:
        store: the shared database
        by: id of the flow run that sends, for the record

    Returns:
        The number of messages sent, to be retried, and refused.
    """
    channels = Channels(store, usable_emergency(settings()))
    sent = failed = refused = 0
    began = time.monotonic()
    while True:
        # Read before sending: a request that comes later is not served by this pass.
        generation = store.wakes.requested()
        count = notify_due(store, channels.channel_of, by=by)
        send_notices(store, channels.channel_of, by=by)
        sent += count.sent
        failed += count.failed
        refused += count.refused
        if not store.wakes.serve(generation):
            continue
        if watch_storms(store) and time.monotonic() - began < STAY.total_seconds():
            time.sleep(_AGAIN)
        else:
            return DeliveryCount(sent, failed, refused)


def _final_state(count: DeliveryCount) -> State[None]:
    counts = [(count.sent, "sent"), (count.failed, "to retry"), (count.refused, "refused")]
    parts = ", ".join(f"{count} {word}" for count, word in counts if count)
    if not parts:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"notify · {parts}")
    return Completed(name="Notified" if count.sent else "Undelivered", message=parts)
