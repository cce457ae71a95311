"""The flow that does once a minute what a lost event left undone."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.calendar_fetch import fetch_calendar
from flows import connections
from flows.automation_switches import restore_switches
from flows.escalate import escalate_until_served, page_counts
from flows.naming import name_run
from flows.notify import notify_until_served
from sentinel.engine.calendar_watch import CalendarWatch
from sentinel.engine.escalation_watch import EscalationWatch
from sentinel.engine.paused_rules import follow_paused
from sentinel.engine.remediation import follow_remediations, start_remediations
from sentinel.engine.run_states import follow_runs
from sentinel.errors import ConfigurationError, PrefectUnreachable
from sentinel.store.notifications.announcements import announce_silences
from sentinel.store.notifications.route_shadow import follow_shadow
from sentinel.store.oncall.handoffs import tell_handoffs
from sentinel.store.reports.digests import send_digests

__all__ = ["sweep"]


@flow(name="sweep", persist_result=False, cache_result_in_memory=False)
def sweep() -> State[None]:
    """Expire alerts, escalate, notify, follow a draft of the routes, digests, remediations.

    It also alerts about escalations that do not go on, and tells people of handoffs.

    Returns:
        The final state: `NothingDue`, or `Swept` with the counts.
    """
    store = connections.store()
    expired = store.sweep()
    announce_silences(store)
    by = str(flow_run.get_id() or "sweep")
    paged = escalate_until_served(store, by=by)
    EscalationWatch(store).evaluate(store.now())
    notified = notify_until_served(store, by=by)
    try:
        CalendarWatch(store, fetch_calendar).evaluate(store.now())
        tell_handoffs(store)
        send_digests(store)
        follow_shadow(store)
    except ConfigurationError as error:
        # Of a document that this version cannot read; what is due is sent all the same.
        get_run_logger().warning(
            "Handoffs, digests or the draft of the routes were not followed: %s", error
        )
    put_back: list[str] = []
    api = connections.prefect_api()
    remediations = 0
    if api is not None:
        try:
            remediations = follow_remediations(store, api) + start_remediations(store, api)
            put_back = restore_switches(store, api)
            follow_paused(store, api)
            follow_runs(store, api)
        except PrefectUnreachable as error:
            # The notifications, which matter more, are sent; the next sweep tries again.
            get_run_logger().warning(
                "Automations, remediations and pauses were not checked: %s", error
            )
    counts = [
        (expired, "expired"),
        (notified.sent, "messages sent"),
        (notified.failed + notified.refused, "messages not delivered"),
        *page_counts(paged),
        (remediations, "remediations started or ended"),
        (len(put_back), "Automations disabled again"),
    ]
    parts = ", ".join(f"{count} {word}" for count, word in counts if count)
    if not parts:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"sweep · {parts}")
    return Completed(name="Swept", message=parts)
