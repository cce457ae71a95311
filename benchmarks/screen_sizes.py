"""Sizes of the benchmark of screens, what of it is measured, and how far it is.

`SENTINEL_BENCH_ALERTS` says how many alerts there are (1,000,000 by default). Below 100,000 it is a
try, not a measurement: there are few runs, few screens and short times, so that all of it takes
about a minute. Each has a variable of its own besides: see below.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence

import benchmarks.dashboard as alerts

__all__ = [
    "CROWD", "HOUR", "MEASURED", "MINUTES", "PARTS", "RUNS", "SESSIONS", "note", "p95", "wanted",
]  # fmt: skip

_TRY = alerts.ALERTS < 100_000


def _size(name: str, tried: float, measured: float) -> float:
    return float(os.environ.get(f"SENTINEL_BENCH_{name}", tried if _TRY else measured))


RUNS = int(_size("RUNS", 3, 20))
"""Times that each page is opened, and that its queries run."""
SESSIONS = int(_size("SESSIONS", 4, 20))
CROWD = int(_size("CROWD", 20, 500))
MEASURED = _size("SECONDS", 2, 40)
"""Seconds that the server's processor time is watched for."""
MINUTES = _size("MINUTES", 0.05, 6)
"""An hour of screens is pressed into so many."""
HOUR = 3600.0
PARTS = ("open", "rest", "pages", "queries", "waits", "sessions")
"""What `SENTINEL_BENCH_PARTS` may name, with commas between; all of it by default."""
_CHOSEN = os.environ.get("SENTINEL_BENCH_PARTS", ",".join(PARTS)).split(",")
_BEGAN = time.monotonic()


def wanted(*parts: str) -> bool:
    """Return whether any of these parts is measured.

    Args:
        parts: of `PARTS`

    Returns:
        Whether `SENTINEL_BENCH_PARTS` names one of them.

    Raises:
        SystemExit: it names something else
    """
    if strange := sorted(set(_CHOSEN) - set(PARTS)):
        raise SystemExit(
            f"SENTINEL_BENCH_PARTS names {', '.join(strange)}: choose of {', '.join(PARTS)}"
        )
    return any(one in _CHOSEN for one in parts)


def note(words: str) -> None:
    """Say on standard error what is done next, and after how long."""
    print(f"{time.monotonic() - _BEGAN:6.0f} s  {words}", file=sys.stderr, flush=True)


def p95(taken: Sequence[float]) -> float:
    """Return the smallest value that 95 of 100 do not exceed."""
    return sorted(taken)[math.ceil(0.95 * len(taken)) - 1]
