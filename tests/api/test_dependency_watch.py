"""Who calls whom is read from spans as they arrive, and kept in the catalog's dependencies."""

from __future__ import annotations

from datetime import datetime

from sentinel.api.dependency_watch import EVERY, DependencyWatch
from sentinel.clock import FakeClock
from sentinel.errors import TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.services.operation import ServicesNow
from sentinel.store.telemetry.client import TelemetryClient
from tests.dashboard.telemetry_scene import NOW, SECOND, sends_spans, shop


class Spans:
    """Says that `web` calls `db`, or fails; notes whose calls were read."""

    def __init__(self) -> None:
        self.read = list[str]()
        self.fails = False

    def __call__(self, _: Settings, tenant: str, at: datetime) -> dict[tuple[str, str], int]:
        self.read.append(tenant)
        if self.fails:
            raise TelemetryUnavailable("away")
        return {("web", "db"): len(self.read)}


def test_each_tenant_that_sends_spans_is_read_at_most_every_five_minutes(
    store: Store, clock: FakeClock
):
    spans = Spans()
    watch = DependencyWatch(store, spans)
    assert (watch.turn(Settings()), spans.read) == (0, [])
    for tenant in ("default", "acme", "default"):
        watch.wake(Settings(), tenant)
    assert (watch.turn(Settings()), spans.read) == (0, ["acme", "default"])
    watch.wake(Settings(), "acme")
    assert (watch.turn(Settings()), len(spans.read)) == (1, 2)
    clock.forward(seconds=EVERY.total_seconds())
    assert (watch.turn(Settings()), spans.read[2:]) == (0, ["acme"])
    (edge,) = ServicesNow(store, "acme").dependencies()
    assert (edge.caller, edge.callee, edge.calls, edge.source) == ("web", "db", 3, "traces")
    assert edge.last_seen == clock.now()


def test_a_store_that_does_not_answer_is_asked_again(store: Store, clock: FakeClock):
    spans = Spans()
    spans.fails = True
    watch = DependencyWatch(store, spans)
    watch.wake(Settings(), "default")
    assert watch.turn(Settings()) == 1
    spans.fails = False
    assert watch.turn(Settings()) == 0
    assert len(ServicesNow(store, "default").dependencies()) == 1


def test_a_tenant_whose_spans_cannot_be_read_keeps_no_other_waiting(store: Store):
    read = list[str]()

    def fails_for_acme(_: Settings, tenant: str, at: datetime) -> dict[tuple[str, str], int]:
        read.append(tenant)
        if tenant == "acme":
            raise TelemetryUnavailable("too many spans")
        return {("web", "db"): 1}

    watch = DependencyWatch(store, fails_for_acme)
    for tenant in ("default", "acme"):
        watch.wake(Settings(), tenant)
    assert [watch.turn(Settings()) for _ in range(3)] == [2, 1, 1]
    assert read == ["acme", "default", "acme", "acme"]


def test_spans_of_a_real_store_become_dependencies(
    store: Store, clock: FakeClock, telemetry: TelemetryClient, telemetry_settings: Settings
):
    clock.set(datetime.fromtimestamp(NOW / SECOND + 60, clock.now().tzinfo))
    sends_spans(telemetry, [span for number in range(3) for span in shop(number)])
    watch = DependencyWatch(store)
    watch.wake(telemetry_settings, "default")
    assert watch.turn(telemetry_settings) == 0
    edges = ServicesNow(store, "default").dependencies()
    assert {(one.caller, one.callee) for one in edges} == {("shop", "pay"), ("pay", "postgresql")}
