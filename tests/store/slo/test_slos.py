"""SLOs, their versions and their events in both databases."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from sentinel.access import Reach, Scope
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.metrics.moments import micros
from sentinel.schema.slo import SloCount
from sentinel.slo.counts import Counts, Tally
from sentinel.slo.definition import SloDefinition, definition_of
from sentinel.slo.rule_names import rule_of_slo
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.database.tables import table_of
from sentinel.store.slo.counts import keep_counts
from sentinel.store.slo.of_tenant import TenantSlos
from sentinel.store.slo.slos import Measurement, Slos

NOW = datetime(2026, 11, 30, 12, 0, 30, tzinfo=UTC)
ACME = Scope((Reach(tenants=frozenset({"acme"})),))


def slo(name: str = "checkout", **more: object) -> SloDefinition:
    return definition_of({"name": name, "objectives": [{"target": 99.9}], **more})


@pytest.fixture
def slos(store: Store, clock: FakeClock) -> Slos:
    clock.set(NOW)
    return Slos(store)


def test_each_change_is_a_version_and_audited_and_a_repetition_is_none(slos: Slos, store: Store):
    assert slos.save(slo(), actor="ann").version == 1
    assert slos.save(slo(), actor="ben").saved_by == "ann"
    assert slos.save(slo(team="shop"), actor="ben").version == 2
    assert [(one.version, one.saved_by) for one in slos.versions("checkout")] == [
        (2, "ben"), (1, "ann"),
    ]  # fmt: skip
    slos.remove("checkout", actor="ann")
    assert slos.list() == []
    trail = [one for some in every(store, AuditFilter()) for one in some]
    assert [one.action for one in trail if one.object_kind == "slo"] == [
        "slo.removed", "slo.saved", "slo.saved",
    ]  # fmt: skip


def test_tenants_have_slos_of_one_name_each_with_its_events_and_its_rule(slos: Slos, store: Store):
    ours = slos.save(slo(), actor="ann")
    theirs = Slos(store, ACME).save(slo(tenant="acme"), actor="eve")
    assert (ours.rule, theirs.rule) == ("slo-checkout", "slo-checkout.acme")
    slos.measure("checkout", [Measurement(1, 2)])
    Slos(store, ACME).measure("checkout", [Measurement(5, 5)], tenant="acme")
    minute = (NOW - timedelta(minutes=1), NOW)
    assert slos.counts("checkout").between(*minute) == Tally(1, 2)
    assert slos.counts("checkout", tenant="acme").between(*minute) == Tally(5, 5)
    page = slos.page(limit=1)
    assert ([one.key for one in page.items], page.next) == (
        [("acme", "checkout")], ("acme", "checkout"),
    )  # fmt: skip
    assert [one.key for one in slos.page(limit=1, after=page.next).items] == [
        ("default", "checkout")
    ]
    keep_counts(store)
    slos.remove("checkout", actor="ann")
    assert slos.counts("checkout", tenant="acme").between(*minute) == Tally(5, 5)
    assert len(slos.versions("checkout", tenant="acme")) == 1
    # A rule of the time when all names were unique keeps its name, and nobody else gets it.
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE slo SET rule = 'slo-checkout' WHERE tenant = 'acme'")
    assert slos.rule_of(slo(tenant="acme")) == "slo-checkout"
    assert slos.save(slo(), actor="ann").rule == "slo-checkout.default"


def test_names_of_rules_are_never_too_long_nor_the_same():
    names = {
        rule_of_slo(tenant, name)
        for tenant in ("default", "a", "a" * 100, "a" * 99 + "b")
        for name in ("a" * 80, "b")
    }
    assert len(names) == 8
    assert max(map(len, names)) <= 100


def test_somebody_of_another_tenant_neither_sees_nor_takes_it(slos: Slos, store: Store):
    slos.save(slo(), actor="ann")
    foreign = Slos(store, ACME)
    assert foreign.list() == []
    for asked in (foreign.get, foreign.versions, foreign.counts):
        with pytest.raises(NotFound):
            asked("checkout")
    with pytest.raises(NotFound):
        foreign.remove("checkout", actor="eve")
    with pytest.raises(NotFound):
        foreign.measure("checkout", [Measurement(1, 1)])
    team = Slos(store, Scope((Reach(teams=frozenset({"web"})),)))
    with pytest.raises(Conflict, match="belongs to another team"):
        team.save(slo(team="web"), actor="eve")
    with pytest.raises(NotFound):
        TenantSlos(store, "acme", keeps=True).kept("checkout")
    assert slos.get("checkout").definition == slo()


def test_measurements_add_up_also_late_ones(slos: Slos):
    slos.save(slo(), actor="ann")
    late = NOW - timedelta(days=2)
    assert slos.measure("checkout", [Measurement(9, 10), Measurement(1, 1, late)]) == 2
    slos.measure("checkout", [Measurement(5, 5), Measurement(0, 1, late)])
    counts = slos.counts("checkout")
    assert counts.between(NOW - timedelta(minutes=1), NOW) == Tally(14, 15)
    assert counts.between(late - timedelta(hours=1), late + timedelta(hours=1)) == Tally(1, 2)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Measurement(2, 1), r"measurements.0: good must be"),
        (Measurement(-1, 1), r"measurements.0: good must be"),
        (Measurement(float("nan"), 1), r"measurements.0: good must be"),
        (Measurement(1, 1, NOW + timedelta(hours=1)), r"measurements.0.at: .* lies ahead"),
        (Measurement(1, 1, NOW - timedelta(days=401)), r"measurements.0.at"),
        (Measurement(1, 1, NOW.replace(tzinfo=None)), r"has no time zone"),
    ],
)
def test_what_is_no_measurement_is_refused_and_nothing_kept(
    slos: Slos, one: Measurement, said: str
):
    slos.save(slo(), actor="ann")
    with pytest.raises(ConfigurationError, match=said):
        slos.measure("checkout", [one, Measurement(1, 1)])
    assert len(slos.counts("checkout")) == 0


def test_a_span_that_is_counted_again_replaces_what_was_there(slos: Slos, store: Store):
    indicator = {"kind": "threshold", "metric": "load", "below": 1}
    slos.save(slo(indicator=indicator), actor="ann")
    with pytest.raises(ConfigurationError, match="counts threshold by itself"):
        slos.measure("checkout", [Measurement(1, 1)])
    port, start = TenantSlos(store, "default", keeps=True), NOW - timedelta(minutes=10)
    one = Counts.of([(micros(start), 1, 2), (micros(start) + 60_000_000, 3, 3)])
    read = port.kept("checkout")
    port.replace(read, start, NOW, one)
    port.replace(read, start, NOW, one)
    TenantSlos(store, "default", keeps=False).replace(read, start, NOW, Counts.of([]))
    kept = port.kept("checkout")
    assert kept.counted_until == NOW
    assert kept.counts.between(start, NOW) == Tally(4, 5)
    # Events of another indicator are no events of this one.
    slos.save(slo(), actor="ann")
    assert len(slos.counts("checkout")) == 0
    assert slos.get("checkout").counted_until is None
    # Nor are those that an evaluation of what it was counted meanwhile.
    port.replace(kept, start, NOW, one)
    assert len(slos.counts("checkout")) == 0
    assert slos.get("checkout").counted_until is None


def test_whoever_adds_sums_up_or_deletes_events_holds_the_slo_alone(slos: Slos, store: Store):
    if store.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    slos.save(slo(), actor="ann")
    said = list[str]()

    def keep(*given: Any) -> None:
        said.append(given[2])

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        slos.measure("checkout", [Measurement(1, 1)])
        keep_counts(store)
        slos.remove("checkout", actor="ann")
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    about = [
        one for one in said if "FOR UPDATE" in one or re.match("(INSERT|DELETE).* slo_count", one)
    ]
    assert ["lock" if "FOR UPDATE" in one else one.split()[0] for one in about] == [
        "lock", "INSERT", "lock", "DELETE", "lock", "DELETE",
    ]  # fmt: skip


def test_events_by_quarters_of_an_hour_are_the_same_in_every_window(slos: Slos):
    slos.save(slo(), actor="ann")
    slos.measure("checkout", [
        Measurement(one % 2, 1, NOW - timedelta(minutes=one)) for one in range(0, 3000, 7)
    ])  # fmt: skip
    whole, coarse = slos.counts("checkout"), slos.counts("checkout", coarse=True)
    assert len(coarse) < len(whole) / 2
    midnight = NOW.replace(hour=18, minute=15, second=0) - timedelta(days=1)  # of Kathmandu
    assert coarse.between(midnight, NOW) == whole.between(midnight, NOW)


def test_old_minutes_become_hours_and_older_ones_go(slos: Slos, store: Store, clock: FakeClock):
    slos.save(slo(), actor="ann")
    old = [Measurement(1, 2, NOW - timedelta(days=5, minutes=one)) for one in range(90)]
    slos.measure("checkout", [*old, Measurement(1, 1, NOW - timedelta(days=400)),
                              Measurement(1, 1)])  # fmt: skip
    clock.forward(hours=1)
    for _ in range(2):
        keep_counts(store)
        with store.read() as connection:
            rows = connection.execute(table_of(SloCount).select()).all()
        assert len(rows) == 4  # the 90 minutes lie in three hours; and the minute now
    assert slos.counts("checkout").between(
        NOW - timedelta(days=7), NOW
    ) == Tally(91, 181)  # fmt: skip
