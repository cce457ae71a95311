"""When Sentinel last took something of each kind from others, and what to do if that is long ago.

What is sent all the time (samples, heartbeats, log lines) is missed after an hour. Alerts and
events come when something happens: that none came for a day is a note, which may be good news.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, get_args

import msgspec

from sentinel.duration import format_duration
from sentinel.engine.component_health import Component
from sentinel.store import Store
from sentinel.store.database.component_reports import report, reported

__all__ = ["SIGNALS", "Signal", "last_intakes", "note_intake"]

Signal = Literal["alerts", "events", "metrics", "heartbeats", "logs", "traces", "requests"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)


class _Kind(msgspec.Struct, frozen=True):
    """What is said of one kind.

    Attributes:
        missed: after so long without any, something is to be looked at
        begin: what makes the first one come
        old: what to look at where none comes any more
        quiet: whether it may be that there is nothing to send
    """

    missed: timedelta
    begin: str
    old: str
    quiet: bool = False


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_KINDS: dict[Signal, _Kind] = {
    "alerts": _Kind(
        _DAY, "Point a sender here: docs/how-to/name-sentinel-as-alertmanager.md",
        "If alerts should have come, send a test from the sender, and see its own log.", True,
    ),
    "events": _Kind(
        _DAY, "Post one: docs/how-to/events-and-policies.md",
        "If events should have come, post one by hand: POST /api/v1/events.", True,
    ),
    "metrics": _Kind(
        _HOUR, "Post samples to /api/v1/alerts/metrics, or OTLP to /v1/metrics.",
        "See that whoever posts samples runs, and that its key is valid.",
    ),
    "heartbeats": _Kind(
        _HOUR, "Let a job fetch its URL: docs/how-to/watch-your-data.md",
        "See that the jobs run. The rule of a heartbeat fires where one is missed.",
    ),
    "logs": _Kind(
        _HOUR, "Send OTLP to /v1/logs: docs/how-to/send-telemetry.md",
        "See that the collector runs, and what its own log says of this address.",
    ),
    "traces": _Kind(
        _HOUR, "Send OTLP to /v1/traces: docs/how-to/send-telemetry.md",
        "See that the collector runs, and what its own log says of this address.",
    ),
    "requests": _Kind(
        _HOUR, "Send the requests of an API: docs/how-to/watch-an-api.md",
        "See that the API runs with its middleware, and that its key is valid.",
    ),
}  # fmt: skip


def note_intake(store: Store, signal: Signal) -> None:
    """Keep that something of this kind was taken now.

    Args:
        store: the shared database
        signal: what was taken

    Raises:
        DatabaseError: the database cannot be used
    """
    report(store, _name(signal), "ok", "taken")


def last_intakes(store: Store) -> list[Component]:
    """Return when something of each kind was last taken.

    Args:
        store: the shared database

    Returns:
        One for each of `SIGNALS`: a note where none ever came, or none of what may be quiet came
        for a day; a warning where none came for an hour of what is sent all the time.

    Raises:
        DatabaseError: the database cannot be used
    """
    told, now = reported(store), store.now()
    found: list[Component] = []
    for signal, kind in _KINDS.items():
        last = told.get(_name(signal))
        if last is None:
            found.append(Component(name=signal, state="note", says="none came yet",
                                   hint=kind.begin))  # fmt: skip
            continue
        is_old = now - last.at >= kind.missed
        says = f"none came for {format_duration(kind.missed)} or longer" if is_old else "come"
        found.append(
            Component(
                name=signal, since=last.at, says=says, hint=kind.old if is_old else "",
                state="ok" if not is_old else "note" if kind.quiet else "warning",
            )
        )  # fmt: skip
    return found


def _name(signal: Signal) -> str:
    return f"intake of {signal}"
