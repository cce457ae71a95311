"""The checks of `sentinel doctor`: whether each part is OK, and what to do if it is not."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta

import httpx
from sqlalchemy.exc import SQLAlchemyError

from sentinel.checks.catalog import load
from sentinel.clock import SystemClock
from sentinel.engine.canary_health import canary_state
from sentinel.engine.component import Component
from sentinel.engine.component_health import (
    LIMITS,
    channels_state,
    escalation_state,
    last_backup,
    last_sweep,
    pool_state,
    relay_state,
)
from sentinel.engine.planned_runs import without_planned_run
from sentinel.engine.run_health import run_health
from sentinel.errors import DatabaseError, SentinelError
from sentinel.printable import counted
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.migrate import schema_ready
from sentinel.up.access_review_check import access_review_state
from sentinel.up.check import Check, not_here
from sentinel.up.fault_checks import (
    clock_state,
    evaluations_state,
    outbox_state,
    ports_state,
    prefect_clock_state,
    receivers_state,
    secret_files_state,
    system_state,
    version_state,
    wakes_state,
)
from sentinel.up.home import Home
from sentinel.up.instance import running
from sentinel.up.limits_check import limits_state
from sentinel.up.own_reports import exposure_state
from sentinel.up.place_checks import api_check, dashboard_check, public_pages_check
from sentinel.up.postgres import Postgres, find_binaries
from sentinel.up.rollout import deployments_in_words
from sentinel.up.self_watch import SelfWatchState, self_watch_state
from sentinel.up.setup import Setup
from sentinel.up.telemetry_check import telemetry_state
from sentinel.worker.job_template import other_type

__all__ = ["Check", "check_all"]

_LEAST_FREE_BYTES = 1_000_000_000


_Asks = Callable[[Settings, Home], Check]


def check_all(settings: Settings, home: Home) -> list[Check]:
    """Check every part, one after the other, and change nothing.

    Args:
        settings: completed by those of the running instance
        home: its folder

    Returns:
        One result for each part, in the order of the checks.
    """
    checks: list[tuple[str, _Asks]] = [
        ("python", _python),
        ("home", _home),
        ("instance", _instance),
        ("postgresql", _wheel),
        ("database", _database),
        ("prefect", _prefect),
        ("prefect version", _prefect_version),
        ("clock", _clock),
        ("work pool", _pool),
        ("flow runs", _flow_runs),
        ("Automations", _automations),
        ("system deployments", _system),
        ("relay", _while_up("relay", relay_state)),
        ("outbox", _asked("outbox", outbox_state)),
        ("sweep", _while_up("sweep", last_sweep)),
        ("channels", _of_store("channels", channels_state)),
        ("receivers", _asked("receivers", receivers_state)),
        ("standby", _standby),
        ("backup", _of_store("backup", last_backup)),
        ("triggers", _triggers),
        ("rules", _rules),
        ("evaluations", _asked("evaluations", evaluations_state)),
        ("ports", _of_home("ports", ports_state)),
        ("api", api_check),
        ("dashboard", dashboard_check),
        ("public pages", public_pages_check),
        ("secret files", _of_home("secret files", secret_files_state)),
        ("exposure", _exposure),
        ("telemetry", _telemetry),
        ("limits of APIs", lambda settings, _: _said(LIMITS, limits_state(settings))),
        ("self-watch", _asked("self-watch", self_watch_state)),
        ("escalations", _of_store("escalations", escalation_state)),
        ("canaries", _of_store("canaries", canary_state)),
        ("access review", _asked("access review", access_review_state)),
    ]
    found: list[Check] = []
    for name, check in checks:
        try:
            found.append(check(settings, home))
        except SentinelError as error:
            found.append(Check(name=name, state="wrong", says=error.message, hint=error.hint))
        except SQLAlchemyError as error:
            first = str(error).splitlines()[0]
            hint = "Bring it up to date: sentinel db migrate"
            found.append(Check(name=name, state="wrong", says=first, hint=hint))
    return found


def _python(settings: Settings, home: Home) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(name="python", state="ok", says=f"{version}, {sys.executable}")


def _home(settings: Settings, home: Home) -> Check:
    if not home.root.exists():
        return Check(name="home", state="note", says=f"{home.root} is made by the first start")
    free = shutil.disk_usage(home.root).free
    says = f"{home.root}, {free / 1e9:.1f} GB free"
    if free < _LEAST_FREE_BYTES:
        return Check(name="home", state="wrong", says=says, hint="Free some space on that disk.")
    return Check(name="home", state="ok", says=says)


def _instance(settings: Settings, home: Home) -> Check:
    record = running(home)
    if record is None:
        hint = "Start it with: sentinel up"
        return Check(name="instance", state="note", says="no instance runs here", hint=hint)
    dead = [child.name for child in record.children if child.process() is None]
    if dead:
        hint = f"Sentinel restarts it; if it does not, see {home.logs}."
        says = f"{', '.join(dead)} has ended"
        return Check(name="instance", state="wrong", says=says, hint=hint)
    count = len(record.children)
    says = f"pid {record.pid} with {counted(count, 'process', 'processes')}"
    return Check(name="instance", state="ok", says=says)


def _wheel(settings: Settings, home: Home) -> Check:
    if settings.database_url and not Postgres.has_data(home):
        return Check(name="postgresql", state="note", says="not embedded: a database is given")
    return Check(name="postgresql", state="ok", says=f"embedded, {find_binaries()}")


def _database(settings: Settings, home: Home) -> Check:
    store = _opened(settings, home)
    if store is None:
        return Check(name="database", state="note", says="not running, since no instance runs here")
    try:
        if not schema_ready(store.engine):
            says, hint = "its schema is older than this version", "Update it: sentinel db migrate"
            return Check(name="database", state="wrong", says=says, hint=hint)
        counts = store.alerts.counts()
        says = f"{store.dialect}, {counted(counts.active, 'active alert')}"
        return Check(name="database", state="ok", says=says)
    finally:
        store.close()


def _opened(settings: Settings, home: Home) -> Store | None:
    """Return the shared database; None where it is an embedded one that does not run."""
    if not settings.database_url and (Postgres.has_data(home) or not home.sqlite.exists()):
        return None
    return Store.of(settings)


def _prefect(settings: Settings, home: Home) -> Check:
    with Setup.of(settings) as prefect:
        if not prefect.healthy():
            return not_here(
                "prefect", running(home) is not None or bool(settings.prefect_api_url), prefect.url
            )
        says = f"{prefect.version()}, {prefect.ui_url}"
        if prefect.lets_everybody_in():
            return Check(
                name="prefect",
                state="warning",
                says=f"{says}, asks nobody for a login: whoever reaches it reads all secrets",
                hint="Set PREFECT_SERVER_API_AUTH_STRING where that server runs, and "
                "PREFECT_API_AUTH_STRING here.",
            )
        return Check(name="prefect", state="ok", says=says)


def _pool(settings: Settings, home: Home) -> Check:
    with Setup.of(settings) as prefect:
        if not prefect.healthy():
            return _unknown("work pool")
        pools = {one.name: one for one in prefect.work_pools()}
    pool = pools.get(settings.work_pool)
    found = _check(pool_state(pool, settings.work_pool))
    if found.state == "ok" and pool and (said := other_type(settings.work_pool, pool.type)):
        return Check(name="work pool", state="note", says=said)
    return found


def _flow_runs(settings: Settings, home: Home) -> Check:
    with Setup.of(settings) as prefect:
        if not prefect.healthy():
            return _unknown("flow runs")
        health = run_health(prefect, settings.work_pool, SystemClock().now())
    if health.bad:
        hint = "Open one of them in Prefect, and see the worker's log."
        return Check(name="flow runs", state="wrong", says=health.says, hint=hint)
    state = "note" if health.bad is None else "ok"
    return Check(name="flow runs", state=state, says=health.says)


def _automations(settings: Settings, home: Home) -> Check:
    with Setup.of(settings) as prefect:
        if not prefect.healthy():
            return _unknown("Automations")
        failed = prefect.failed_actions(SystemClock().now() - timedelta(hours=1), 50)
        wakes = wakes_state(prefect.automations())
    if not failed and wakes.state != "ok":
        return _said("Automations", wakes)
    if not failed:
        return Check(name="Automations", state="ok", says="no action failed in the last hour")
    last = failed[0]
    says = (
        f"{len(failed)} actions failed in the last hour, the last at {last.at:%H:%M} UTC of "
        f"{last.automation or last.automation_id}: {last.reason[:300]}"
    )
    hint = "Open the Automation in Prefect, and correct its action."
    return Check(name="Automations", state="wrong", says=says, hint=hint)


def _standby(settings: Settings, home: Home) -> Check:
    """Say who notifies while Prefect is down, and who learns that all of Sentinel is."""
    emergency = bool(settings.emergency_url.get_secret_value())
    if emergency:
        from blocks.emergency import emergency_channel  # seconds to import

        emergency_channel(settings)  # raises where the address is wrong
    switch = bool(settings.dead_man_url.get_secret_value())
    says = [
        "an emergency channel is set" if emergency else "no emergency channel is set",
        "a dead man's switch is pinged" if switch else "no dead man's switch is pinged",
    ]
    if emergency and switch:
        return Check(name="standby", state="ok", says="; ".join(says))
    hint = "SENTINEL_EMERGENCY_URL, SENTINEL_DEAD_MAN_URL: docs/how-to/when-prefect-is-down.md"
    return Check(name="standby", state="note", says="; ".join(says), hint=hint)


def _triggers(settings: Settings, home: Home) -> Check:
    catalog = load()
    if not catalog.broken:
        return Check(name="triggers", state="ok", says=f"{len(catalog.triggers)} usable")
    says = "; ".join(map(str, catalog.broken))
    cures = dict.fromkeys(one.cure for one in catalog.broken if one.cure)
    return Check(name="triggers", state="wrong", says=says, hint=" ".join(cures))


def _rules(settings: Settings, home: Home) -> Check:
    with Setup.of(settings) as prefect:
        if not prefect.healthy():
            return _unknown("rules")
        found = prefect.deployments()
        waiting = without_planned_run(prefect, SystemClock().now())
        version = prefect.version()
    if not found:
        hint = "Roll them out: sentinel deploy"
        return Check(name="rules", state="wrong", says="nothing is deployed", hint=hint)
    if waiting:
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        says = f"Prefect {version} plans no run for {', '.join(waiting[:3])}{more}"
        hint = "See the Prefect server's log. Prefect 3.9.1 on Python 3.11 and 3.12 plans no cron."
        return Check(name="rules", state="wrong", says=says, hint=hint)
    paused = sum(1 for deployment in found if deployment.get("paused"))
    says = deployments_in_words(found) + (f", {paused} of them paused" if paused else "")
    return Check(name="rules", state="ok", says=says)


def _exposure(settings: Settings, home: Home) -> Check:
    store: Store | None = None
    try:
        store = _opened(settings, home)
        found = exposure_state(settings, store)
    except (DatabaseError, SQLAlchemyError):  # the check of the database says so
        found = exposure_state(settings, None)
    finally:
        if store is not None:
            store.close()
    return _said("exposure", found)


def _telemetry(settings: Settings, home: Home) -> Check:
    found = telemetry_state(settings, home, tenants=True)
    return _said("telemetry", found)


def _asked(name: str, ask: Callable[[Settings, Store], SelfWatchState]) -> _Asks:
    """Return the check of a part that the database knows."""

    def check(settings: Settings, home: Home) -> Check:
        store = _opened(settings, home)
        if store is None:
            return Check(name=name, state="note", says="unknown, since no instance runs here")
        try:
            found = ask(settings, store)
        finally:
            store.close()
        return _said(name, found)

    return check


def _of_store(name: str, judge: Callable[[Store], Component]) -> _Asks:
    """Return the check of a component that `sentinel.engine.component_health` judges."""

    def check(settings: Settings, home: Home) -> Check:
        store = _opened(settings, home)
        if store is None:
            return Check(name=name, state="note", says="unknown, since no instance runs here")
        try:
            return _check(judge(store))
        finally:
            store.close()

    return check


def _while_up(name: str, judge: Callable[[Store], Component]) -> _Asks:
    """Return the check of what runs only while an instance does: a note where none runs here."""
    asked = _of_store(name, judge)

    def check(settings: Settings, home: Home) -> Check:
        found = asked(settings, home)
        if found.state != "wrong" or settings.database_url or running(home) is not None:
            return found
        return Check(name=name, state="note", says="not running, since no instance runs here")

    return check


def _of_prefect(name: str, judge: Callable[[Setup], SelfWatchState]) -> _Asks:
    """Return the check of a part that Prefect knows."""

    def check(settings: Settings, home: Home) -> Check:
        with Setup.of(settings) as prefect:
            return _said(name, judge(prefect)) if prefect.healthy() else _unknown(name)

    return check


_prefect_version = _of_prefect("prefect version", lambda one: version_state(one.version()))
_system = _of_prefect("system deployments", lambda one: system_state(one.deployments()))


def _of_home(name: str, ask: Callable[[Settings, Home], SelfWatchState]) -> _Asks:
    """Return the check of a part that the files and processes of this machine show."""
    return lambda settings, home: _said(name, ask(settings, home))


def _clock(settings: Settings, home: Home) -> Check:
    """Compare this machine's clock with those of the database server and the Prefect server."""
    store, now = _opened(settings, home), SystemClock().now
    found: list[SelfWatchState] = []
    if store is not None:
        try:
            found.append(clock_state(settings, store))
        finally:
            store.close()
    with Setup.of(settings) as prefect, contextlib.suppress(httpx.HTTPError):
        date = httpx.get(f"{prefect.url}/health", timeout=5).headers.get("date", "")
        found.append(prefect_clock_state(date, now()))
    worst = [one for state in ("wrong", "warning", "ok") for one in found if one.state == state]
    return _said("clock", worst[0]) if worst else _unknown("clock")


def _said(name: str, found: SelfWatchState) -> Check:
    return Check(name=name, state=found.state, says=found.says, hint=found.hint)


def _check(found: Component) -> Check:
    return Check(name=found.name, state=found.state, says=found.says, hint=found.hint)


def _unknown(name: str) -> Check:
    return Check(name=name, state="note", says="unknown, since Prefect does not answer")
