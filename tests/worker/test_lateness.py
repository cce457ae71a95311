"""What is late: collapsed slots are unknown to a rule, and late rules have alerts of their own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from sentinel.store.database.tables import ALERT
from sentinel.worker.failure_reporting import LATENESS
from tests.worker.conftest import Bench

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


def test_collapsed_slots_are_unknown_and_late_rules_have_an_alert_until_they_are_on_time(
    bench: Bench,
):
    """One story, as each part needs a worker that stops and another one after it.

    Had collapsed slots counted as bad, three in a row would have opened what holds; as good, it
    were gone. Within two periods such a rule goes on; after a gap of more than two it begins anew.
    """
    holds: dict[str, Any] = {"for": "1h", "consecutive": 3, "when": {"above": 0.0001}}
    rules = {f"held-{every}": bench.rule(f"held-{every}", every=every, **holds)
             for every in ("1h", "1s")}  # fmt: skip
    worker = bench.worker().ready()
    late = bench.rule("tardy", every="20s")
    slow = bench.rule("slow", trigger="cpu_usage", every="2s")
    _takes(bench, slow, 3)
    for ago in (600, 500, 400):
        _one(bench, late, ago)
        _one(bench, slow, ago)
    assert set(worker.status()["persistently_late"]) == {"tardy", "slow"}
    opened = bench.eventually(lambda: _about(bench, "open", 2), "both have an alert")
    message = {one.labels["check"]: one.title for one in opened}
    assert "late" in message["tardy"]
    assert "longer than its period of 2 s" in message["slow"]

    ended = [bench.ended(slot) for rule in rules.values() for slot in bench.slots(rule, [9])]
    before = {name: _alerts(bench, name) for name in rules}
    for alerts in before.values():
        assert {(one.status, one.bad_count) for one in alerts} == {("pending", 1)}, ended
    worker.stop()
    slots = {name: bench.slots(rule, [4, 3, 2, 1]) for name, rule in rules.items()}

    # Whichever worker sees that they are well; this one has raised nothing.
    worker = bench.worker().ready()
    for name, (*missed, newest) in slots.items():
        assert bench.ended(newest)["state_type"] == "COMPLETED"
        assert [bench.ended(run)["state_name"] for run in missed] == ["Collapsed"] * 3
        assert all("Running" not in bench.states(run) for run in missed)

        after, restarts = _alerts(bench, name), name == "held-1s"
        assert {(one.status, one.bad_count) for one in after} == {("pending", 1 if restarts else 2)}
        moved = {
            new.first_bad_at > old.first_bad_at
            for old, new in zip(before[name], after, strict=True)
        }
        assert moved == {restarts}, name
    assert [bench.store.rules.get(name).evaluations for name in rules] == [2, 2]

    _takes(bench, slow, 0.1)
    _one(bench, late, 0)
    _one(bench, slow, 0)
    assert worker.status()["persistently_late"] == {}
    bench.eventually(lambda: _about(bench, "resolved", 2), "both are well again")


def _takes(bench: Bench, rule: str, seconds: float) -> None:
    """Have a rule on the processor take so long."""
    parameters = bench.http.get(f"/deployments/{rule}").json()["parameters"]
    bench.http.patch(
        f"/deployments/{rule}", json={"parameters": {**parameters, "seconds": seconds}}
    ).raise_for_status()


def _one(bench: Bench, rule: str, ago: float) -> None:
    """Let one slot of a rule run."""
    (run,) = bench.slots(rule, [ago])
    assert bench.ended(run)["state_type"] == "COMPLETED"


def _alerts(bench: Bench, rule: str) -> list[Any]:
    query = select(ALERT).where(ALERT.c.rule == rule).order_by(ALERT.c.fingerprint)
    with bench.store.read() as connection:
        return list(connection.execute(query))


def _about(bench: Bench, status: str, count: int) -> list[Any]:
    """The alerts about late rules, once so many have this status."""
    found = [one for one in _alerts(bench, LATENESS) if one.status == status]
    return found if len(found) == count else []
