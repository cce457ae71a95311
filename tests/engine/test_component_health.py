"""The state of each component: since when, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.component_health import (
    BACKUP,
    DEAD_MAN,
    EXPOSURE,
    LIMITS,
    SELF_WATCH,
    SWEEP,
    TELEMETRY,
    Component,
    ComponentReports,
    components,
)
from sentinel.errors import PrefectUnreachable
from sentinel.notifications.breaker import Breaker
from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.port import FlowRun, WorkPool
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report, reported
from sentinel.store.events.destinations import Destinations
from sentinel.store.web_feeds import WebFeeds


class AnsweringPrefect:
    """A Prefect API with a work pool of a given status, or one that is down."""

    url = "http://p/api"

    def __init__(self) -> None:
        self.up = True
        self.status = "READY"

    def healthy(self) -> bool:
        return self.up

    def work_pools(self) -> list[WorkPool]:
        return [WorkPool(name="sentinel", status=self.status)]

    def ended_runs(self, pool: str, since: datetime, most: int) -> Sequence[FlowRun]:
        return []

    def late_runs(self, pool: str, before: datetime, most: int) -> Sequence[FlowRun]:
        return []


def found(store: Store, **given: Any) -> dict[str, Component]:
    return {one.name: one for one in components(store, Settings(**given))}


def test_nothing_has_run_yet(store: Store, clock: FakeClock):
    states = {name: one.state for name, one in found(store).items()}
    assert states == {
        "database": "ok", "relay": "wrong", "prefect": "warning", "work pool": "warning",
        "flow runs": "warning", SWEEP: "note", "channels": "ok", "escalations": "ok",
        "posted alerts": "ok", "canaries": "note", "active alerts": "ok",
        "event destinations": "note", "web feeds": "note",
        DEAD_MAN: "note", BACKUP: "note", TELEMETRY: "note", LIMITS: "note", SELF_WATCH: "note",
        EXPOSURE: "note",
    }  # fmt: skip


def test_the_relay_says_what_prefect_says_and_since_when(store: Store, clock: FakeClock):
    prefect = AnsweringPrefect()
    reports = ComponentReports(store, cast("PrefectApi", prefect), "sentinel")
    began = store.now()
    store.leases.take("relay", "host:1", timedelta(seconds=10))
    reports.evaluate(began)
    assert {found(store)[name].state for name in ("relay", "prefect", "work pool")} == {"ok"}
    clock.forward(seconds=30)
    prefect.status = "NOT_READY"
    reports.evaluate(store.now())
    pool = found(store)["work pool"]
    assert (pool.state, pool.says, pool.hint) == (
        "wrong", "has no worker", "Start one: sentinel worker"
    )  # fmt: skip
    assert pool.since == began + timedelta(seconds=30)
    clock.forward(seconds=30)
    reports.evaluate(store.now())
    assert found(store)["work pool"].since == began + timedelta(seconds=30)  # as before
    assert found(store)["prefect"].since == began
    # The relay ended: its lease says when, and what it reported is of no use any more.
    clock.forward(minutes=3)
    relay = found(store)["relay"]
    assert (relay.state, relay.since) == ("wrong", began + timedelta(seconds=10))
    assert found(store)["prefect"].says == "unknown, since the relay does not say"
    prefect.up = False
    reports.evaluate(store.now())
    assert found(store)["prefect"].says == "http://p/api does not answer"
    assert found(store)["flow runs"].says == "unknown, since Prefect does not answer"


def test_what_runs_once_a_minute_is_down_once_it_does_not(store: Store, clock: FakeClock):
    report(store, SWEEP, "ok", "runs every minute")
    report(store, DEAD_MAN, "ok", "is pinged once a minute")
    began = store.now()
    assert {found(store)[name].state for name in (SWEEP, DEAD_MAN)} == {"ok"}
    clock.forward(minutes=4)
    down = found(store, dead_man_url="http://d/ping")
    assert {down[name].state for name in (SWEEP, DEAD_MAN)} == {"wrong"}
    assert {down[name].since for name in (SWEEP, DEAD_MAN)} == {began}
    report(store, SWEEP, "wrong", "failed: pages")
    assert (found(store)[SWEEP].state, found(store)[SWEEP].says) == ("wrong", "failed: pages")


def test_a_backup_grows_old(store: Store, clock: FakeClock):
    report(store, BACKUP, "ok", "12 rows were written")
    assert found(store)[BACKUP].state == "ok"
    clock.forward(days=8)
    old = found(store)[BACKUP]
    assert (old.state, old.says) == ("warning", "the last one is 8 days old")


def test_a_report_is_kept_in_one_row(store: Store, clock: FakeClock):
    for number in range(3):
        report(store, SWEEP, "ok", f"run {number}")
    (row,) = reported(store).values()
    assert row.says == "run 2"


def test_what_prefect_does_not_answer_hides_no_other_component(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    prefect = AnsweringPrefect()

    def fails() -> list[WorkPool]:
        raise PrefectUnreachable("no answer to work_pools")

    monkeypatch.setattr(prefect, "work_pools", fails)
    reports = ComponentReports(store, cast("PrefectApi", prefect), "sentinel")
    with pytest.raises(PrefectUnreachable):
        reports.evaluate(clock.now())
    told = reported(store)
    assert len(told) == 3
    assert sorted(one.state for one in told.values()) == ["ok", "ok", "warning"]
    assert any("no answer to work_pools" in one.says for one in told.values())


def test_a_destination_of_events_that_fails_is_named_with_its_error(store: Store, clock: FakeClock):
    destinations = Destinations(store)
    for name in ("lake", "siem"):
        destinations.set(
            name, tenant="red", channel=f"sentinel-webhook/{name}", mode="batch", actor="ada"
        )
    assert found(store)["event destinations"].says == "all 2 take events"
    began = clock.now()
    destinations.failed(destinations.get("lake"), Breaker(failures=1), "answered 503")
    seen = found(store)["event destinations"]
    assert (seen.state, seen.says, seen.since) == (
        "warning", "1 of 2 fail: lake (failing): answered 503", began
    )  # fmt: skip
    clock.forward(minutes=1)
    down = Breaker(failures=3, opened_at=began, probe_at=clock.now())
    destinations.failed(destinations.get("lake"), down, "answered 503")
    seen = found(store)["event destinations"]
    assert (seen.state, seen.says) == ("wrong", "1 of 2 fail: lake (down): answered 503")
    destinations.took(destinations.get("lake"), 1)
    assert found(store)["event destinations"].state == "ok"


def test_web_feeds_say_how_many_there_are_and_when_one_was_read(store: Store, clock: FakeClock):
    feeds = WebFeeds(store)
    feeds.create("alerts", tenant="red", actor="ada")
    assert found(store)["web feeds"].says == "1 feed, never read"
    made = feeds.create("silences", tenant="blue", actor="ada")
    feeds.read(made.feed, "ics")
    seen = found(store)["web feeds"]
    assert (seen.state, seen.says, seen.since) == ("ok", "2 feeds, read", clock.now())
    feeds.revoke(made.feed.id, tenant="blue", actor="ada")
    assert found(store)["web feeds"].says == "1 feed, never read"
