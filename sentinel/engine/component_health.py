"""The state of each component, since when, and what to do: for doctor, the API and the dashboard.

What the database knows is judged when it is asked for. What only Prefect knows is judged by the
relay twice a minute, which reports it, so that a page needs the database alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.engine.canary_health import canary_state
from sentinel.engine.component import Component
from sentinel.engine.limit_health import limit_state
from sentinel.engine.outgoing_health import destinations_state, web_feeds_state
from sentinel.engine.run_health import run_health
from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.port import WorkPool
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.alerts.failed_posts import post_backlog
from sentinel.store.database.component_reports import Reported, report, reported
from sentinel.store.escalations.watching import stuck, unmanned
from sentinel.store.notifications.channel_health import UNUSABLE, ChannelState, channel_states
from sentinel.store.notifications.chat_connections import lost_connections

__all__ = [
    "BACKUP",
    "DEAD_MAN",
    "EXPOSURE",
    "LIMITS",
    "SELF_WATCH",
    "SUITE",
    "SWEEP",
    "TELEMETRY",
    "Component",
    "ComponentReports",
    "backup_state",
    "channels_state",
    "components",
    "escalation_state",
    "last_backup",
    "last_sweep",
    "pool_state",
    "posted_state",
    "prefect_state",
    "relay_state",
    "sweep_state",
]

BACKUP, DEAD_MAN, SWEEP = "backup", "dead man's switch", "sweep"
EXPOSURE, SELF_WATCH, TELEMETRY = "exposure", "self-watch", "telemetry"
SUITE = "suite"
LIMITS = "limits of APIs"
"""Reported by `sentinel up`, which alone knows of the processes and ports of its instance."""
_POSTED = "posted alerts"
_RELAY, _PREFECT, _POOL, _RUNS = "relay", "prefect", "work pool", "flow runs"
_FRESH = timedelta(minutes=2)
"""The relay reports twice a minute; what it reported longer ago says nothing of now."""
_LATE = timedelta(minutes=3)
"""The sweep runs, and the dead man's switch is pinged, once a minute."""
_OLD = timedelta(days=7)
_WAITED = timedelta(minutes=1)
"""Posted alerts are applied within seconds, by the API or the relay."""


def prefect_state(*, healthy: bool, address: str) -> Component:
    """Return the state of Prefect's API.

    Args:
        healthy: whether it answers
        address: of the API

    Returns:
        Wrong where it does not answer.
    """
    if healthy:
        return Component(name=_PREFECT, state="ok", says=f"{address} answers")
    return Component(
        name=_PREFECT, state="wrong", says=f"{address} does not answer",
        hint="Start it, or set PREFECT_API_URL.",
    )  # fmt: skip


def pool_state(pool: WorkPool | None, name: str) -> Component:
    """Return the state of a work pool and its workers.

    Args:
        pool: as Prefect has it; None where there is none
        name: of the work pool

    Returns:
        Wrong where nothing runs flow runs of it.
    """
    if pool is None:
        return Component(name=_POOL, state="wrong", says=f"there is no work pool {name}",
                         hint="Make it: sentinel pool ensure")  # fmt: skip
    if pool.is_paused or pool.status == "PAUSED":
        return Component(name=_POOL, state="wrong", says="is paused",
                         hint=f"Resume it: prefect work-pool resume {name}")  # fmt: skip
    if pool.status != "READY":
        return Component(name=_POOL, state="wrong", says="has no worker",
                         hint="Start one: sentinel worker")  # fmt: skip
    return Component(name=_POOL, state="ok", says=f"{name}, a worker polls it")


def relay_state(store: Store) -> Component:
    """Return whether a relay holds its lease."""
    holder = store.leases.holder(_RELAY)
    if holder is not None:
        return Component(name=_RELAY, state="ok", says=f"runs as {holder}")
    return Component(
        name=_RELAY, state="wrong", says="no relay is running, so events are not published",
        hint="Start it: sentinel relay", since=store.leases.ended(_RELAY),
    )  # fmt: skip


def channels_state(store: Store) -> Component:
    """Return whether the channels of all receivers take messages.

    Args:
        store: the shared database

    Returns:
        Wrong where one takes none, or its buttons do nothing; a warning where one was never tried.
    """
    used, name = channel_states(store), "channels"
    unusable, lost = [one for one in used if one.state in UNUSABLE], lost_connections(store)
    if unusable:
        return Component(
            name=name, state="wrong", hint="Mend it, and try it: sentinel channel test NAME",
            says="; ".join(f"{one.channel} {_in_words(one)}" for one in unusable),
            since=min((one.opened_at for one in unusable if one.opened_at), default=None),
        )  # fmt: skip
    if lost:
        says = "; ".join(f"the buttons of {one} do nothing: {why}" for one, why in lost.items())
        hint = "Mend the channel's block or the app: docs/how-to/notify-slack.md"
        return Component(name=name, state="wrong", says=says, hint=hint)
    untried = [one.channel for one in used if one.state == "untried"]
    if untried:
        says = f"never sent a message, so nobody knows whether they work: {', '.join(untried)}"
        hint = "Try each: sentinel channel test NAME"
        return Component(name=name, state="warning", says=says, hint=hint)
    return Component(name=name, state="ok", says=f"{len(used)} in use, all of them work")


