"""Checks of `sentinel doctor` for faults that show late: clocks, files, queues, what is paused."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from sentinel.duration import format_duration
from sentinel.oncall.wake_delays import DELAYS
from sentinel.printable import counted
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.info import database_clock
from sentinel.store.notifications.unread import unread_for
from sentinel.store.reports.self_figures import overdue_rules, self_figures
from sentinel.up.home import Home
from sentinel.up.instance import running
from sentinel.up.ports import is_free, owner
from sentinel.up.self_watch import SelfWatchState

__all__ = [
    "clock_state",
    "evaluations_state",
    "outbox_state",
    "ports_state",
    "prefect_clock_state",
    "receivers_state",
    "secret_files_state",
    "system_state",
    "version_state",
    "wakes_state",
]

_SKEW, _WRONG_SKEW = timedelta(seconds=5), timedelta(minutes=1)
_STUCK = timedelta(minutes=5)
_UNREAD = timedelta(days=7)
_OPEN_FILES = ("lock", ".gitignore")
_SYSTEM = ("notify", "escalate", "sweep", "status-pages", "retention")
_WAKING = ("sentinel-notify-on-wake", "sentinel-escalate-now")


def clock_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether the clock of this machine agrees with that of the database server."""
    there = database_clock(store)
    if there is None:
        return SelfWatchState("ok", "the database is a file of this machine")
    return _skew(store.now() - there, "the database server")


def prefect_clock_state(date: str, now: datetime) -> SelfWatchState:
    """Return whether the clock of this machine agrees with that of the Prefect server.

    Args:
        date: the header `Date` of an answer, which has whole seconds
        now: by the clock of this machine

    Returns:
        A warning from five seconds on, wrong from a minute on.
    """
    try:
        there = parsedate_to_datetime(date)
    except ValueError:
        return SelfWatchState("note", "the Prefect server does not say what time it has")
    return _skew(now - there.astimezone(UTC), "the Prefect server")


def _skew(ahead: timedelta, whose: str) -> SelfWatchState:
    if abs(ahead) < _SKEW:
        return SelfWatchState("ok", f"agrees with {whose} to {_SKEW.total_seconds():.0f} seconds")
    side = "ahead of" if ahead > timedelta(0) else "behind"
    says = f"this machine's clock is {abs(ahead.total_seconds()):,.0f} seconds {side} {whose}"
    state = "wrong" if abs(ahead) >= _WRONG_SKEW else "warning"
    return SelfWatchState(state, says, "Synchronise both clocks: timedatectl set-ntp true")


def version_state(server: str, client: str = "") -> SelfWatchState:
    """Return whether the versions of the Prefect server and of the package here fit.

    Args:
        server: of the server
        client: of the package; the installed one by default

    Returns:
        A warning where the minor versions differ, wrong where the major ones do.
    """
    client = client or metadata.version("prefect")
    theirs, ours = server.split("."), client.split(".")
    if theirs[:2] == ours[:2]:
        return SelfWatchState("ok", f"{server}, and {client} here")
    state = "wrong" if theirs[:1] != ours[:1] else "warning"
    says = f"the Prefect server is {server}, the package here is {client}"
    return SelfWatchState(state, says, "Install the same minor version of Prefect on both.")


def wakes_state(automations: Sequence[Mapping[str, Any]]) -> SelfWatchState:
    """Return whether the Automations that start `notify` and `escalate` are there and enabled.

    Args:
        automations: of the Prefect server

    Returns:
        Wrong where one is missing, a warning where one is disabled: the sweep then does its work
        a minute later.
    """
    enabled = {str(one["name"]): bool(one["enabled"]) for one in automations}
    wanted = (*_WAKING, *(f"sentinel-escalate-after-{one}s" for one in DELAYS if one))
    if missing := [name for name in wanted if name not in enabled]:
        return SelfWatchState(
            "wrong", f"missing: {_some(missing)}", "Make them again: sentinel deploy"
        )
    if off := [name for name in wanted if not enabled[name]]:
        return SelfWatchState(
            "warning", f"disabled: {_some(off)}", "Enable them on Prefect's page Automations."
        )
    return SelfWatchState("ok", f"{len(wanted)} are enabled")


def system_state(deployments: Sequence[Mapping[str, Any]]) -> SelfWatchState:
    """Return whether Sentinel's own deployments are there and not paused.

    Args:
        deployments: of the Prefect server

    Returns:
        Wrong where one is missing or paused.
    """
    paused = {str(one["name"]): bool(one.get("paused")) for one in deployments}
    if missing := [name for name in _SYSTEM if name not in paused]:
        return SelfWatchState(
            "wrong", f"not deployed: {_some(missing)}", "Deploy them: sentinel deploy"
        )
    if stopped := [name for name in _SYSTEM if paused[name]]:
        hint = f"Resume them: prefect deployment resume {stopped[0]}/{stopped[0]}"
        return SelfWatchState("wrong", f"paused: {_some(stopped)}", hint)
    return SelfWatchState("ok", f"{', '.join(_SYSTEM)} are deployed")


