"""The flow that does once a minute what a lost event left undone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from blocks.calendar_fetch import fetch_calendar
from blocks.channels import Channels
from blocks.slack_rooms import rooms_by
from flows import connections
from flows.automation_switches import restore_switches
from flows.escalate import escalate_until_served, page_counts
from flows.naming import name_run
from flows.notify import notify_until_served
from sentinel.engine.calendar_watch import CalendarWatch
from sentinel.engine.canary_watch import CanaryWatch
from sentinel.engine.component_health import SWEEP
from sentinel.engine.dispatcher import DeliveryCount
from sentinel.engine.escalation_watch import EscalationWatch
from sentinel.engine.flow_graph_watch import follow_flow_graph
from sentinel.engine.incident_steps import follow_steps, start_steps
from sentinel.engine.paging import PageCount
from sentinel.engine.paused_rules import follow_paused
from sentinel.engine.remediation import follow_remediations, start_remediations
from sentinel.engine.run_states import follow_runs
from sentinel.engine.war_rooms import RoomOptions, follow_rooms
from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.client import PrefectApi
from sentinel.printable import counted
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from sentinel.store.notifications.announcements import announce_silences
from sentinel.store.notifications.route_shadow import follow_shadow
from sentinel.store.oncall.handoffs import notify_of_handoffs
from sentinel.store.reports.digests import send_digests
from sentinel.store.reports.self_figures import keep_self_figures

__all__ = ["sweep"]


@flow(name="sweep", persist_result=False, cache_result_in_memory=False)
def sweep() -> State[None]:
    """Expire alerts, escalate, notify, follow a draft of the routes, digests, remediations.

    It also alerts about escalations that do not go on, and notifies people of handoffs.

    Returns:
        The final state: `NothingDue`, `Swept` with the counts, or `Failed` with the parts that
        failed, once all others are done.
    """
    store = connections.store()
    parts = _Parts()
    expired = 0
    by = str(flow_run.get_id() or "sweep")
    with parts.guarded("what has expired"):
        expired = store.sweep()
    # Pages and messages first: they matter more than all that follows.
    paged, notified = PageCount(), DeliveryCount()
    with parts.guarded("pages"):
        paged = escalate_until_served(store, by=by)
    with parts.guarded("messages"):
        notified = notify_until_served(store, by=by)
    for name, work in REST:
        with parts.guarded(name):
            work(store)
    done = _follow_prefect(store, parts)
    counts = [
        (expired, "expired", "expired"),
        (notified.sent, "message sent", "messages sent"),
        (notified.failed + notified.refused, "message not delivered", "messages not delivered"),
        *page_counts(paged),
        (
            done.get(_REMEDIATIONS, 0),
            "remediation started or ended",
            "remediations started or ended",
        ),
        (
            done.get(_STEPS, 0),
            "step of an incident started or ended",
            "steps of incidents started or ended",
        ),
        (done.get(_SWITCHES, 0), "Automation disabled again", "Automations disabled again"),
    ]
    said = ", ".join(counted(*one) for one in counts if one[0])
    _report(store, parts.failed)
    if parts.failed:
        failed = f"failed: {', '.join(parts.failed)}; the log of this run has the errors"
        return Failed(message=f"{said}; {failed}" if said else failed)
    if not said:
        return Completed(name="NothingDue", message="nothing was due")
    name_run(f"sweep · {said}")
    return Completed(name="Swept", message=said)


def _follow_prefect(store: Store, parts: _Parts) -> dict[str, int]:
    """Return how much each part of `OF_PREFECT` did, without those that did not come about."""
    api = connections.prefect_api()
    done: dict[str, int] = {}
    if api is None:
        return done
    try:
        for name, work in OF_PREFECT:
            with parts.guarded(name, but=(PrefectUnreachable,)):
                done[name] = work(store, api)
    except PrefectUnreachable as error:
        # The notifications, which matter more, are sent; the next sweep tries again.
        get_run_logger().warning("Automations, remediations and pauses were not checked: %s", error)
    return done


def _report(store: Store, failed: list[str]) -> None:
    """Report that the sweep ran, for the page Health and for doctor."""
    if failed:
        says, hint = f"failed: {', '.join(failed)}", "The log of its last run in Prefect says why."
        report(store, SWEEP, "wrong", says, hint)
        return
    report(store, SWEEP, "ok", "runs every minute")


class _Parts:
    """Parts of a sweep, of which one that fails stops no other."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def guarded(self, name: str, *, but: tuple[type[Exception], ...] = ()) -> Generator[None]:
        try:
            yield
        except but:
            raise
        except Exception:  # noqa: BLE001 - the edge between parts that know nothing of each other
            get_run_logger().exception("A part of the sweep failed: %s", name)
            self.failed.append(name)


def _read_calendars(store: Store) -> None:
    CalendarWatch(store, fetch_calendar).evaluate(store.now())


def _watch_escalations(store: Store) -> None:
    EscalationWatch(store).evaluate(store.now())


def _watch_canaries(store: Store) -> None:
    CanaryWatch(store).evaluate(store.now())


def _follow_rooms(store: Store) -> None:
    follow_rooms(store, rooms_by(Channels(store).channel_of), RoomOptions.of(settings()))


def _follow_remediations(store: Store, api: PrefectApi) -> int:
    return follow_remediations(store, api) + start_remediations(store, api)


def _follow_steps(store: Store, api: PrefectApi) -> int:
    return follow_steps(store, api) + start_steps(store, api)


def _follow_flow_graph(store: Store, api: PrefectApi) -> int:
    return follow_flow_graph(store, api, settings().prefect_telemetry or "default")


def _restore_switches(store: Store, api: PrefectApi) -> int:
    return len(restore_switches(store, api))


_REMEDIATIONS, _SWITCHES = "remediations", "switches of Automations"
_STEPS = "steps of incidents"
OF_PREFECT: tuple[tuple[str, Callable[[Store, PrefectApi], int]], ...] = (
    (_REMEDIATIONS, _follow_remediations),
    (_SWITCHES, _restore_switches),
    (_STEPS, _follow_steps),
    ("paused rules", follow_paused),
    ("states of runs", follow_runs),
    ("who depends on whom", _follow_flow_graph),
)
REST: tuple[tuple[str, Callable[[Store], object]], ...] = (
    ("escalations that do not go on", _watch_escalations),
    ("canaries", _watch_canaries),
    ("announcements of silences", announce_silences),
    ("calendars", _read_calendars),
    ("handoffs", notify_of_handoffs),
    ("digests", send_digests),
    ("war rooms in Slack", _follow_rooms),
    ("the draft of the routes", follow_shadow),
    ("figures of Sentinel itself", keep_self_figures),
)
