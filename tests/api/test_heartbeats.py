"""Jobs ping, and a rule misses the one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sentinel import Context, Rule
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.metrics.series import Series
from sentinel.store import Store
from sentinel.store.metrics.windows import Windows
from tests.databases import both_databases
from triggers.heartbeat import heartbeat

BEATS = "/api/v1/alerts/heartbeats"
T0 = datetime(2020, 1, 1, tzinfo=UTC)


class Watch:
    """A rule that looks every minute."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.state: dict[str, Any] = {}

    def evaluate(self, **jobs: str) -> Applied:
        now = self.clock.forward(minutes=1)
        ctx = Context(clock=self.clock, state=self.state, metrics=self.store.metrics.reader())
        seen = observe(heartbeat, ctx, {"jobs": jobs}, timeout=None)
        if seen.error is not None:
            raise seen.error
        self.state = seen.state or {}
        rule = Rule.model_validate({"name": "jobs", "every": "60s"})
        return self.store.apply(
            Evaluation(rule=rule, trigger="heartbeat", slot=now, at=now, observation=seen)
        )

    def titles(self) -> list[str]:
        return [one.title for one in self.store.alerts.page(order="live").items]


@pytest.fixture
def watch(store: Store, clock: FakeClock) -> Watch:
    return Watch(store, clock)


@both_databases
def test_a_job_that_stops_pinging_alerts_and_one_ping_resolves_it(
    client: httpx.Client, watch: Watch, clock: FakeClock
):
    assert client.post(f"{BEATS}/nightly").json()["status"] == "ok"
    assert watch.evaluate(nightly="1h").live == 0
    clock.forward(minutes=70)
    assert watch.evaluate(nightly="1h").live == 1
    assert watch.titles() == ["nightly was last heard of 1h12m ago, not within 1h"]
    client.post(f"{BEATS}/nightly")
    assert watch.evaluate(nightly="1h").live == 0


def test_a_job_that_never_pinged_is_timed_from_the_first_evaluation(watch: Watch, clock: FakeClock):
    assert watch.evaluate(new="10m").seen == 0
    clock.forward(minutes=15)
    assert watch.evaluate(new="10m").live == 1
    assert watch.titles() == ["new has not been heard of for 16m"]


@both_databases
def test_a_job_may_be_silent_for_longer_than_samples_are_kept(
    client: httpx.Client, watch: Watch, clock: FakeClock
):
    client.post(f"{BEATS}/monthly")
    assert watch.evaluate(monthly="32d").live == 0
    for _ in range(4):
        clock.forward(days=8)
        watch.store.metrics.upkeep()
        assert watch.store.metrics.reader().window("heartbeat", (), T0, clock.now()).times.size == 0
        assert watch.evaluate(monthly="33d").live == 0
    clock.forward(days=2)
    assert watch.evaluate(monthly="33d").live == 1
    assert watch.titles() == ["monthly was last heard of 34d6m ago, not within 33d"]
    client.post(f"{BEATS}/monthly")
    assert watch.evaluate(monthly="33d").live == 0


@both_databases
def test_an_evaluation_reads_only_samples_since_the_last_one(
    client: httpx.Client, watch: Watch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    asked: list[timedelta] = []
    window = Windows.window

    def noted(self: Windows, name: str, match: Sequence[str], a: datetime, b: datetime) -> Series:
        asked.append(b - a)
        return window(self, name, match, a, b)

    monkeypatch.setattr(Windows, "window", noted)
    for job in ("load", "mail"):
        client.post(f"{BEATS}/{job}")
    watch.evaluate(load="1h", mail="2h")
    watch.evaluate(load="1h", mail="2h")
    watch.evaluate(load="1h", mail="2h", new="3d")
    assert asked == [timedelta(days=1), timedelta(minutes=11), timedelta(days=6)]


def test_a_job_may_say_that_it_failed(client: httpx.Client, watch: Watch):
    client.post(f"{BEATS}/load", params={"status": "fail"})
    assert watch.evaluate(load="1h").live == 1
    assert client.get(f"{BEATS}/load").json()["status"] == "fail"
    client.post(f"{BEATS}/load")
    assert watch.evaluate(load="1h").live == 0


def test_a_job_has_an_address_of_its_own(
    client: httpx.Client, stranger: httpx.Client, clock: FakeClock
):
    known = client.get(f"{BEATS}/load").json()
    assert (known["last"], known["status"]) == (None, None)
    assert stranger.get(known["ping"]).status_code == 200
    assert client.get(f"{BEATS}/load").json()["last"] == clock.now().isoformat().replace(
        "+00:00", "Z"
    )
    other = stranger.get(known["ping"].replace("/load/", "/other/"))
    assert (other.status_code, other.json()["error"]["code"]) == (401, "unauthorized")
    assert stranger.get(known["ping"] + "?tenant=other").status_code == 401
    assert stranger.post(f"{BEATS}/load").status_code == 401


def test_an_invalid_name_is_rejected(client: httpx.Client):
    assert client.post(f"{BEATS}/a%20b").status_code == 422


def test_an_invalid_duration_is_reported(watch: Watch):
    with pytest.raises(ConfigurationError, match=r"jobs.load must be longer than 0s"):
        watch.evaluate(load="0s")