def _in_words(one: ChannelState) -> str:
    if one.state == "missing":
        users = ", ".join(one.receivers)
        return f"does not exist in Prefect, and receivers name it: {users}"
    does = "refuses messages" if one.state == "refused" else "does not answer"
    return (
        f"{does}, {one.failures} times in a row, its circuit breaker is {one.breaker}: {one.error}"
    )


def escalation_state(store: Store) -> Component:
    """Return whether an escalation is stuck, or has found nobody on call."""
    name = "escalations"
    found = stuck(store, store.now())
    if found:
        first = min((one.since for one in found if one.since is not None), default=None)
        since = "" if first is None else f", the longest since {first:%Y-%m-%d %H:%M} UTC"
        return Component(
            name=name, state="wrong", says=f"{len(found)} do not go on{since}",
            hint="See that a worker or the relay runs: sentinel status, sentinel relay",
            since=first,
        )  # fmt: skip
    empty = sorted({target for _, target in unmanned(store)})
    if empty:
        return Component(
            name=name, state="warning", says=f"nobody was on call for {', '.join(empty)[:200]}",
            hint="See the gaps: sentinel oncall gaps",
        )  # fmt: skip
    return Component(name=name, state="ok", says="none is stuck")


def sweep_state(found: Reported | None, now: datetime) -> Component:
    """Return the state of the sweep by what it last reported.

    Args:
        found: its report; None where it never ran
        now: the present moment

    Returns:
        Wrong where it failed, or has not run for three minutes.
    """
    hint = "See that a worker runs and that the deployment sweep is not paused in Prefect."
    if found is None:
        return Component(name=SWEEP, state="note", says="has not run yet", hint=hint)
    if now - found.at > _LATE:
        says = f"has not run since {found.at:%Y-%m-%d %H:%M} UTC; it runs every minute"
        return Component(name=SWEEP, state="wrong", says=says, hint=hint, since=found.at)
    return Component(name=SWEEP, state=found.state, says=found.says, hint=found.hint,
                     since=found.since)  # fmt: skip


def backup_state(found: Reported | None, now: datetime) -> Component:
    """Return how old the last backup is, and whether it succeeded.

    Args:
        found: its report; None where there is none
        now: the present moment

    Returns:
        Wrong where the last one failed or does not restore, a warning where it is a week old or
        lacks telemetry, a note where there is none.
    """
    hint = "Write one every day: sentinel backup run FOLDER, docs/how-to/back-up-and-restore.md"
    if found is None:
        return Component(name=BACKUP, state="note", says="none was written here", hint=hint)
    if found.state in ("wrong", "warning"):
        return Component(name=BACKUP, state=found.state, says=found.says, hint=found.hint,
                         since=found.since)  # fmt: skip
    if now - found.at > _OLD:
        says = f"the last one is {(now - found.at).days} days old"
        return Component(name=BACKUP, state="warning", says=says, hint=hint, since=found.at)
    return Component(name=BACKUP, state="ok", says=found.says, since=found.at)


def last_sweep(store: Store) -> Component:
    """Return the state of the sweep, as `sweep_state`."""
    return sweep_state(reported(store).get(SWEEP), store.now())


def last_backup(store: Store) -> Component:
    """Return how old the last backup is, as `backup_state`."""
    return backup_state(reported(store).get(BACKUP), store.now())


def posted_state(store: Store) -> Component:
    """Return whether alerts that were posted as to an Alertmanager are applied.

    Args:
        store: the shared database

    Returns:
        Wrong while some cannot be applied or wait for a minute.
    """
    with store.read() as connection:
        found = post_backlog(connection)
    if found.failed:
        says = f"{found.failed} could not be applied, the first of {found.since:%Y-%m-%d %H:%M} UTC"
        hint = "They are kept and tried again at least once an hour; the log of the relay says why."
        return Component(name=_POSTED, state="wrong", says=says, hint=hint, since=found.since)
    if found.oldest is not None and store.now() - found.oldest > _WAITED:
        says = f"{found.waiting} batches wait, the first since {found.oldest:%Y-%m-%d %H:%M} UTC"
        hint = "The log of the relay says why: sentinel relay"
        return Component(name=_POSTED, state="wrong", says=says, hint=hint, since=found.oldest)
    return Component(name=_POSTED, state="ok", says="all that were posted are applied")


