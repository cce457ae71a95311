"""The nine rules of an operations team: each as it ships fires when it should, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from sentinel import Context, Reading, Rule
from sentinel.backtest import Plan, Seen, replay, watched
from sentinel.checks.catalog import find
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.metrics import Sample
from sentinel.rollout.files import Entry, packs, read_files
from sentinel.store import Store
from tests.event_policies.streets import Street
from tests.prefect_server import ROOT, free_port

MINUTE = timedelta(minutes=1)


def shipped(name: str) -> tuple[Entry, Rule]:
    """A rule that ships, by its name."""
    for entry in read_files([ROOT / "prefect.yaml", *packs().values()]):
        if entry.name == name:
            return entry, Rule.model_validate(entry.spec["parameters"]["rule"])
    raise AssertionError(f"no rule {name} ships")


def opened(name: str, minutes: Sequence[float | Reading]) -> list[tuple[int, str]]:
    """In which minute alerts open, and how severe, where a value is seen every minute."""
    entry, rule = shipped(name)
    trigger = find(entry.entrypoint.removeprefix("flows.rules."))
    clock = FakeClock()
    start = clock.now()
    looks = [
        Seen(
            at=start + minute * MINUTE,
            observation=Observation(
                readings=[one if isinstance(one, Reading) else Reading(value=one)]
            ),
        )
        for minute, one in enumerate(minutes, start=1)
    ]
    plan = Plan(
        rule=rule, since=start, until=start + len(minutes) * MINUTE,
        default_when=trigger.when, unit=trigger.unit,
    )  # fmt: skip
    return [
        ((spell.opened - start) // MINUTE, alert.severity)
        for alert in replay(plan, looks).alerts
        for spell in alert.spells
    ]


@pytest.mark.parametrize(
    ("rule", "fires", "when", "severity", "holds"),
    [
        ("cpu-busy", [86] * 6, 6, "medium", [86] * 5 + [84]),
        ("cpu-high", [96] * 3, 3, "high", [96, 96, 94]),
        ("memory-high", [91] * 6, 6, "high", [91] * 5 + [89]),
        ("disk-space", [96], 1, "high", [95]),
        ("database-slow", [1.1] * 4, 4, "high", [1.1] * 3 + [0.9]),
    ],
)
@pytest.mark.slow
def test_a_level_must_hold_for_its_time(
    rule: str, fires: list[float], when: int, severity: str, holds: list[float]
):
    assert opened(rule, fires) == [(when, severity)]
    assert opened(rule, holds) == []


def looked(name: str, **parameters: Any) -> list[Reading]:
    entry, _ = shipped(name)
    trigger = find(entry.entrypoint.removeprefix("flows.rules."))
    given = {k: v for k, v in entry.spec["parameters"].items() if k != "rule"} | parameters
    seen = observe(trigger, Context(), given, timeout=None)
    if seen.error is not None:
        raise seen.error
    return seen.readings


def test_a_service_that_is_down_fires_at_once():
    (down,) = looked("service-down", services=[f"tcp://127.0.0.1:{free_port()}"])
    assert opened("service-down", [down]) == [(1, "critical")]


def test_a_service_that_answers_does_not_fire(postgres_url: str):
    port = postgres_url.rpartition(":")[2].partition("/")[0]
    (up,) = looked("service-down", services=[f"tcp://127.0.0.1:{port}"])
    assert opened("service-down", [up]) == []


def test_a_backup_that_is_empty_fires_and_a_good_one_does_not(tmp_path: Any):
    backup = tmp_path / "shop.gz"
    backup.write_bytes(b"")
    given = {"folders": [str(tmp_path)], "settle_minutes": 0}
    assert opened("backup-failed", looked("backup-failed", **given)) == [(1, "high")]
    backup.write_bytes(b"a good one")
    assert opened("backup-failed", looked("backup-failed", **given)) == []


@pytest.mark.parametrize(("count", "alerts"), [(11, 1), (10, 0)])
def test_more_than_ten_failed_logins_in_ten_minutes(
    store: Store, clock: FakeClock, count: int, alerts: int
):
    entry, rule = shipped("failed-logins")
    start = clock.now()
    for _ in range(count):
        clock.forward(seconds=40)
        store.metrics.add([Sample(name="failed_logins", value=1, labels={"host": "web"})])
    given = {k: v for k, v in entry.spec["parameters"].items() if k != "rule"}
    given["over"] = 10 * MINUTE
    trigger = find("metric_threshold")
    until = start + 20 * MINUTE
    looks = watched(trigger, given, store.metrics.reader(), start, until, MINUTE)
    found = replay(Plan(rule=rule, since=start, until=until), looks)
    assert [one.severity for one in found.alerts] == ["high"] * alerts
    assert found.resolved == alerts


def test_any_critical_security_event(store: Store, clock: FakeClock):
    entry, rule = shipped("security-critical")
    street = Street(store, clock)
    street.deployed(entry.spec["parameters"]["policy"], alone=True, **rule.dump())
    street.comes(
        {"category": "security", "severity": "warning", "message": "a scan"},
        {"category": "billing", "severity": "critical", "message": "a bill"},
    )
    assert street.alerts() == []
    street.comes({"category": "Security", "severity": "critical", "message": "root from abroad"})
    (alert,) = street.alerts()
    assert (alert.severity, alert.title) == ("critical", "Security: root from abroad")
