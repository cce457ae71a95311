"""Which incidents gather alerts: one for a storm, none lost, none doubled, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.incidents.state import Incident, Status
from sentinel.prefect_client.port import OutEvent
from sentinel.store import Store
from sentinel.store.alerts import unit_of_work
from sentinel.store.incidents.gathering import gather
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.timeline import timeline_of
from tests.world import World

POLICIES = """
policies:
- name: disks
  match: ['rule=~"disk.*"']
  min_severity: high
  group_by: [rule]
  gather_for: 10m
  title: "{rule}: {title}"
  receivers: [default]
"""


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    IncidentPolicyDocuments(store).apply(POLICIES, actor="ann")
    return World(store, clock)


def all_of(store: Store) -> list[Incident]:
    return Incidents(store).active().items


def raises(world: World, *mounts: str, **rule: Any) -> list[str]:
    rule.setdefault("severity", "high")
    return world.raises(*mounts, **rule)


def kinds(store: Store, incident: Incident) -> list[str]:
    found = timeline_of(store, incident.id).entries
    return [one.kind for one in found if one.source == "incident"]


def test_a_storm_is_one_incident_that_keeps_gathering(world: World, store: Store):
    raises(world, *(f"/m{one:04}" for one in range(1500)))
    (one,) = all_of(store)
    assert (one.title.startswith("disk: "), one.policy, one.severity) == (True, "disks", 4)
    assert (one.opened_by, one.acknowledged_at) == ("", None)
    raises(world, *(f"/m{one:04}" for one in range(1510)), severity="critical")
    (same,) = all_of(store)
    assert (same.id, same.severity) == (one.id, 5)
    assert Incidents(store).alert_counts([one.id]) == {one.id: 1510}
    raises(world, "/other", name="disk-2")
    assert {each.labels["rule"] for each in all_of(store)} == {"disk", "disk-2"}
    notices = world.rows("SELECT about FROM notice WHERE kind = 'incident'")
    assert {row[0] for row in notices} == {each.id for each in all_of(store)}


def test_alerts_that_no_policy_names_open_nothing(world: World, store: Store):
    raises(world, "/a", severity="medium")
    raises(world, "/a", name="cpu")
    assert all_of(store) == []
    raises(world, "/a", severity="critical")  # the same alert, by now severe enough
    assert len(all_of(store)) == 1


def test_one_that_was_resolved_a_moment_ago_reopens_and_later_there_is_a_new_one(
    world: World, store: Store, clock: FakeClock
):
    incidents = Incidents(store)
    raises(world, "/a")
    (one,) = all_of(store)
    incidents.set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(minutes=5)
    raises(world, "/b")
    (again,) = all_of(store)
    assert (again.id, again.status, again.reopened) == (one.id, Status.INVESTIGATING, 1)
    incidents.set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(minutes=20)
    raises(world, "/c")
    (new,) = all_of(store)
    assert new.id != one.id
    # The older one would gather the same alerts.
    with pytest.raises(Exception, match=f"the incident {new.id} gathers the same alerts"):
        incidents.set_status(one.id, Status.MONITORING, actor="ann")


def test_an_alert_that_fires_again_reopens_its_incident(
    world: World, store: Store, clock: FakeClock
):
    (alert,) = raises(world, "/a")
    (one,) = all_of(store)
    store.act([alert], Resolve(actor="ann"))
    Incidents(store).set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(minutes=8)
    raises(world, "/a")
    assert [each.id for each in all_of(store)] == [one.id]
    assert kinds(store, one) == ["opened", "alerts_added", "status", "status"]


def test_an_open_incident_takes_what_its_matchers_match_before_any_policy(
    world: World, store: Store
):
    new = NewIncident(title="Disks", matchers=['mount="/a"'])
    one = Incidents(store).open(new, actor="ann")
    raises(world, "/a")
    assert all_of(store) == [Incidents(store).get(one.id)]
    assert Incidents(store).get(one.id).severity == 3  # what a person said stays
    raises(world, "/b")
    assert len(all_of(store)) == 2


def test_what_a_person_took_out_is_not_gathered_again(world: World, store: Store):
    (alert,) = raises(world, "/a")
    (one,) = all_of(store)
    incidents = Incidents(store)
    incidents.remove_alert(one.id, alert, actor="ann")
    raises(world, "/a", severity="critical")
    assert incidents.alerts(one.id) == []
    assert len(all_of(store)) == 1
    assert incidents.add_alerts(one.id, [alert], actor="ann").version == 3
    assert incidents.alerts(one.id) == [alert]


def test_each_tenant_has_incidents_of_its_own(world: World, store: Store):
    raises(world, "/a")
    raises(world, "/a", tenant="acme")
    assert sorted(each.tenant for each in all_of(store)) == ["acme", "default"]


def test_what_fails_in_the_transaction_leaves_neither_alert_nor_incident(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
):
    def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store.wakes, "request", dies)
        with pytest.raises(RuntimeError, match="killed"):
            raises(world, "/a")
    assert (world.ids(), all_of(store)) == ([], [])
    raises(world, "/a")
    assert (len(world.ids()), len(all_of(store))) == (1, 1)


def test_an_evaluation_in_which_nothing_opens_reads_no_policies(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
):
    seen: list[int] = []

    def counted(
        store: Store, connection: Connection, ids: Sequence[str], now: datetime
    ) -> list[OutEvent]:
        seen.append(len(ids))
        return gather(store, connection, ids, now)

    monkeypatch.setattr(unit_of_work, "gather", counted)
    for _ in range(3):
        raises(world, "/a", "/b")
    assert seen == [2]


def test_an_alert_joins_the_open_incident_though_an_earlier_one_gathers_again(
    world: World, store: Store, clock: FakeClock
):
    incidents = Incidents(store)
    (alert,) = raises(world, "/a")
    (first,) = all_of(store)
    incidents.set_status(first.id, Status.RESOLVED, actor="ann")
    store.act([alert], Resolve(actor="ann"))
    clock.forward(minutes=11)
    raises(world, "/b")
    (second,) = all_of(store)
    incidents.edit(first.id, {"gather_for": timedelta(hours=2)}, actor="ann")
    raises(world, "/a", "/b")
    (still,) = all_of(store)
    assert (still.id, first.id != second.id) == (second.id, True)
    assert incidents.alert_counts([second.id]) == {second.id: 2}


def test_an_incident_whose_labels_are_empty_has_the_title_of_its_alert(world: World, store: Store):
    document = 'policies: [{name: x, group_by: [region], title: "{region}", min_severity: low}]'
    IncidentPolicyDocuments(store).apply(document, actor="ann")
    raises(world, "/a")
    (one,) = all_of(store)
    assert "/a" in one.title


def test_two_evaluations_at_once_open_one_incident(migrated_url: str, clock: FakeClock):
    stores = [Store(migrated_url, clock=clock) for _ in range(4)]
    IncidentPolicyDocuments(stores[0]).apply(
        POLICIES.replace("group_by: [rule]", "group_by: []"), actor="ann"
    )
    begin = threading.Barrier(len(stores))
    failed: list[BaseException] = []

    def run(place: int) -> None:
        world = World(stores[place], FakeClock(clock.now()))
        begin.wait()
        try:
            raises(world, "/a", name=f"disk-{place}")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(stores))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    (one,) = all_of(stores[0])
    assert Incidents(stores[0]).alert_counts([one.id]) == {one.id: 4}
    for each in stores:
        each.close()
