"""How busy the processor of this machine is."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Annotated, Any

import psutil
from pydantic import Field

from sentinel import Context, Reading, above, trigger


@trigger(category="system", unit="percent", when=above(85))
def cpu_usage(
    ctx: Context,
    seconds: Annotated[float, Field(ge=0, le=30)] = 1.0,
    per_core: bool = False,
) -> Iterator[Reading]:
    """How busy the processor is, 100 percent being all cores.

    Args:
        ctx: the rule's state, which keeps the counters of the last evaluation
        seconds: measure over this many seconds; 0 means since the rule's last evaluation
            on this machine, which needs no waiting
        per_core: a reading for every core instead of one for all of them

    Yields:
        For the machine, or for each core, one reading with the label `host` (and `core`): the share
        of time that it was busy, 0 to 100 percent.
    """
    before = _remembered(ctx, per_core) if seconds == 0 else None
    if before is None:
        before = _times(per_core)
        # Counters move in hundredths of a second, so that a shorter measurement would see nothing.
        time.sleep(seconds or 0.5)
    now = _times(per_core)
    if seconds == 0:
        ctx.state["counters"] = {"boot": _boot(), "host": socket.gethostname(), "cores": now}
    host = socket.gethostname()
    for core, (then, since) in enumerate(zip(before, now, strict=True)):
        total, idle = since[0] - then[0], since[1] - then[1]
        labels = {"host": host, "core": str(core)} if per_core else {"host": host}
        if total <= 0:
            ctx.unknown(labels)  # the counters did not move
            continue
        yield Reading(labels=labels, value=round(100 * min(1.0, max(0.0, 1 - idle / total)), 1))


def _times(per_core: bool) -> list[list[float]]:
    """For every core, or all as one: seconds counted since boot, and the idle ones of them."""
    rows: list[Any] = psutil.cpu_times(percpu=True) if per_core else [psutil.cpu_times()]
    return [_counted(row) for row in rows]


def _counted(row: Any) -> list[float]:
    # Linux counts guest time in user time as well, and waiting for a disk is being idle.
    total = sum(row) - getattr(row, "guest", 0.0) - getattr(row, "guest_nice", 0.0)
    return [total, row.idle + getattr(row, "iowait", 0.0)]


def _remembered(ctx: Context, per_core: bool) -> list[list[float]] | None:
    """Return the counters of the last evaluation, if they are of this machine and this boot."""
    kept: dict[str, Any] = ctx.state.get("counters") or {}
    if kept.get("host") != socket.gethostname() or kept.get("boot") != _boot():
        return None
    cores: list[list[float]] = kept.get("cores") or []
    expected = psutil.cpu_count() if per_core else 1
    return cores if len(cores) == expected else None


def _boot() -> int:
    # The boot time is computed from the clock and may move by a second with it.
    return round(psutil.boot_time() / 60)
