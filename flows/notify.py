"""The flow that tells people: woken by an Automation, it works until nothing is due."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.channels import Channels
from flows import connections
from flows.naming import name_run
from sentinel.engine.dispatcher import ToldCount, tell_due
from sentinel.store import Store

__all__ = ["notify", "notify_until_served"]


@flow(name="notify", persist_result=False, cache_result_in_memory=False)
def notify(woken_by: str = "") -> State[None]:
    """Tell everybody who is to be told now.

    Args:
        woken_by: what started this run, for the record; it decides nothing
    """
    store = connections.store()
    told = notify_until_served(store, by=str(flow_run.get_id() or "notify"))
    return _said(told)


def notify_until_served(store: Store, *, by: str) -> ToldCount:
    """Tell what is due, again while more was asked for meanwhile.

    Args:
        store: the shared database
        by: who sends, for the record
    """
    channels = Channels(store)
    sent = failed = refused = 0
    while True:
        # Read before looking: what is asked for after this is not served by this look.
        generation = store.wakes.requested()
        told = tell_due(store, channels.channel_of, by=by)
        sent += told.sent
        failed += told.failed
        refused += told.refused
        if store.wakes.serve(generation):
            return ToldCount(sent, failed, refused)


def _said(told: ToldCount) -> State[None]:
    counts = [(told.sent, "sent"), (told.failed, "to try again"), (told.refused, "refused")]
    parts = ", ".join(f"{count} {word}" for count, word in counts if count)
    if not parts:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"notify · {parts}")
    return Completed(name="Told" if told.sent else "Undelivered", message=parts)
