"""Fill a database with open alerts: `python -P api_seed.py URL RULES SERIES`.

A program of its own, since the build that is compared runs it with its own interpreter and schema.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from sentinel import Reading, Rule, above
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock, SystemClock
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store


def main(url: str, rules: int, series: int) -> None:
    """Raise `series` alerts of each of `rules` rules, of the last hour."""
    clock = FakeClock(SystemClock().now() - timedelta(hours=1))
    store = Store(url, clock=clock)
    store.migrate()
    for number in range(rules):
        clock.forward(seconds=60)
        severity = ("critical", "high", "medium", "low")[number % 4]
        rule = Rule(
            name=f"disk-{number}",
            when=above(90),
            severity=severity,  # pyright: ignore[reportArgumentType] - a word of ours
            team=f"team-{number % 5}",
            annotations={"runbook": "https://runbooks.example.org/disk"},
        )
        readings = [
            Reading(
                labels={"host": f"host-{one:05d}.example.org", "mount": "/var/lib/data"},
                value=91 + one % 9,
                details={"used_bytes": 10**9 + one, "device": "/dev/sda1"},
            )
            for one in range(series)
        ]
        store.apply(
            Evaluation(
                rule=rule,
                trigger="disk_space",
                slot=clock.now(),
                at=clock.now(),
                observation=Observation(readings=readings, state={}),
                unit="percent",
            )
        )
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
