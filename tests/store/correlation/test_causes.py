"""What changed before an alert, as the audit trail and telemetry have it."""

from __future__ import annotations

from datetime import datetime

from sentinel.clock import FakeClock
from sentinel.services.definition import definition_of
from sentinel.store import Store
from sentinel.store.correlation.causes import Causes
from sentinel.store.services.catalog import Services
from sentinel.store.telemetry.client import TelemetryClient
from tests.dashboard.telemetry_scene import NOW, SECOND, sends_spans
from tests.store.correlation.test_related import raised
from tests.world import World


def test_changes_of_rules_come_from_the_audit_trail_for_who_may_read_it(
    store: Store, clock: FakeClock
):
    World(store, clock, name="web-slow").sees({"/": 1})
    clock.forward(hours=7)
    store.rules.disable("web-slow", actor="old")
    clock.forward(hours=7)
    store.rules.enable("web-slow", actor="ann")
    Services(store).apply([definition_of({"name": "mail"})], actor="ben")
    alert = store.alerts.get(raised(store, clock, "web-slow", service="web"))
    found = Causes(store, "default", audit=True, telemetry="none here").of([alert])
    assert [(one.change.kind, one.change.by) for one in found.candidates] == [
        ("rule", "ann"), ("configuration", "ben"),
    ]  # fmt: skip
    assert found.candidates[0].reasons[0] == "it changed the rule web-slow, which alerts"
    assert found.left_out == {"telemetry": "none here"}
    closed = Causes(store, "default", audit=False, telemetry="none here").of([alert])
    assert (closed.candidates, list(closed.left_out)) == ([], ["audit", "telemetry"])
    assert Causes(store, "acme", audit=True, telemetry="").of([]).candidates == []


def test_calls_that_became_slower_are_a_candidate(
    store: Store, clock: FakeClock, telemetry: TelemetryClient
):
    spans = list[dict[str, object]]()
    for number in range(60):
        late = number < 30  # the second half an hour earlier, and ten times as fast
        start = NOW - number * SECOND - (0 if late else 3_600 * SECOND)
        common = {"trace_id": f"{number + 5000:032x}", "start_time": start}
        spans += [
            {**common, "span_id": f"{number + 5000:016x}", "service": "web", "operation": "GET /",
             "duration_ms": 900, "kind": "server"},
            {**common, "span_id": f"{number + 6000:016x}", "service": "pay", "operation": "charge",
             "parent_span_id": f"{number + 5000:016x}", "duration_ms": 500 if late else 50},
        ]  # fmt: skip
    sends_spans(telemetry, spans)
    Services(store).apply(
        [definition_of({"name": "web", "depends_on": ["pay"]})], actor="ann"
    )  # fmt: skip
    clock.set(datetime.fromtimestamp(NOW / SECOND - 30, clock.now().tzinfo))
    alert = store.alerts.get(raised(store, clock, "web-slow", service="web"))
    (found,) = Causes(store, "default", audit=False, telemetry=telemetry).of([alert]).candidates
    assert (found.change.kind, found.change.service) == ("slow_dependency", "pay")
    assert "10.0 times as long: P95 500 ms, 50 ms before" in found.change.title
    assert found.reasons[0] == "it is about pay, which it calls"
