"""Patterns of log lines with a rate of three days, as they are stored when they were found."""

from __future__ import annotations

import time
from collections.abc import Callable

from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.pattern_mining import MINUTE, insert_rows
from sentinel.store.telemetry.pattern_rates import DAY, PART

__all__ = ["BEATS", "JOB", "LAST", "LATER", "NOW", "counted", "noisy", "one_burst"]

NOW = time.time_ns() // PART * PART
LATER = NOW + MINUTE
BEATS, JOB = "b" * 16, "a" * 16
BIRTH = NOW - 3 * DAY


def counted(
    client: TelemetryClient, pattern: str, parts: Callable[[int], int], tenant: str = "acme",
    born: int = BIRTH,
) -> None:  # fmt: skip
    """A pattern whose lines were found: how many in five minutes, by the number of these."""
    own = {"Tenant": tenant, "ServiceName": "shop"}
    begins = range(born, NOW, PART)
    lines = {at: parts((at - BIRTH) // PART) for at in begins}
    rows = [
        {**own, "Timestamp": at, "Pattern": pattern, "Level": "error", "Lines": n, "First": at,
         "Last": at, "Round": 1}
        for at, n in lines.items() if n
    ]  # fmt: skip
    mined = [{**own, "Timestamp": at, "Lines": 0, "Round": 1} for at in begins]
    template = {**own, "Pattern": pattern, "Template": f"did {pattern[0]} <*>", "Sample": "did",
                "Created": born, "At": LATER}  # fmt: skip
    insert_rows(client, "log_patterns", rows)
    insert_rows(client, "log_mined", mined)
    insert_rows(client, "log_templates", [template])


LAST = 3 * DAY // PART - 1


def noisy(part: int) -> int:
    return 20 + part * 7 % 5


def one_burst(part: int) -> int:
    return 400 if part == LAST - 1 else noisy(part)
