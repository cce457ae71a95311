"""How many SLOs a second are evaluated, how good a prediction is, and correlation of alerts.

The simulated budgets have known ends: 30 days of the past are what the prediction sees, 30 more are
what then comes, of the same process. Requests have a daily and a weekly course; the share of errors
drifts from day to day, and now and then there is an outage. A budget is asked about where half of
it is used up at most. Straight extrapolation, the peer, divides what is left of the budget by the
burn rate of the last day. An end after the horizon of 30 days counts as one there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import correlation
from benchmarks.table import Row
from sentinel.metrics.moments import micros
from sentinel.slo.budget import Health, status_of, statuses_of
from sentinel.slo.burn_alerts import burns_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective, definition_of
from sentinel.slo.prediction import predicted

Numbers = NDArray[np.float64]
NOW = datetime(2026, 11, 30, tzinfo=UTC)
HOUR, DAYS = timedelta(hours=1), 30
BUDGETS, SEED, SLOS = 300, 20261130, 10_000
OBJECTIVE = Objective(target=99.9)


class Simulated(msgspec.Struct, frozen=True):
    """A budget: what was until `now`, and after how many hours it is used up, at most 30 days."""

    counts: Counts
    end: float


def simulated(seed: int) -> Iterator[Simulated]:
    """Budgets of many services, without end."""
    random = np.random.default_rng(seed)
    hours = 24 * DAYS * 2
    at: NDArray[np.int64] = np.arange(hours, dtype=np.int64)
    times = np.array([micros(NOW + (int(one) - 24 * DAYS) * HOUR) for one in at], np.int64)
    while True:
        course = 1 + 0.6 * np.sin(2 * np.pi * (at - 8) / 24) - 0.3 * (at // 24 % 7 >= 5)
        total = random.poisson(random.lognormal(9, 1) * course).astype(np.float64)
        daily: Numbers = np.zeros(DAYS * 2, np.float64)
        for day in range(1, DAYS * 2):
            daily[day] = 0.7 * daily[day - 1] + random.normal(0, 0.3)
        usual = random.lognormal(math.log(6e-4), 1.0)
        share: Numbers = usual * np.exp(daily[at // 24])
        for begin in np.flatnonzero(random.random(hours) < random.uniform(0.1, 0.5) / 24):
            lasts = 1 + int(random.exponential(3))
            share[begin : begin + lasts] += random.lognormal(np.log(8e-3), 0.8)
        bad = random.binomial(total.astype(np.int64), np.minimum(share, 1)).astype(np.float64)
        past = 24 * DAYS
        counts = Counts(times[:past], (total - bad)[:past], total[:past])
        left = status_of(OBJECTIVE, counts, NOW).budget_left
        if left is None or not 0.05 < left < 0.95:
            continue
        yield Simulated(counts, _end(bad, total, past))


def _end(bad: Numbers, total: Numbers, past: int) -> float:
    bads, totals = np.append(0, np.cumsum(bad)), np.append(0, np.cumsum(total))
    for ahead in range(1, past + 1):
        spent = bads[past + ahead] - bads[ahead]
        if spent > OBJECTIVE.budget * (totals[past + ahead] - totals[ahead]):
            return float(ahead)
    return float(past)


def straight(counts: Counts, over: timedelta) -> float:
    """Hours until the budget is used up at the burn rate of the last while."""
    status = status_of(OBJECTIVE, counts, NOW)
    recent = counts.between(NOW - over, NOW).bad_share or 0.0
    left, rate = status.budget_left or 0.0, recent / OBJECTIVE.budget
    return min(24.0 * DAYS, left * 24 * DAYS / rate if rate > 0 else np.inf)


class Judged(msgspec.Struct, frozen=True):
    """How the predictions of many budgets did."""

    covered: float
    error: float
    straight: dict[str, float]
    brier: float
    ended: float


def judged(seed: int, budgets: int) -> Judged:
    """Compare predictions with the known ends of so many budgets."""
    overs = {"1 h": HOUR, "6 h": 6 * HOUR, "1 d": 24 * HOUR, "3 d": 72 * HOUR, "30 d": 720 * HOUR}
    inside, errors, briers, ended = 0, list[float](), list[float](), 0
    peers: dict[str, list[float]] = {name: [] for name in overs}
    source = simulated(seed)
    for number in range(budgets):
        one = next(source)
        found = predicted(OBJECTIVE, one.counts, NOW, seed=number)
        assert found is not None
        soonest, likely, latest = (
            24.0 * DAYS if moment is None else (moment - NOW) / HOUR
            for moment in (found.soonest, found.likely, found.latest)
        )
        inside += soonest <= one.end <= latest
        errors.append(abs(likely - one.end))
        comes = one.end < 24 * DAYS
        ended += comes
        briers.append((found.probability - comes) ** 2)
        for name, over in overs.items():
            peers[name].append(abs(straight(one.counts, over) - one.end))
    return Judged(
        inside / budgets, float(np.mean(errors)),
        {name: float(np.mean(some)) for name, some in peers.items()},
        float(np.mean(briers)), ended / budgets,
    )  # fmt: skip


def run() -> list[Row]:
    """Rows of the evaluation and of the prediction."""
    found = judged(SEED, BUDGETS)
    return [
        _evaluations(),
        Row(name="breach_interval_coverage", value=100 * found.covered,
            unit=f"% of {BUDGETS} budgets inside 80% intervals", peer="asked", peer_value=80),
        Row(name="breach_error", value=found.error, unit="hours", peer="straight, last day",
            peer_value=found.straight["1 d"]),
        Row(name="breach_error_against_best", value=found.error, unit="hours",
            peer="best of straight lines", peer_value=min(found.straight.values())),
        *correlation.run(),
    ]  # fmt: skip


def _evaluations() -> Row:
    """Status and burn rates of 10,000 SLOs, each of four days of minutes and 26 of hours."""
    definition = definition_of({"name": "x", "objectives": [{"target": 99.9}]})
    minutes = [micros(NOW) - one * 60_000_000 for one in range(1, 4 * 1440)]
    hours = [micros(NOW) - one * 3_600_000_000 for one in range(96, 720)]
    times = np.array([*minutes, *hours], np.int64)
    total = np.full(len(times), 100.0)
    random = np.random.default_rng(SEED)
    bad = random.poisson(0.05, (50, len(times))).astype(np.float64)
    kept = [Counts(times, total - one, total) for one in bad]
    began = time.perf_counter()
    for number in range(SLOS):
        counts = kept[number % len(kept)]
        assert statuses_of(definition, counts, NOW)[0].health is not Health.NOT_ENOUGH_DATA
        burns_of(OBJECTIVE, counts, NOW, 10)
    seconds = time.perf_counter() - began
    return Row(name="slos_per_second", value=SLOS / seconds, unit="SLOs/s", peer="asked",
               peer_value=SLOS / 5)  # fmt: skip
