"""What findings cost this build, as JSON: run by `benchmarks.scale`, also with an older build.

    PYTHONPATH=BUILD python benchmarks/scale_storm.py postgresql|sqlite

It uses what both builds have. Measured is processor time, of this process and of PostgreSQL, so
that other work on the machine changes little.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta

import psutil

from sentinel import Reading, Rule, above
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres

FINDINGS, KNOWN, ROUNDS = 20_000, 10_000, 3


def _cpu() -> float:
    """Return the CPU seconds of this process and of the database server below it."""
    total = time.process_time()
    for one in psutil.Process().children(recursive=True):
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


class _Storms:
    def __init__(self, url: str) -> None:
        self.clock = FakeClock()
        self.store = Store(url, clock=self.clock)
        self.store.migrate()

    def see(self, rule: Rule, bad: Iterable[int], good: Iterable[int], value: float) -> float:
        """Apply one evaluation; return its CPU seconds."""
        self.clock.forward(seconds=60)
        readings = [_reading(number, value) for number in bad]
        readings += [_reading(number, 20.0) for number in good]
        evaluation = Evaluation(
            rule=rule, trigger="bench", slot=self.clock.now(), at=self.clock.now(),
            observation=Observation(readings=readings, state={}), unit="percent",
        )  # fmt: skip
        began = _cpu()
        self.store.apply(evaluation)
        return _cpu() - began

    def findings(self, number: int) -> float:
        """Half of the findings exist and stay bad, a quarter resolve, a quarter are new."""
        rule = Rule(name=f"mixed-{number}", when=above(90), group_wait=timedelta(0))
        self.see(rule, range(FINDINGS * 3 // 4), (), 95.0)
        half, quarter = FINDINGS // 2, FINDINGS // 4
        bad = [*range(half), *range(half + quarter, FINDINGS)]
        return self.see(rule, bad, range(half, half + quarter), 96.5)

    def storm(self, number: int) -> float:
        """10,000 known alerts go on firing with other values, resolve, and come back."""
        rule = Rule(name=f"storm-{number}", when=above(90), group_wait=timedelta(0))
        known = range(KNOWN)
        self.see(rule, known, (), 95.0)
        return (
            self.see(rule, known, (), 96.5) + self.see(rule, (), known, 0) + self.see(
                rule, known, (), 97.5)
        )  # fmt: skip


def _reading(number: int, value: float) -> Reading:
    return Reading(labels={"host": f"host-{number:06d}", "mount": "/data"}, value=value)


def _measured(url: str) -> dict[str, float]:
    storms = _Storms(url)
    findings = min(storms.findings(number) for number in range(ROUNDS))
    storm = min(storms.storm(number) for number in range(ROUNDS))
    storms.store.close()
    return {"findings": FINDINGS / findings, "storm": 3 * KNOWN / storm}


if __name__ == "__main__":
    if sys.argv[1] == "postgresql":
        with temporary_postgres() as server:
            print(json.dumps(_measured(server.address("sentinel"))))
    else:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(_measured(f"sqlite:///{folder}/bench.db")))