def _dead_man_state(found: Reported | None, now: datetime, *, is_set: bool) -> Component:
    if found is None or now - found.at > _LATE:
        if not is_set:
            says = "no dead man's switch is pinged, so nobody learns that all of Sentinel is down"
            hint = "Set SENTINEL_DEAD_MAN_URL: docs/how-to/when-prefect-is-down.md"
            return Component(name=DEAD_MAN, state="note", says=says, hint=hint)
        when = "was never pinged" if found is None else f"not pinged since {found.at:%H:%M} UTC"
        hint = "It is pinged only while all is well: mend the other components first."
        since = None if found is None else found.at
        return Component(name=DEAD_MAN, state="wrong", says=when, hint=hint, since=since)
    return Component(name=DEAD_MAN, state=found.state, says=found.says, hint=found.hint,
                     since=found.since)  # fmt: skip


def _by_relay(name: str, found: Reported | None, now: datetime) -> Component:
    """Return what the relay reported of a component, unless that is too old."""
    if found is None or now - found.at > _FRESH:
        since = None if found is None else found.at
        return Component(name=name, state="warning", says="unknown, since the relay does not say",
                         hint="Start it: sentinel relay", since=since)  # fmt: skip
    return Component(name=name, state=found.state, says=found.says, hint=found.hint,
                     since=found.since)  # fmt: skip


def _by_instance(name: str, found: Reported | None, now: datetime) -> Component:
    """Return what `sentinel up` reported of a component, unless that is too old."""
    if found is None or now - found.at > _LATE:
        says = "not known here: sentinel up reports it, and did so "
        says += "never" if found is None else f"last at {found.at:%Y-%m-%d %H:%M} UTC"
        return Component(name=name, state="note", says=says, hint="Ask for it: sentinel doctor")
    return Component(name=name, state=found.state, says=found.says, hint=found.hint,
                     since=found.since)  # fmt: skip


def components(store: Store, settings: Settings) -> list[Component]:
    """Return the state of every component, from the database alone.

    Args:
        store: the shared database
        settings: of this process

    Returns:
        One for each component; the database first, which answers where this returns. The suite is
        one where the settings name its hub or Ninja.

    Raises:
        DatabaseError: the database does not answer
    """
    told, now = reported(store), store.now()
    database = Component(name="database", state="ok", says=f"{store.dialect}, answers")
    return [
        database,
        relay_state(store),
        *(_by_relay(name, told.get(name), now) for name in (_PREFECT, _POOL, _RUNS)),
        sweep_state(told.get(SWEEP), now),
        channels_state(store),
        posted_state(store),
        escalation_state(store),
        limit_state(store),
        canary_state(store),
        destinations_state(store),
        web_feeds_state(store),
        _dead_man_state(
            told.get(DEAD_MAN), now, is_set=bool(settings.dead_man_url.get_secret_value())
        ),
        backup_state(told.get(BACKUP), now),
        *([_by_relay(SUITE, told.get(SUITE), now)] if settings.in_suite else []),
        *(
            _by_instance(name, told.get(name), now)
            for name in (TELEMETRY, LIMITS, SELF_WATCH, EXPOSURE)
        ),
    ]


class ComponentReports:
    """Reports what only Prefect knows; the relay asks for it.

    Args:
        store: the shared database
        prefect: the API
        pool: name of the work pool
    """

    def __init__(self, store: Store, prefect: PrefectApi, pool: str) -> None:
        self._store = store
        self._prefect = prefect
        self._pool = pool

    def evaluate(self, now: datetime) -> None:
        """Ask Prefect, and keep what it answers.

        Args:
            now: the present moment

        Raises:
            PrefectUnreachable: the API went away meanwhile
        """
        up = self._prefect.healthy()
        self._report(prefect_state(healthy=up, address=self._prefect.url))
        if not up:
            says, hint = "unknown, since Prefect does not answer", "Start Prefect first."
            for name in (_POOL, _RUNS):
                self._report(Component(name=name, state="warning", says=says, hint=hint))
            return
        failed: Exception | None = None
        for name, ask in ((_POOL, self._pool_state), (_RUNS, lambda: self._runs(now))):
            try:
                found = ask()
            except Exception as error:  # noqa: BLE001 - it is raised below, and hides no other
                failed = failed or error
                says = f"unknown: {type(error).__name__}: {error}"[:500]
                found = Component(name=name, state="warning", says=says,
                                  hint="See the log of the relay.")  # fmt: skip
            self._report(found)
        if failed is not None:
            raise failed

    def _report(self, one: Component) -> None:
        report(self._store, one.name, one.state, one.says, one.hint)

    def _pool_state(self) -> Component:
        pools = {one.name: one for one in self._prefect.work_pools()}
        return pool_state(pools.get(self._pool), self._pool)

    def _runs(self, now: datetime) -> Component:
        health = run_health(self._prefect, self._pool, now)
        hint = "Open one of them in Prefect, and see the worker's log." if health.bad else ""
        return Component(name=_RUNS, state="wrong" if health.bad else "ok", says=health.says,
                         hint=hint)  # fmt: skip
