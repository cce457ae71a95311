"""How full the memory of this machine, or of the container we run in, is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import psutil
from pydantic import Field

from sentinel import Context, Reading, above, trigger

_CGROUP = Path("/sys/fs/cgroup")


class Memory(NamedTuple):
    """Bytes there are, and bytes that can still be had."""

    total: int
    available: int


@trigger(category="system", unit="percent", when=above(90))
def memory_usage(
    ctx: Context,
    swap: bool = False,
    container: bool = True,
    largest: Annotated[int, Field(ge=0, le=20)] = 3,
) -> Iterator[Reading]:
    """How much of the memory is taken, in percent; what can be given back counts as free.

    Args:
        ctx: notes a machine without swap space
        swap: a second reading for the swap space, where there is any
        container: in a container with a limit of its own, measure against that limit
        largest: name this many of the largest processes with the alert

    Yields:
        One reading for the memory and, where `swap` asks for it, one for the swap space, with the
        labels `host` and `memory`: the share in use, 0 to 100 percent.
    """
    host = socket.gethostname()
    machine = psutil.virtual_memory()
    limit = limited(_CGROUP, machine.total) if container else None
    seen = limit or Memory(machine.total, machine.available)
    details: dict[str, Any] = {
        "available_bytes": seen.available,
        "total_bytes": seen.total,
        "of": "container" if limit else "machine",
    }
    if largest:
        details["largest"] = _largest(largest)
    percent = 100 * (1 - seen.available / seen.total)
    labels = {"host": host, "memory": "ram"}
    yield Reading(labels=labels, value=round(percent, 1), details=details)
    if not swap:
        return
    labels = {"host": host, "memory": "swap"}
    space = psutil.swap_memory()
    if space.total:
        details = {"available_bytes": space.free, "total_bytes": space.total}
        yield Reading(labels=labels, value=space.percent, details=details)
    else:
        ctx.unknown(labels)


def limited(cgroup: Path, machine: int) -> Memory | None:
    """Read the memory of the container that this process runs in.

    Args:
        cgroup: where the control group's files are: version 2, else version 1 below `memory`
        machine: bytes that the machine has

    Returns:
        Its limit and what of that is available, in bytes; None without a limit below the machine's.
    """
    for folder, most, used in (
        (cgroup, "memory.max", "memory.current"),
        (cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            text = (folder / most).read_text().strip()
            taken = int((folder / used).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if not text.isdecimal() or not 0 < int(text) < machine:
            return None
        # Cached files that nobody has touched for a while go first when memory is wanted.
        cached = int(stat.get("inactive_file") or stat.get("total_inactive_file") or 0)
        total = int(text)
        return Memory(total, min(total, max(0, total - taken + cached)))
    return None


def _largest(count: int) -> list[str]:
    """Return the processes that hold the most memory, the largest first."""
    found: list[tuple[int, str]] = []
    for process in psutil.process_iter():
        try:
            found.append((process.memory_info().rss, f"{process.name()} ({process.pid})"))
        except psutil.Error:
            continue  # it ended meanwhile, or we may not read it
    return [f"{name}: {rss / 1e6:.0f} MB" for rss, name in sorted(found, reverse=True)[:count]]
