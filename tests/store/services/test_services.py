"""The catalog in both databases: all or none, audited, bound to tenants; and how services stand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.access import Reach, Scope
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.services.definition import ServiceDefinition, definition_of
from sentinel.slo.definition import definition_of as slo_of
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.services import edges
from sentinel.store.services.catalog import Services
from sentinel.store.services.edges import KEPT_FOR, forget_edges, observe
from sentinel.store.services.operation import ServicesNow
from sentinel.store.slo.slos import Slos
from tests.world import World

ACME = Scope((Reach(tenants=frozenset({"acme"})),))
SHOP = Scope((Reach(tenants=frozenset({"default"}), teams=frozenset({"shop"})),))

ON_CALL = """
people:
  ann: {notify: [{receiver: pager}]}
schedules:
  day: {layers: [{name: weekly, rotation: {people: [ann], handoff: 2026-01-05T09:00}}]}
teams:
  shop: {people: [ann], schedule: day}
"""


def service(name: str, *calls: str, **more: object) -> ServiceDefinition:
    return definition_of({"name": name, "depends_on": list(calls), **more})


@pytest.fixture
def services(store: Store) -> Services:
    return Services(store)


def test_applying_says_and_audits_what_changes_and_a_repetition_changes_nothing(
    services: Services, store: Store
):
    given = [service("web", "api"), service("api")]
    dry = services.apply(given, actor="ann", dry_run=True)
    assert ([one.change for one in dry], services.list()) == (["created", "created"], [])
    services.apply(given, actor="ann")
    done = services.apply([service("web", "api", tier=1), service("api")], actor="ben")
    assert [(one.change, [each.field for each in one.fields]) for one in done] == [
        ("changed", ["tier"]), ("unchanged", []),
    ]  # fmt: skip
    web, api = services.get("default", "web"), services.get("default", "api")
    assert (web.version, web.saved_by, api.version, api.saved_by) == (2, "ben", 1, "ann")
    services.remove("default", "web", actor="cleo")
    with pytest.raises(NotFound):
        services.get("default", "web")
    trail = [one for some in every(store, AuditFilter()) for one in some]
    told = [(one.action, one.object_id) for one in trail if one.object_kind == "service"]
    assert sorted(told) == [
        ("service.removed", "web"), ("service.saved", "api"), ("service.saved", "web"),
        ("service.saved", "web"),
    ]  # fmt: skip


def test_one_that_is_refused_lets_none_be_saved(services: Services):
    services.apply([service("api", aliases=["backend"])], actor="ann")
    with pytest.raises(Conflict, match="the service 'api' has the name 'backend' already"):
        services.apply([service("web"), service("backend")], actor="ann")
    with pytest.raises(ConfigurationError, match="two services"):
        services.apply([service("web"), service("web")], actor="ann")
    assert [one.definition.name for one in services.list()] == ["api"]
    # An alias may move in one step.
    services.apply([service("api"), service("backend")], actor="ann")


def test_somebody_of_another_tenant_or_team_neither_sees_nor_takes_it(
    services: Services, store: Store
):
    services.apply([service("pay", owner="money", aliases=["cash"])], actor="ann")
    for scope in (ACME, SHOP):
        foreign = Services(store, scope)
        assert foreign.list() == []
        with pytest.raises(NotFound):
            foreign.get("default", "pay")
        with pytest.raises(NotFound):
            foreign.remove("default", "pay", actor="eve")
    with pytest.raises(Conflict, match="already"):
        Services(store, SHOP).apply([service("pay", owner="shop")], actor="eve")
    with pytest.raises(Conflict, match="a service of another team has the name 'cash'"):
        Services(store, SHOP).apply([service("cash", owner="shop")], actor="eve")
    Services(store, ACME).apply([service("pay", tenant="acme")], actor="eve")
    assert services.get("default", "pay").definition.owner == "money"


def test_what_is_affected_are_services_with_alerts_and_those_that_depend_on_them(
    services: Services, store: Store, clock: FakeClock
):
    services.apply(
        [service("web", "pay", owner="shop"), service("pay", match=["mount=/pay"])], actor="ann"
    )
    observe(store, "default", {("mobile", "web"): 3}, "traces")
    World(store, clock, severity="critical").sees({"/pay": 95})
    World(store, clock, name="slo-web", labels={"slo": "web"}).sees({"/": 95})
    Slos(store).save(
        slo_of({"name": "web", "service": "web", "objectives": [{"target": 99}]}), actor="ann"
    )
    found = {one.name: one for one in ServicesNow(store, "default").affected()}
    assert list(found) == ["pay", "web", "mobile"]
    assert [one.severity for one in found["pay"].alerts] == [5]
    assert (found["web"].burning, found["web"].impaired_by) == (["web"], ["pay"])
    assert (found["mobile"].known, found["mobile"].impaired_by) == (False, ["pay", "web"])
    # Whoever is confined to a team sees its services alone, and alerts of that team: none.
    assert ServicesNow(store, "default", SHOP).affected() == []
    assert ServicesNow(store, "acme").affected() == []


def test_a_blast_radius_names_no_service_that_is_out_of_scope(services: Services, store: Store):
    services.apply([
        service("web", "pay", owner="shop"), service("pay", "db", owner="money"),
        service("db", owner="shop"),
    ], actor="ann")  # fmt: skip
    observe(store, "default", {("robot", "pay"): 3}, "traces")
    whole = ServicesNow(store, "default").blast_radius("db")
    assert [one.name for one in whole.affected] == ["pay", "web", "robot"]
    confined = ServicesNow(store, "default", SHOP)
    (web,) = confined.blast_radius("db").affected
    assert (web.name, web.path) == ("web", ["web", "…", "db"])
    with pytest.raises(NotFound):
        confined.blast_radius("pay")
    assert confined.dependencies() == []


def test_an_observed_dependency_is_kept_while_it_is_seen(store: Store, clock: FakeClock):
    assert observe(store, "default", {("a", "b"): 3, ("a", ""): 1, ("a", "x" * 201): 1}, "traces")
    clock.forward(seconds=timedelta(days=20).total_seconds())
    observe(store, "default", {("b", "c"): 1}, "traces")
    observe(store, "default", {("a", "b"): 9}, "prefect")
    found = ServicesNow(store, "default").dependencies()
    assert [(one.caller, one.callee, one.source, one.calls) for one in found] == [
        ("a", "b", "prefect", 9), ("a", "b", "traces", 3), ("b", "c", "traces", 1),
    ]  # fmt: skip
    clock.forward(seconds=(KEPT_FOR - timedelta(days=19)).total_seconds())
    assert forget_edges(store) == 1
    assert len(ServicesNow(store, "default").dependencies()) == 2


def test_of_too_many_dependencies_those_seen_longest_ago_are_deleted(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edges, "MOST_EDGES", 3)
    observe(store, "acme", {("a", "b"): 1}, "traces")
    for look in range(4):
        clock.forward(seconds=300)
        observe(store, "default", {("web", f"random-{look}-{number}"): 1 for number in "ab"},
                "traces")  # fmt: skip
    kept = [one.callee for one in ServicesNow(store, "default").dependencies()]
    assert kept == ["random-2-a", "random-2-b", "random-3-a", "random-3-b"]
    assert len(ServicesNow(store, "acme").dependencies()) == 1


def test_readiness_looks_at_slos_rules_and_the_on_call_document(
    services: Services, store: Store, clock: FakeClock
):
    services.apply([service("web", owner="shop"), service("api")], actor="ann")
    World(store, clock, labels={"service": "web"}).sees({"/": 1})
    Slos(store).save(
        slo_of({"name": "api-up", "service": "api", "objectives": [{"target": 99}]}), actor="ann"
    )
    store.receivers.set("pager", ["sentinel-webhook/pager"])
    OnCallDocuments(store).apply(ON_CALL, actor="ann")
    found = {one.service: one for one in ServicesNow(store, "default").readiness_of_all()}
    passed = {
        name: [one.code for one in its.checks if one.passed] for name, its in found.items()
    }  # fmt: skip
    assert passed == {"api": ["alert_rule", "slo"], "web": ["owner", "alert_rule", "on_call"]}
    assert ServicesNow(store, "default").readiness("web").score == 60
    with pytest.raises(NotFound):
        ServicesNow(store, "default", SHOP).readiness("api")


def test_readiness_counts_what_is_of_other_teams_and_names_it_to_nobody_else(
    services: Services, store: Store, clock: FakeClock
):
    services.apply([service("web", owner="shop")], actor="ann")
    World(store, clock, name="secret", labels={"service": "web"}, team="db").sees({"/": 1})
    World(store, clock, name="mine", labels={"service": "web"}, team="shop").sees({"/": 1})
    Slos(store).save(
        slo_of({"name": "of-db", "service": "web", "team": "db", "objectives": [{"target": 99}]}),
        actor="ann",
    )

    def evidence(scope: Scope) -> dict[str, str]:
        ready = ServicesNow(store, "default", scope).readiness("web")
        return {one.code: one.evidence for one in ready.checks if one.passed}

    whole = Scope((Reach(tenants=frozenset({"default"})),))
    assert evidence(whole) == {
        "owner": "shop", "alert_rule": "mine, secret, slo-of-db", "slo": "of-db",
    }  # fmt: skip
    assert evidence(SHOP) == {
        "owner": "shop", "slo": "one of another team",
        "alert_rule": "mine, one of another team, one of another team",
    }  # fmt: skip


def test_an_alias_does_not_tell_others_whose_it_is(services: Services, store: Store):
    services.apply([service("pay", owner="money", aliases=["cash"])], actor="ann")
    with pytest.raises(NotFound) as caught:
        ServicesNow(store, "default", SHOP).blast_radius("cash")
    assert "pay" not in str(caught.value)
