"""The flow that escalates: Automations start it when a step may be due, and rows decide."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.channels import Channels
from blocks.emergency import usable_emergency
from flows import connections
from flows.naming import name_run
from sentinel.engine.paging import PageCount, escalate_due
from sentinel.printable import counted
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.escalations.waking import arm_next
from sentinel.store.notifications.wakes import ESCALATE

__all__ = ["escalate", "escalate_until_served", "page_counts"]


@flow(name="escalate", persist_result=False, cache_result_in_memory=False)
def escalate(woken_by: str = "") -> State[None]:
    """Carry out the escalation steps that are due, and send their pages.

    Args:
        woken_by: what started this flow run, for the record; the database decides what is due

    Returns:
        The final state: `NothingDue` or `Escalated`, with the counts.
    """
    store = connections.store()
    done = escalate_until_served(store, by=str(flow_run.get_id() or "escalate"))
    if not done.steps:  # a step arms the one after it
        arm_next(store)
    parts = ", ".join(counted(*one) for one in page_counts(done) if one[0])
    if not parts:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"escalate · {parts}")
    return Completed(name="Escalated", message=parts)


def escalate_until_served(store: Store, *, by: str) -> PageCount:
    """Escalate what is due, again while more was requested meanwhile.

    Args:
        store: the shared database
        by: id of the flow run, for the record

    Returns:
        The number of steps, and of pages sent and to be tried again.
    """
    channels = Channels(store, usable_emergency(settings()))
    steps = sent = failed = 0
    while True:
        # Read before: a request that comes later is not served by this pass.
        generation = store.wakes.requested(ESCALATE)
        count = escalate_due(store, channels.channel_of, by=by)
        steps, sent, failed = steps + count.steps, sent + count.sent, failed + count.failed
        if store.wakes.serve(generation, ESCALATE):
            return PageCount(steps, sent, failed)


def page_counts(count: PageCount) -> list[tuple[int, str, str]]:
    """Return the numbers of a run, each with what it counts: one of it, and several."""
    return [
        (count.steps, "escalation step", "escalation steps"),
        (count.sent, "page sent", "pages sent"),
        (count.failed, "page to retry", "pages to retry"),
    ]
