"""Incidents that people work: changes, scope, timeline, steps, post-mortem; both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Acknowledge
from sentinel.audit.change import Change
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.incidents.state import Status
from sentinel.store import Store
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.post_mortems import MOST_VERSIONS, PostMortems
from sentinel.store.incidents.statistics import figures_between
from sentinel.store.incidents.steps import Steps
from sentinel.store.incidents.timeline import timeline_of
from tests.world import World

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACME = Scope((Reach(tenants=frozenset({"acme"})),))
WEB = Scope((Reach(teams=frozenset({"web"})),))
RUNBOOK = "1. Look\n2. [Restart](prefect:restart/prod?service={service}&count=2)\n"


@pytest.fixture
def incidents(store: Store, clock: FakeClock) -> Incidents:
    clock.set(NOW)
    return Incidents(store)


def new(**more: Any) -> NewIncident:
    return NewIncident(title="Checkout is down", **more)


def codes(store: Store) -> list[str]:
    trail = [one for some in every(store, AuditFilter()) for one in some]
    return [one.action for one in reversed(trail) if one.object_kind == "incident"]


def test_every_change_is_the_next_version_audited_and_in_the_timeline(
    incidents: Incidents, store: Store, clock: FakeClock
):
    one = incidents.open(new(severity=4, receivers=["default"]), actor="ann")
    incidents.assign(one.id, "ben", actor="ann", role="commander")
    incidents.set_status(one.id, Status.IDENTIFIED, actor="ben", comment="the database")
    incidents.update(one.id, "half of the orders fail", actor="ben", receivers=[])
    incidents.set_root_cause(one.id, "a full disk", actor="ben")
    incidents.edit(one.id, {"severity": 5, "title": "Checkout"}, actor="ben")
    clock.forward(minutes=30)
    last = incidents.set_status(one.id, Status.RESOLVED, actor="ben")
    assert (last.version, last.severity, last.severity_by) == (7, 5, "ben")
    assert (last.resolved_at, last.resolved_by) == (NOW + timedelta(minutes=30), "ben")
    assert codes(store) == [
        "incident.opened", "incident.assigned", "incident.status", "incident.updated",
        "incident.root_cause", "incident.changed", "incident.status",
    ]  # fmt: skip
    own = [one for one in timeline_of(store, one.id).entries if one.source == "incident"]
    assert [(each.actor, each.text, each.comment) for each in own] == [
        ("ann", "opened as high (sev2)", ""),
        ("ann", "made ben commander", ""),
        ("ben", "changed the status from investigating to identified", "the database"),
        ("ben", "posted an update", "half of the orders fail"),
        ("ben", "wrote down the root cause", "a full disk"),
        ("ben", "changed the severity from high (sev2) to critical (sev1)", ""),
        ("ben", "changed title", ""),
        ("ben", "changed the status from identified to resolved", ""),
    ]
    with store.read() as connection:
        waiting = store.outbox.unpublished(connection, 100)
    events = [each.event for _, each in waiting if each.event.startswith("sentinel.incident")]
    assert events == ["sentinel.incident.opened", *["sentinel.incident.updated"] * 5,
                      "sentinel.incident.resolved"]  # fmt: skip
    # Opened, the status twice: one message each; the update named nobody.
    assert len(World(store, clock).rows("SELECT id FROM notice")) == 3


def test_what_is_the_same_changes_nothing(incidents: Incidents):
    one = incidents.open(new(), actor="ann")
    assert incidents.edit(one.id, {"title": one.title}, actor="ann").version == 1
    assert incidents.set_root_cause(one.id, "", actor="ann").version == 1
    with pytest.raises(Conflict, match="is investigating already"):
        incidents.set_status(one.id, Status.INVESTIGATING, actor="ann")


def test_a_change_of_another_version_can_be_refused(incidents: Incidents):
    one = incidents.open(new(), actor="ann")

    def refuse(before: Any) -> None:
        raise Conflict(f"version {before.version}")

    with pytest.raises(Conflict, match="version 1"):
        incidents.update(one.id, "news", actor="ann", check=refuse)
    assert incidents.get(one.id).version == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"title": ""}, "title: it is missing"),
        ({"matchers": ["="]}, "cannot be read"),
        ({"runbook": "1. [x](prefect:y)"}, "names no deployment"),
        ({"roles": {"king": "ann"}}, "there is no role 'king'"),
        ({"receivers": ["nobody"]}, "there is no receiver nobody"),
        ({"gather_by": ["service"]}, "gather_by: needs an alert"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_opened(
    incidents: Incidents, given: dict[str, Any], said: str
):
    with pytest.raises(ConfigurationError, match=said):
        incidents.open(NewIncident(**dict[str, Any]({"title": "x"}) | given), actor="ann")
    assert incidents.active().items == []


def test_somebody_of_another_tenant_or_team_sees_and_changes_nothing(
    incidents: Incidents, store: Store, clock: FakeClock
):
    (alert,) = World(store, clock).raises("/a", team="db")
    one = incidents.open(NewIncident(alerts=[alert]), actor="ann")
    assert (one.team, one.title.startswith("disk")) == ("db", True)
    for scope in (ACME, WEB):
        foreign = Incidents(store, scope)
        assert foreign.active().items == foreign.page(IncidentFilter()).items == []
        for asked in (
            lambda of=foreign: of.get(one.id),
            lambda of=foreign: of.update(one.id, "x", actor="eve"),
            lambda of=foreign: of.alerts(one.id),
            lambda of=scope: timeline_of(store, one.id, of),
            lambda of=scope: PostMortems(store, of).get(one.id),
            lambda of=scope: Steps(store, of).of(one.id),
            lambda of=scope: ActionItems(store, of).add(one.id, "x", actor="eve"),
        ):
            with pytest.raises(NotFound):
                asked()
    with pytest.raises(OutOfScope):
        Incidents(store, ACME).open(new(), actor="eve")
    with pytest.raises(NotFound):
        Incidents(store, ACME).open(new(tenant="acme", alerts=[alert]), actor="eve")
    with pytest.raises(ConfigurationError, match="is of the tenant default"):
        incidents.open(new(tenant="acme", alerts=[alert]), actor="ann")
    # Whoever sees the incident sees none of its alerts that are out of reach.
    mixed = incidents.open(new(team="web", alerts=[alert]), actor="ann")
    assert Incidents(store, WEB).alerts(mixed.id) == []
    assert {each.source for each in timeline_of(store, mixed.id, WEB).entries} == {"incident"}
    assert "disk" not in PostMortems(store, WEB).get(mixed.id).document


def test_pages_filter_and_end(incidents: Incidents, clock: FakeClock):
    made = [incidents.open(new(severity=1 + each, service=f"s{each}"), actor="ann").id
            for each in range(5)]  # fmt: skip
    first = incidents.page(IncidentFilter(), limit=3)
    rest = incidents.page(IncidentFilter(), limit=3, after=first.next)
    assert [each.id for each in (*first.items, *rest.items)] == made[::-1]
    assert rest.next is None

    def found(**wanted: Any) -> int:
        return len(incidents.page(IncidentFilter(**wanted)).items)

    assert (found(severity=4), found(service="s1"), found(words="CHECKOUT s3")) == (2, 1, 1)
    assert (found(status=[Status.RESOLVED]), found(words="100%")) == (0, 0)
    assert (found(since=clock.now() + timedelta(1)), found(until=NOW)) == (0, 0)


def test_the_timeline_merges_alerts_messages_and_changes(
    incidents: Incidents, store: Store, clock: FakeClock
):
    world = World(store, clock)
    (alert,) = world.raises("/a")
    one = incidents.open(NewIncident(alerts=[alert]), actor="ann")
    clock.forward(minutes=2)
    world.tells()
    store.act([alert], Acknowledge(actor="ben", comment="on it"))
    clock.forward(minutes=1)
    store.audit.write([Change(action="rule.changed", object_kind="rule", object_name="disk",
                              tenant="default")], actor="eve")  # fmt: skip
    entries = timeline_of(store, one.id).entries
    assert [each.at for each in entries] == sorted(each.at for each in entries)
    told = {(each.source, each.kind, each.actor) for each in entries}
    assert {
        ("alert", "opened", ""), ("alert", "acknowledged", "ben"), ("incident", "opened", "ann"),
        ("change", "rule.changed", "eve"), ("notification", "sent", ""),
    } <= told  # fmt: skip


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "meet", "https://", "https://a b", "https://a\n.example",
                "http://[::1"],
)  # fmt: skip
def test_a_war_room_is_the_address_of_a_page(incidents: Incidents, address: str):
    with pytest.raises(ConfigurationError, match="war_room: must be an address"):
        incidents.open(new(war_room=address), actor="ann")
    one = incidents.open(new(war_room="http://[::1]:8080/room"), actor="ann")
    with pytest.raises(ConfigurationError, match="war_room: must be an address"):
        incidents.edit(one.id, {"war_room": address}, actor="ann")
    assert incidents.edit(one.id, {"war_room": ""}, actor="ann").war_room == ""


def test_a_post_mortem_is_generated_until_one_is_saved(
    incidents: Incidents, store: Store, clock: FakeClock
):
    one = incidents.open(new(), actor="ann")
    item = ActionItems(store).add(one.id, "Watch disks", actor="ann", owner="ben",
                                  due=date(2026, 12, 24))  # fmt: skip
    ActionItems(store).edit(one.id, item.id, {"done": True}, actor="ben")
    post_mortems = PostMortems(store)
    first = post_mortems.get(one.id)
    assert first.version == 0
    assert "- [x] Watch disks, ben, due 2026-12-24" in first.document
    saved = post_mortems.save(one.id, first.document + "\nLessons.", actor="ann")
    assert post_mortems.save(one.id, saved.document, actor="ben") == saved
    post_mortems.save(one.id, "Short.", actor="ben")
    assert post_mortems.get(one.id).document == "Short."
    assert [each.saved_by for each in post_mortems.versions(one.id)] == ["ben", "ann"]
    assert post_mortems.version(one.id, 1) == saved
    assert "Watch disks" in post_mortems.generate(one.id).document
    with pytest.raises(ConfigurationError, match="document: is empty"):
        post_mortems.save(one.id, " ", actor="ann")
    assert ActionItems(store).open_items() == []


def test_open_incidents_are_listed_by_page_the_most_severe_first(incidents: Incidents):
    for number, severity in enumerate((2, 4, 3, 4)):
        incidents.open(NewIncident(title=f"i{number}", severity=severity), actor="ann")
    seen, after = list[str](), None
    for size in (3, 1):
        page = incidents.active(limit=3, after=after)
        assert len(page.items) == size
        seen += [one.title for one in page.items]
        after = page.next
    assert (seen, after) == (["i3", "i1", "i2", "i0"], None)
    with pytest.raises(ConfigurationError, match="is not one of this list"):
        incidents.active(after="x")


def test_figures_count_the_first_acknowledgement_also_of_an_alert(
    incidents: Incidents, store: Store, clock: FakeClock
):
    from sentinel.store.incidents.policies import IncidentPolicyDocuments

    IncidentPolicyDocuments(store).apply("policies: [{name: all, min_severity: info}]", actor="a")
    begin = clock.now()
    (alert,) = World(store, clock).raises("/a")
    (one,) = incidents.active().items
    clock.forward(minutes=4)
    store.act([alert], Acknowledge(actor="ben"))
    clock.forward(minutes=2)
    incidents.set_status(one.id, Status.RESOLVED, actor="ann")
    found = figures_between(store, begin, clock.now())
    assert (found.opened, found.mtta, found.mttr) == (1, 240.0, 360.0)
    assert figures_between(store, begin, clock.now(), scope=ACME).opened == 0
    with pytest.raises(ConfigurationError):
        figures_between(store, begin, begin)


def test_retention_keeps_the_alerts_of_an_incident_as_long_as_the_incident(
    incidents: Incidents, store: Store, clock: FakeClock
):
    world = World(store, clock)
    (alert,) = world.raises("/a")
    one = incidents.open(NewIncident(alerts=[alert], runbook=RUNBOOK), actor="ann")
    ActionItems(store).add(one.id, "x", actor="ann")
    PostMortems(store).save(one.id, "x", actor="ann")
    world.raises(value=1.0)
    world.sees({"/a": 1.0})
    incidents.set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(days=100)
    store.retain(timedelta(days=90))
    assert world.ids() == [alert]
    clock.forward(days=700)
    store.retain(timedelta(days=90))
    assert world.ids() == []
    for table in ("incident", "incident_alert", "incident_entry", "incident_step",
                  "incident_room", "incident_action_item", "post_mortem_version"):  # fmt: skip
        assert world.rows(f"SELECT * FROM {table}") == [], table


def test_the_newest_versions_of_a_post_mortem_are_listed(incidents: Incidents, store: Store):
    one, kept = incidents.open(new(), actor="ann"), PostMortems(store)
    for number in range(MOST_VERSIONS + 2):
        kept.save(one.id, f"Text {number}.", actor="ann")
    listed = [each.version for each in kept.versions(one.id)]
    assert listed == list(range(MOST_VERSIONS + 2, 2, -1))


@pytest.mark.parametrize("name", ["maria", "maria_b"])
def test_a_name_is_exported_and_erased_wherever_sentinel_wrote_it(
    incidents: Incidents, store: Store, clock: FakeClock, name: str
):
    one = incidents.open(new(assignee=name, roles={"scribe": name}), actor=name)
    incidents.assign(one.id, name, actor=name, role="commander")
    ActionItems(store).add(one.id, "x", actor=name, owner=name)
    PostMortems(store).save(one.id, PostMortems(store).get(one.id).document, actor=name)
    assert len(export(store, name, actor="root")["incident"]) > 0
    label = erase(store, name, actor="root")
    kept = World(store, clock)
    for table in ("incident", "incident_entry", "incident_action_item", "post_mortem_version"):
        assert "maria" not in str(kept.rows(f"SELECT * FROM {table}")), table
    assert incidents.get(one.id).roles == {"commander": label, "scribe": label}
