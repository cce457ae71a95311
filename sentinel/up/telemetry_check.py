"""How the telemetry store is, as `sentinel doctor` says it."""

from __future__ import annotations

from sentinel.errors import TelemetryError
from sentinel.printable import counted
from sentinel.settings import Settings
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.condition import LONG_MERGE, MANY_PARTS, Condition, condition
from sentinel.up.home import Home
from sentinel.up.instance import running
from sentinel.up.self_watch import SelfWatchState

__all__ = ["judged", "telemetry_state"]

_ROWS = ("logs", "spans", "requests")
_START_SECONDS = 30.0
"""How long the store may take to answer, since on a busy machine it starts slowly."""


def telemetry_state(settings: Settings, home: Home, *, tenants: bool = False) -> SelfWatchState:
    """Return how the telemetry store is; the embedded one is not started to be asked.

    Args:
        settings: completed by those of the running instance
        home: its folder
        tenants: whether to name the largest tenants, for which all rows are read; not where people
            of one tenant see the answer

    Returns:
        A warning where it does not keep up, wrong where it does not answer; a note where there is
        none, or where the embedded one was not needed yet.
    """
    url = settings.telemetry_url.get_secret_value()
    record = running(home)
    if not url:
        return SelfWatchState("note", "there is none: no instance runs, or the extra is missing")
    names = None if record is None else {child.name for child in record.children}
    if home.is_own_telemetry(url) and names is not None and "telemetry" not in names:
        return SelfWatchState("note", "not started, since nothing was sent or opened")
    try:
        found = condition(telemetry_client(settings, wait=_START_SECONDS), tenants=tenants)
        return judged(found)
    except TelemetryError as error:
        hint = error.hint
        return SelfWatchState("wrong", error.message, hint or f"See {home.log('telemetry')}.")


def judged(found: Condition) -> SelfWatchState:
    """Return what a condition means.

    Args:
        found: the condition

    Returns:
        A warning where merges do not keep up or memory is nearly used.
    """
    rows = sum(table.rows for table in found.tables if table.name in _ROWS)
    refused = ", ".join(f"{number:,} {reason}" for reason, number in found.refused.items())
    says = (
        f"ClickHouse {found.version}, {counted(rows, 'row')}, {found.bytes / 1e6:,.0f} MB, "
        f"at most {counted(found.most_parts, 'part')} a day"
        + (f"; refused in 24 hours: {refused}" if refused else "")
        + _largest(found)
    )
    if found.most_parts >= MANY_PARTS:
        hint = "Send larger batches, of some thousand records, or fewer at a time."
        return SelfWatchState("warning", f"merges do not keep up: {says}", hint)
    if found.longest_merge > LONG_MERGE:
        hint = "Restart the store; see its log."
        return SelfWatchState("warning", f"a merge has run for over an hour: {says}", hint)
    if found.memory > 0.95 * found.memory_limit > 0:
        hint = "Raise SENTINEL_TELEMETRY_MEMORY, or send and ask less at a time."
        return SelfWatchState("warning", f"nearly all of its memory is used: {says}", hint)
    return SelfWatchState("ok", says)


def _largest(found: Condition) -> str:
    """Return the sizes of the largest tenants, where there are several."""
    if len({one.tenant for one in found.tenants}) < 2:
        return ""
    said = ", ".join(
        f"{one.tenant} {one.signal} {one.bytes / 1e6:,.0f} MB" for one in found.tenants[:3]
    )
    return f"; largest: {said}"
