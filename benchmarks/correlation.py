"""How fast open alerts are grouped, beside a comparison of all pairs that may be linked.

10,000 alerts of 50 services open within a day: half of them in 25 storms, each of a rack or of a
service, the others by themselves. What was learned is of 20,000 earlier alerts of 30 days. The peer
sorts alerts by time and compares each with all of the half hour before it, which is what the
relation asks for; both must find the same groups. Times are those of the processor. A further row
says which share of the alerts of storms are in a group of their storm alone, by nine tenths, where
the same alerts open within a week.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.table import Row
from sentinel.correlation.correlator import Correlator
from sentinel.correlation.evidence import (
    LONGEST_GAP,
    CorrelatedAlert,
    Knowledge,
    bases_of,
    reach,
    tokens_of,
)
from sentinel.correlation.learning import ServiceCall, learned

__all__ = ["alerts_of", "run"]

OPEN, PAST, SERVICES, STORMS, SEED = 10_000, 20_000, 50, 25, 20261130
DAY = 86_400.0
NEW, EACH_SECOND = 3_000, 100


def alerts_of(count: int, seed: int, over: float = DAY) -> list[CorrelatedAlert]:
    """Alerts of an estate, half of them in storms."""
    drawn = random.Random(seed)
    storms = [(drawn.uniform(0, over), drawn.randrange(200), drawn.randrange(SERVICES))
              for _ in range(max(1, STORMS * count // OPEN))]  # fmt: skip

    def one(number: int) -> CorrelatedAlert:
        at, rack, service = drawn.uniform(0, over), drawn.randrange(200), drawn.randrange(SERVICES)
        if number % 2:
            begin, its_rack, its_service = storms[number % len(storms)]
            at = begin + drawn.expovariate(1 / 90)
            rack, service = (its_rack, service) if number % 4 == 1 else (rack, its_service)
        labels = {
            "env": drawn.choice(["prod", "prod", "prod", "stage"]), "rack": f"r{rack}",
            "host": f"h{rack}-{drawn.randrange(30)}", "zone": f"z{rack % 6}",
            "pod": f"p{drawn.randrange(10**6)}",
        }  # fmt: skip
        return CorrelatedAlert(
            id=f"{number:032x}", opened=at, severity=1 + number % 5,
            rule=f"rule-{drawn.randrange(300)}", service=f"s{service}", labels=labels,
        )  # fmt: skip

    return [one(number) for number in range(count)]


def knowledge() -> Knowledge:
    """What is learned of the past of that estate, whose services call each other."""
    calls = [ServiceCall(f"s{n}", f"s{(3 * n + 1) % SERVICES}", ("traces",))
             for n in range(SERVICES) if n != (3 * n + 1) % SERVICES]  # fmt: skip
    return learned(alerts_of(PAST, SEED + 1, over=30 * DAY), calls)


def pairwise(alerts: list[CorrelatedAlert], known: Knowledge) -> list[set[str]]:
    """Groups by comparing each alert with all of the half hour before it."""
    ordered = sorted(alerts, key=lambda one: (one.opened, one.id))
    bases = [{one.key: reach(one.strength) for one in bases_of(alert, known)} for alert in ordered]
    root = {one.id: one.id for one in ordered}

    def find(one: str) -> str:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    first = 0
    for place, alert in enumerate(ordered):
        while alert.opened - ordered[first].opened > LONGEST_GAP:
            first += 1
        mine = bases[place]
        partners = [
            (partner, reach(affinity.strength))
            for token in tokens_of(alert)
            for partner, affinity in known.partners(token).items()
        ]
        for other in range(first, place):
            gap = alert.opened - ordered[other].opened
            its = bases[other]
            there = tokens_of(ordered[other])
            if any(gap <= mine[key] for key in mine.keys() & its.keys()) or any(
                gap <= most and partner in there for partner, most in partners
            ):
                root[find(alert.id)] = find(ordered[other].id)
    groups: dict[str, set[str]] = {}
    for one in root:
        groups.setdefault(find(one), set()).add(one)
    return [one for one in groups.values() if len(one) > 1]


def run() -> Iterator[Row]:
    """Rows of the batch and of single alerts."""
    known, alerts = knowledge(), alerts_of(OPEN, SEED)
    began = time.process_time()
    groups = Correlator(known, alerts).groups()
    seconds = time.process_time() - began
    began = time.process_time()
    expected = pairwise(alerts, known)
    plain = time.process_time() - began
    found = {frozenset(one.id for one in group.alerts) for group in groups}
    if found != {frozenset(one) for one in expected}:
        raise AssertionError("the groups are not those of a plain comparison")
    yield Row(
        name="correlation_10000", value=OPEN / seconds,
        unit=f"alerts/s, {len(groups)} groups in {seconds:.2f} s", peer="pairwise",
        peer_value=OPEN / plain,
    )  # fmt: skip
    yield Row(
        name="correlation_storms", value=100 * _found(known),
        unit="% of alerts of storms in a group of their storm", peer="all", peer_value=100,
    )  # fmt: skip
    correlator = Correlator(known, alerts)
    correlator.groups()
    new = sorted(alerts_of(NEW, SEED + 2), key=lambda one: one.opened)
    new = [CorrelatedAlert(
        id=f"n{one.id}", opened=one.opened, severity=one.severity, rule=one.rule,
        service=one.service, labels=one.labels,
    ) for one in new]  # fmt: skip
    began = time.process_time()
    for one in new:
        correlator.add(one)
        correlator.related(one.id, 5)
    share = (time.process_time() - began) / (NEW / EACH_SECOND)
    yield Row(name="correlation_new", value=100 * share,
              unit=f"% of a core for {EACH_SECOND} new alerts/s among {OPEN:,}", peer="asked",
              peer_value=5)  # fmt: skip


def _found(known: Knowledge) -> float:
    found = 0
    for group in Correlator(known, alerts_of(OPEN, SEED, over=7 * DAY)).groups():
        numbers = [int(one.id, 16) for one in group.alerts]
        storms = Counter(number % STORMS for number in numbers if number % 2)
        (most,) = storms.most_common(1) or [(0, 0)]
        if most[1] >= 0.9 * len(numbers):
            found += most[1]
    return found / (OPEN // 2)
