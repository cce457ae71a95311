"""How many notification decisions a second, beside the same decision over hashed sets.

The peer decides as Alertmanager does (notify/dedup.go of prometheus/alertmanager, in words): it
hashes the labels of what fires and what is resolved, and compares the sets with those told last.
Here it is a Python function over a group of 20 alerts, so that both run on one interpreter.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from benchmarks.table import Row
from sentinel.notifications.decision import GroupNow, Notified, Policy, decide

ROUNDS = 200_000
ALERTS = 20


def run() -> list[Row]:
    """One row."""
    return [
        Row(
            name="decisions_per_second",
            value=_ours(),
            unit="decisions/s",
            peer="hashed firing and resolved sets, 20 alerts",
            peer_value=_sets(),
        )
    ]


def _ours() -> float:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    policy = Policy()
    groups = [
        GroupNow(seq=3, opened_at=now, severity=3, firing=ALERTS, new_firing=number % 2)
        for number in range(100)
    ]
    told = Notified(seq=2, firing=ALERTS, severity=3, at=now)
    later = now + timedelta(minutes=2)
    began = time.perf_counter()
    for number in range(ROUNDS):
        decide(groups[number % 100], told, later, policy)
    return ROUNDS / (time.perf_counter() - began)


def _sets() -> float:
    labels = [f"host=host-{number},mount=/data,rule=disk" for number in range(ALERTS)]
    rounds = ROUNDS // 20
    told = {blake2b(text.encode(), digest_size=8).digest() for text in labels}
    began = time.perf_counter()
    for number in range(rounds):
        firing = {blake2b(text.encode(), digest_size=8).digest() for text in labels}
        resolved: set[bytes] = set()
        if not firing <= told or resolved - told:
            raise AssertionError(number)
    return rounds / (time.perf_counter() - began)