def secret_files_state(
    settings: Settings, home: Home, environ: Mapping[str, str] | None = None
) -> SelfWatchState:
    """Return whether only this user may read the files that hold secrets.

    Args:
        settings: of this process
        home: the folder with keys, passwords and settings
        environ: names further files in variables that end with `_FILE`

    Returns:
        Wrong where others may read one.
    """
    given = os.environ if environ is None else environ
    named = [Path(value) for name, value in given.items()
             if name.startswith("SENTINEL_") and name.endswith("_FILE") and value]  # fmt: skip
    own = sorted(home.root.iterdir()) if home.root.is_dir() else []
    files = [*(one for one in own if one.name not in _OPEN_FILES), Path(".env")]
    # Kubernetes mounts the secrets that variables name for a group: that of the container.
    closed = [*((one, 0o077) for one in files), *((one, 0o007) for one in named)]
    found = [(one, bits) for one, bits in closed if one.is_file()]
    loose = [one for one, bits in found if stat.S_IMODE(one.stat().st_mode) & bits]
    if not loose:
        return SelfWatchState(
            "ok", f"only this user may read {counted(len(found), 'file')} with secrets"
        )
    says = f"others may read {_some([str(one) for one in loose])}"
    shut = " ".join(shlex.quote(str(one)) for one in loose[:20])
    return SelfWatchState("wrong", says, f"Close it: chmod 600 {shut}")


def ports_state(settings: Settings, home: Home) -> SelfWatchState:
    """Return whether the ports of a start are free, where no instance runs.

    Args:
        settings: with the ports
        home: of the instance

    Returns:
        A warning where another program has one.
    """
    if running(home) is not None:
        return SelfWatchState("ok", "held by the instance that runs here")
    wanted = {
        "SENTINEL_API_PORT": (settings.api_port, settings.host),
        "SENTINEL_DASHBOARD_PORT": (settings.dashboard_port, settings.dashboard_host),
        "SENTINEL_PREFECT_PORT": (settings.prefect_port, "127.0.0.1"),
    }
    taken = {
        name: f"{port} ({owner(port) or 'unknown program'})"
        for name, (port, host) in wanted.items()
        if port and not is_free(port, host)
    }
    if not taken:
        return SelfWatchState("ok", "those of a start are free")
    says = f"in use by other programs: {', '.join(taken.values())}"
    return SelfWatchState("warning", says, f"End that program, or set {next(iter(taken))}.")


def outbox_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether events are published to Prefect in time."""
    found = {one.name: one.value for one in self_figures(store)}
    waiting = int(found["sentinel_outbox_waiting"])
    age = timedelta(seconds=int(found["sentinel_outbox_oldest_seconds"]))
    if age < _STUCK:
        return SelfWatchState("ok", counted(waiting, "event waits", "events wait"))
    return SelfWatchState(
        "wrong",
        f"{counted(waiting, 'event waits', 'events wait')} to be published, the oldest for "
        f"{format_duration(age)}",
        "See that Prefect answers and that the relay runs, and its log: sentinel relay",
    )


def evaluations_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether a rule was not evaluated for three periods and a minute."""
    late = overdue_rules(store)
    if not late:
        return SelfWatchState("ok", "no rule is overdue")
    worst = timedelta(seconds=int(late[0][1].total_seconds()))
    says = f"overdue: {_some([name for name, _ in late])}, by up to {format_duration(worst)}"
    hint = "See that a worker runs and is not full: sentinel status, sentinel rule show NAME"
    return SelfWatchState("wrong", says, hint)


def receivers_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether a receiver reaches nobody: no channel, or an inbox that nobody reads."""
    receivers = store.receivers.all()
    if empty := sorted(name for name, channels in receivers.items() if not channels):
        says = f"no channel: {_some(empty)}"
        return SelfWatchState(
            "warning", says, f"Give it one: sentinel receiver set {empty[0]} -c …"
        )
    inbox = sorted(name for name, channels in receivers.items() if channels == ["inbox"])
    unread = unread_for(store, _UNREAD)
    if inbox and unread:
        says = (
            f"nobody reads the inbox ({counted(unread, 'message')} of over a week), and "
            "nothing else is "
            f"notified by {_some(inbox)}"
        )
        return SelfWatchState("warning", says, "Add a channel: sentinel channel add --help")
    return SelfWatchState("ok", counted(len(receivers), "receiver"))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
