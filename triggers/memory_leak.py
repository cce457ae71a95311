"""Whether the memory of a process grows and grows."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np
import psutil
from pydantic import Field

from sentinel import Context, Reading, above, trigger

_MOST_SAMPLES = 120
_FEWEST_SAMPLES = 10
_MOST_PROCESSES = 200
_WINDOW_FILLED = 0.75
_MB = 1e6


@trigger(category="system", unit="MB/h", when=above(20))
def memory_leak(
    ctx: Context,
    processes: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    window_minutes: Annotated[float, Field(ge=5, le=20_000)] = 120.0,
    smallest_mb: Annotated[float, Field(ge=0, le=10_000_000)] = 50.0,
    least_percent: Annotated[float, Field(ge=0, le=10_000)] = 5.0,
    largest: Annotated[int, Field(ge=1, le=100)] = 10,
) -> Iterator[Reading]:
    """How steadily the memory of processes grows, in megabytes an hour.

    The value is the Theil-Sen slope of the resident memory over the window: the median of the
    slopes between all pairs of samples, which a step, a peak or a garbage collector's saw-tooth
    does not move. The last half of the window must grow as well, so that what fills a cache
    and then stays is no leak. A process has a value once it was seen over three quarters of
    the window.

    Args:
        ctx: the time, and the rule's state, which keeps samples of each process
        processes: names with * for anything, or parts of the command line; a reading for each,
            of the process among those it fits that grows fastest. Empty means the largest
            processes of this machine, by name
        window_minutes: growth is measured over this long
        smallest_mb: what has less memory than this is not judged
        least_percent: what has grown by less than this over the window counts as not growing
        largest: so many processes are judged where none are named

    Yields:
        For each name one reading with the labels `host` and `process`: the growth of the process
        that grows fastest, in megabytes an hour.
    """
    now = ctx.now()
    host = socket.gethostname()
    found = _running(processes, smallest_mb * _MB, largest)
    kept: dict[str, list[list[float]]] = ctx.state.get("samples") or {}
    window = timedelta(minutes=window_minutes)
    boot, mine = f"{host} {round(psutil.boot_time() / 60)}", {}
    if ctx.state.get("boot") != boot:
        kept = {}  # of another machine or another boot: the same number is another process
    for group, members in found.items():
        labels = {"host": host, "process": group[:200]}
        grown: list[tuple[float, str, dict[str, Any]]] = []
        for key, (name, rss) in members.items():
            samples = _with(kept.get(key, []), now.timestamp(), rss / _MB, window)
            mine[key] = samples
            slope = growth(samples, window, least_percent)
            if slope is not None:
                grown.append((slope, name, _details(key, samples)))
        if not grown:
            ctx.unknown(labels)  # not running, or not for long enough
            continue
        slope, name, details = max(grown, key=lambda one: one[0])
        yield Reading(
            labels=labels,
            value=round(slope, 2),
            summary=(
                f"{name} on {host} grows by {slope:.1f} MB an hour, "
                f"it has {details['megabytes']:.0f} MB (process {details['pid']})"
            ),
            details=details,
        )
    ctx.state["boot"], ctx.state["samples"] = boot, mine


def growth(
    samples: Sequence[Sequence[float]], window: timedelta, least_percent: float
) -> float | None:
    """Return by how much the memory of a process grows.

    The slope is that of Theil and Sen: the median of the slopes between all pairs of samples.

    Args:
        samples: pairs of seconds and megabytes, in order
        window: what the samples should cover
        least_percent: growth over the samples below this counts as none

    Returns:
        Megabytes an hour, 0 where it does not grow steadily; None where the samples are too few, or
        cover too little of the window.
    """
    if len(samples) < _FEWEST_SAMPLES:
        return None
    table = np.asarray(samples, dtype=float)
    times, sizes = table[:, 0] / 3600, table[:, 1]
    covered = times[-1] - times[0]
    if covered < _WINDOW_FILLED * window / timedelta(hours=1):
        return None
    later = times >= times[0] + covered / 2
    slope = min(theil_sen(times, sizes), theil_sen(times[later], sizes[later]))
    if slope > 0 and slope * covered < sizes[0] * least_percent / 100:
        return 0.0
    return slope


def theil_sen(times: np.ndarray, sizes: np.ndarray) -> float:
    """Return the median of the slopes between all pairs (Theil 1950, Sen 1968)."""
    first, second = np.triu_indices(len(times), k=1)
    apart = times[second] - times[first]
    there = apart > 0
    if not there.any():
        return 0.0
    return float(np.median((sizes[second] - sizes[first])[there] / apart[there]))


def _with(
    samples: Sequence[list[float]], at: float, megabytes: float, window: timedelta
) -> list[list[float]]:
    """Return the samples of the window, and this one unless the last is a moment old."""
    since = at - window.total_seconds()
    kept = [one for one in samples if since <= one[0] <= at]
    apart = window.total_seconds() / _MOST_SAMPLES
    # Half of the distance, because evaluations are not on time to the second.
    if not kept or at - kept[-1][0] >= apart / 2:
        kept.append([round(at, 1), round(megabytes, 3)])
    return kept[-2 * _MOST_SAMPLES :]


def _running(
    wanted: Sequence[str], least: float, largest: int
) -> dict[str, dict[str, tuple[str, int]]]:
    """Name and bytes of the processes to judge, by what names them."""
    found: dict[str, dict[str, tuple[str, int]]] = {pattern: {} for pattern in wanted}
    everybody: list[tuple[int, str, str, str]] = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                rss = process.memory_info().rss
                if rss < least:
                    continue
                line = " ".join(process.cmdline()) if wanted else ""
                key = f"{process.pid} {process.create_time():.0f}"
                everybody.append((rss, key, process.name(), line))
        except psutil.Error:
            continue  # it ended meanwhile, or we may not read it
    everybody.sort(reverse=True)
    if not wanted:
        for rss, key, name, _ in everybody[:largest]:
            found.setdefault(name, {})[key] = (name, rss)
        return found
    for rss, key, name, line in everybody[:_MOST_PROCESSES]:
        for pattern in wanted:
            if fnmatchcase(name, pattern) or pattern in line:
                found[pattern][key] = (name, rss)
    return found


def _details(key: str, samples: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {
        "pid": int(key.split()[0]),
        "megabytes": samples[-1][1],
        "megabytes_before": samples[0][1],
        "over_minutes": round((samples[-1][0] - samples[0][0]) / 60, 1),
        "samples": len(samples),
    }
