"""The flow that looks every minute for what an event missed."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import connections
from flows.automation_switches import restore_switches
from flows.naming import name_run
from flows.notify import notify_until_served
from sentinel.engine.remediation import follow_remediations, start_remediations
from sentinel.errors import PrefectUnreachable

__all__ = ["sweep"]


@flow(name="sweep", persist_result=False, cache_result_in_memory=False)
def sweep() -> State[None]:
    """End what has outlived its time, tell what is due, follow remediations, keep switches."""
    store = connections.store()
    expired = store.sweep()
    told = notify_until_served(store, by=str(flow_run.get_id() or "sweep"))
    put_back: list[str] = []
    api = connections.prefect_api()
    remediations = 0
    if api is not None:
        try:
            remediations = follow_remediations(store, api) + start_remediations(store, api)
            put_back = restore_switches(store, api)
        except PrefectUnreachable as error:
            # People have been told, which matters more; the next sweep looks again.
            get_run_logger().warning("Automations and remediations were not looked at: %s", error)
    counts = [
        (expired, "expired"),
        (told.sent, "messages sent"),
        (told.failed + told.refused, "messages not delivered"),
        (remediations, "remediations started or ended"),
        (len(put_back), "Automations switched off again"),
    ]
    parts = ", ".join(f"{count} {word}" for count, word in counts if count)
    if not parts:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"sweep · {parts}")
    return Completed(name="Swept", message=parts)
