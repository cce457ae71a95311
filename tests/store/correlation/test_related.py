"""Related alerts and groups in both databases, of what somebody may see."""

from __future__ import annotations

from sentinel.access import Reach, Scope
from sentinel.clock import FakeClock
from sentinel.services.definition import definition_of
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.correlation.related import RelatedAlerts
from sentinel.store.services.catalog import Services
from sentinel.store.services.edges import observe
from tests.world import World

WEB = Scope((Reach(teams=frozenset({"web"})),))


def raised(store: Store, clock: FakeClock, rule: str, *, team: str = "", **labels: str) -> str:
    """The id of the alert of a rule with some labels."""
    World(store, clock, name=rule, labels=labels, team=team).sees({f"/{rule}": 95})
    (found,) = store.alerts.page(AlertFilter(rule=rule), limit=2).items
    return found.id


def test_alerts_of_services_that_call_each_other_are_related_with_the_reason(
    store: Store, clock: FakeClock
):
    observe(store, "default", {("web", "shop-db"): 9}, "traces")
    Services(store).apply([definition_of({"name": "db", "aliases": ["shop-db"]})], actor="ann")
    web = raised(store, clock, "web-slow", service="web")
    db = raised(store, clock, "db-slow", service="db")
    other = raised(store, clock, "other", service="mail")
    related = RelatedAlerts(store)
    (found,) = related.of(store.alerts.get(web))
    assert (found.alert.id, found.service, found.seconds) == (db, "db", 60)
    assert found.evidence[0].reason == "web calls db (traces)"
    assert related.of(store.alerts.get(other)) == []
    (group,) = related.groups("default")
    assert ([one.id for one in group.alerts], len(group.links)) == ([web, db], 1)
    assert related.groups("acme") == []


def test_what_is_over_is_related_still_and_in_no_group(store: Store, clock: FakeClock):
    first = raised(store, clock, "a", rack="r1")
    second = raised(store, clock, "b", rack="r1")
    World(store, clock, name="a", labels={"rack": "r1"}).sees({"/a": 1})
    related = RelatedAlerts(store)
    assert [one.alert.status for one in related.of(store.alerts.get(second))] == ["resolved"]
    assert [one.alert.id for one in related.of(store.alerts.get(first))] == [second]
    assert related.groups("default") == []


def test_what_is_out_of_scope_is_not_related(store: Store, clock: FakeClock):
    mine = raised(store, clock, "a", team="web", rack="r1")
    raised(store, clock, "b", team="db", rack="r1")
    related = RelatedAlerts(store, WEB)
    assert related.of(store.alerts.get(mine)) == []
    assert related.groups("default") == []
    assert len(RelatedAlerts(store).groups("default")) == 1
