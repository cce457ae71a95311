"""cpu_usage measures this machine, over a window or since it was last asked."""

import pytest

from sentinel import Context
from triggers.cpu_usage import cpu_usage


def test_one_reading_for_the_whole_machine():
    seen = cpu_usage.check(seconds=0.1)
    (reading,) = seen.readings
    assert set(reading.labels) == {"host"}
    assert reading.value is not None
    assert 0 <= reading.value <= 100


def test_a_reading_for_every_core():
    seen = cpu_usage.check(seconds=0.1, per_core=True)
    cores = [r.labels["core"] for r in seen.readings] + [u["core"] for u in seen.not_seen]
    assert sorted(map(int, cores)) == list(range(len(cores)))


def _no_waiting(_seconds: float):
    pytest.fail("it must not wait")


def test_since_the_last_evaluation_needs_no_waiting(monkeypatch: pytest.MonkeyPatch):
    first = cpu_usage.check(seconds=0)
    assert first.state is not None
    counters = first.state["counters"]
    # Give the next look counters that surely lie behind the present ones.
    ((total, idle),) = counters["cores"]
    counters["cores"] = [[total - 100.0, idle - 40.0]]
    monkeypatch.setattr("time.sleep", _no_waiting)
    (reading,) = cpu_usage.check(seconds=0, ctx=Context(state=first.state)).readings
    assert reading.value is not None
    assert 0 < reading.value < 100


@pytest.mark.parametrize("field", ["host", "boot", "cores"])
def test_counters_of_another_machine_or_boot_are_not_used(field: str):
    first = cpu_usage.check(seconds=0)
    assert first.state is not None
    counters = first.state["counters"]
    counters[field] = {"host": "another", "boot": -1, "cores": []}[field]
    seen = cpu_usage.check(seconds=0, ctx=Context(state={"counters": counters}))
    assert len(seen.readings) + len(seen.not_seen) == 1
