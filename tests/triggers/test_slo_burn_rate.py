"""The check of an SLO: burn rates from stored metrics and from recorded measurements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel import Context
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.metrics.sample import Sample
from sentinel.prefect_client.port import Deployed, FlowRun, Runs
from sentinel.slo.definition import definition_of
from sentinel.store import Store
from sentinel.store.slo.of_tenant import TenantSlos
from sentinel.store.slo.slos import Measurement, Slos
from triggers.slo_burn_rate import slo_burn_rate

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def look(store: Store, clock: FakeClock, **given: float) -> tuple[dict[str, Reading], list[str]]:
    """The readings by kind, and the kinds that could not be seen."""
    ctx = Context(
        clock=clock, metrics=store.metrics.reader(), slos=TenantSlos(store, "default", keeps=True)
    )
    found = slo_burn_rate.check(ctx=ctx, slo="checkout", **given).readings
    return {one.labels["kind"]: one for one in found}, [one["kind"] for one in ctx.not_seen]


def test_a_burn_pages_with_its_numbers_and_ends_when_it_is_over(store: Store, clock: FakeClock):
    clock.set(NOW)
    slos = Slos(store)
    slos.save(
        definition_of({"name": "checkout", "team": "shop", "objectives": [{"target": 99.9}]}),
        actor="ann",
    )
    assert look(store, clock) == ({}, ["page", "ticket"])  # nothing measured says nothing
    minutes = [NOW - timedelta(minutes=one) for one in range(1, 4320)]
    slos.measure("checkout", [Measurement(100, 100, at) for at in minutes])
    found, _ = look(store, clock)
    assert [one.firing for one in found.values()] == [False, False]
    slos.measure("checkout", [Measurement(0, 100, at) for at in minutes[:20]])
    page = look(store, clock)[0]["page"]
    assert (page.firing, page.severity, page.team) == (True, "critical", "shop")
    assert page.summary is not None
    assert page.summary.startswith("checkout burns its error budget at 250 times what 99.9% over")
    assert page.details is not None
    assert page.details["bad_events"] == 2000
    assert page.details["health"] == "violated"
    assert page.details["burn_rates"][0]["fires_above"] == pytest.approx(14.4)
    clock.forward(minutes=40)
    slos.measure("checkout", [Measurement(100, 100, NOW + timedelta(minutes=one))
                              for one in range(40)])  # fmt: skip
    assert look(store, clock)[0]["page"].firing is False


def test_samples_that_arrive_late_are_counted_once(store: Store, clock: FakeClock):
    clock.set(NOW)
    Slos(store).save(
        definition_of({
            "name": "checkout", "objectives": [{"target": 90}], "alerting": {"ticket": False},
            "minimum_events": 5,
            "indicator": {"kind": "threshold", "metric": "load", "below": 1},
        }), actor="ann",
    )  # fmt: skip
    store.metrics.add([Sample(name="load", value=0.5, at=NOW - timedelta(minutes=one))
                       for one in range(1, 11)])  # fmt: skip
    assert look(store, clock)[0].keys() == {"page"}
    clock.forward(minutes=2)
    store.metrics.add([Sample(name="load", value=2, at=NOW - timedelta(seconds=90))])
    look(store, clock)
    counts = Slos(store).counts("checkout")
    tally = counts.between(NOW - timedelta(hours=1), clock.now())
    assert tally == (10, 11)


class ManyRuns:
    """A Prefect whose only deployment completed a run each ten minutes; it gives at most 50."""

    url = "http://many-runs"

    def __init__(self) -> None:
        self.answers = 1_000

    def every_deployment(self) -> list[Deployed]:
        return [Deployed(id="1", name="load", flow="etl", flow_id="2")]

    def every_run(self, where: Mapping[str, Any], *, sort: str) -> Runs:
        del sort
        self.answers -= 1
        if self.answers < 0:
            raise PrefectUnreachable("it does not answer")
        after, before = (
            datetime.fromisoformat(where["end_time"][one]) for one in ("after_", "before_")
        )
        ends = [NOW - timedelta(minutes=10 * one) for one in range(30 * 144 + 10)]
        inside = [one for one in ends if after <= one <= before]
        runs = [FlowRun(id="3", name="run", end_time=one, state_type="COMPLETED") for one in inside]
        return Runs(of={"1": runs[:50]}, cut=len(runs) > 50)


def test_many_runs_are_counted_by_and_by_and_what_was_counted_is_kept(
    store: Store, clock: FakeClock
):
    clock.set(NOW)
    slos = Slos(store)
    slos.save(
        definition_of({
            "name": "checkout", "objectives": [{"target": 90}], "minimum_events": 1,
            "indicator": {"kind": "prefect_runs", "deployments": ["etl/*"]},
        }), actor="ann",
    )  # fmt: skip
    prefect: Any = ManyRuns()
    ctx = Context(
        clock=clock, prefect=prefect, metrics=store.metrics.reader(),
        slos=TenantSlos(store, "default", keeps=True),
    )  # fmt: skip
    prefect.answers = 20
    with pytest.raises(PrefectUnreachable):
        slo_burn_rate.check(ctx=ctx, slo="checkout")
    counted = slos.get("checkout").counted_until
    assert counted is not None
    assert NOW - timedelta(days=30) < counted < NOW - timedelta(days=26)
    prefect.answers = 1_000
    found = slo_burn_rate.check(ctx=ctx, slo="checkout").readings
    assert [one.firing for one in found] == [False, False]
    assert slos.get("checkout").counted_until == NOW
    tally = slos.counts("checkout").between(NOW - timedelta(days=30), NOW)
    assert tally == (30 * 144, 30 * 144)


def test_a_ticket_is_sent_ahead_where_a_violation_is_likely(store: Store, clock: FakeClock):
    clock.set(NOW)
    Slos(store).save(
        definition_of({"name": "checkout", "objectives": [{"target": 99}]}), actor="ann"
    )
    # Every fourth day loses 1.55% of its events, the others 0.8%: the budget is nearly gone.
    hours = [NOW - timedelta(hours=one) for one in range(1, 24 * 24 + 1)]
    Slos(store).measure("checkout", [
        Measurement(98.45 if (NOW - at).days % 4 == 3 else 99.2, 100, at) for at in hours
    ])  # fmt: skip
    ticket = look(store, clock)[0]["ticket"]
    assert (ticket.firing, "prediction" in (ticket.details or {})) == (False, False)
    found, _ = look(store, clock, ahead_hours=24 * 14, ahead_percent=50)
    ticket = found["ticket"]
    assert ticket.firing
    assert ticket.summary is not None
    assert "it is violated within 14d with a probability of " in ticket.summary
    assert ticket.details is not None
    assert 0.5 <= ticket.details["prediction"]["probability"] <= 1
    assert ticket.details["prediction"]["before"] == (NOW + timedelta(days=14)).isoformat()
    assert found.keys() == {"ticket"}  # so few events page nobody
    soon = look(store, clock, ahead_hours=1)[0]["ticket"]
    assert (soon.firing, (soon.details or {})["prediction"]["probability"]) == (False, 0)


def test_an_slo_that_is_gone_is_said_to_be(store: Store, clock: FakeClock):
    clock.set(NOW)
    with pytest.raises(NotFound, match="there is no SLO 'checkout'"):
        look(store, clock)


def test_what_an_evaluation_no_longer_names_is_resolved():
    """An objective that was changed has another name; the alert of the old one must end."""
    assert slo_burn_rate.closed_world
