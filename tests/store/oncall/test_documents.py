"""Every applied on-call document is kept; overrides and swaps change one shift only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.shifts import on_call, shifts
from sentinel.store import Store
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import page
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments, active_document
from sentinel.store.oncall.overrides import OnCallOverrides
from sentinel.store.oncall.stored import StoredOnCall

DOCUMENT = """
people:
  ann: {notify: [{receiver: pager}]}
  ben: {notify: [{receiver: pager}]}
  cem: {notify: [{receiver: pager}]}
schedules:
  primary:
    layers: [{name: weekly, rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}}]
"""
SECOND = DOCUMENT.replace("[ann, ben]", "[ben, cem]").replace(
    "  ann: {notify: [{receiver: pager}]}\n", ""
)
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEK = timedelta(days=7)


class Rota:
    """A store with a document, whose clock stands before its first handoff."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        clock.set(MONDAY - timedelta(days=1))
        store.receivers.set("pager", ["sentinel-webhook/pager"])
        self.documents, self.overrides = OnCallDocuments(store), OnCallOverrides(store)
        self.documents.apply(DOCUMENT, actor="ann")

    def who(self, moment: datetime) -> tuple[str, ...]:
        schedule = self.documents.active().schedules["primary"]
        return on_call(schedule, self.overrides.of("primary"), moment)

    def weeks(self, count: int = 4) -> list[str]:
        schedule = self.documents.active().schedules["primary"]
        held = shifts(schedule, self.overrides.of("primary"), MONDAY, MONDAY + count * WEEK)
        return ["+".join(one.people) for one in held]


@pytest.fixture
def rota(store: Store, clock: FakeClock) -> Rota:
    return Rota(store, clock)


def test_a_version_is_added_where_the_document_differs_and_can_be_rolled_back(rota: Rota):
    same = rota.documents.apply(DOCUMENT, actor="ben")
    assert (same.number, same.changed) == (1, False)
    rota.documents.apply(SECOND, actor="ben", note="ann has left")
    assert "ann" not in rota.documents.active().people
    with pytest.raises(Conflict, match="version 2 of the on-call document is active, not 1"):
        rota.documents.apply(DOCUMENT, actor="cem", check=rota.documents.expecting(1))
    assert rota.documents.rollback(1, actor="cem").number == 3
    assert "ann" in rota.documents.active().people
    told = [(one.number, one.applied_by, one.rolled_back_to) for one in rota.documents.history()]
    assert told == [(3, "cem", 1), (2, "ben", None), (1, "ann", None)]
    with pytest.raises(NotFound, match="no version 9"):
        rota.documents.rollback(9, actor="cem")


def test_a_document_whose_receiver_is_missing_is_refused_and_nothing_changes(rota: Rota):
    with pytest.raises(ConfigurationError, match="there is no receiver nowhere"):
        rota.documents.apply(DOCUMENT.replace("pager}]}\n  ben", "nowhere}]}\n  ben"), actor="ann")
    assert len(rota.documents.history()) == 1


def test_an_override_holds_for_its_time_until_it_is_taken_back(rota: Rota):
    made = rota.overrides.add(
        "primary", MONDAY, MONDAY + timedelta(days=1), ["cem"], actor="ben", reason="ann is ill"
    )
    assert rota.weeks(2) == ["cem", "ann", "ben"]
    rota.overrides.remove(made.id, actor="ann")
    assert rota.weeks(2) == ["ann", "ben"]
    with pytest.raises(NotFound):
        rota.overrides.remove(made.id, actor="ann")


def test_a_swap_changes_the_two_shifts_and_no_other_and_is_taken_back_whole(rota: Rota):
    made = rota.overrides.swap("primary", MONDAY, MONDAY + WEEK, actor="ann")
    assert rota.weeks(4) == ["ben", "ann", "ann", "ben"]
    assert len({one.swap for one in made}) == 1
    assert len(rota.overrides.remove(made[1].id, actor="ann")) == 2
    assert rota.weeks(4) == ["ann", "ben", "ann", "ben"]


def test_a_swap_beside_an_override_of_the_same_person_changes_the_one_day_only(rota: Rota):
    day = timedelta(days=1)
    for number in (0, 1):
        begins = MONDAY + number * day
        rota.overrides.add("primary", begins, begins + day, ["cem"], actor="ann")
    rota.overrides.swap("primary", MONDAY, MONDAY + WEEK, actor="ann")
    assert rota.weeks(2) == ["ben", "cem", "ann", "cem"]


def test_a_long_shift_is_swapped_whole(rota: Rota):
    rota.documents.apply(DOCUMENT.replace("09:00}", "09:00, every: 20 weeks}"), actor="ann")
    made = rota.overrides.swap("primary", MONDAY, MONDAY + 20 * WEEK, actor="ann")
    assert [(one.ends_at - one.starts_at) // WEEK for one in made] == [20, 20]


def test_an_override_that_has_begun_ends_now_and_what_was_stays(rota: Rota):
    made = rota.overrides.add("primary", MONDAY, MONDAY + WEEK, ["cem"], actor="ben")
    rota.clock.set(MONDAY + timedelta(days=2))
    rota.overrides.remove(made.id, actor="ann")
    change = page(rota.store).items[0]
    assert change.before is not None
    assert change.after == change.before | {"end": rota.clock.now().isoformat()}
    assert rota.who(MONDAY + timedelta(days=1)) == ("cem",)
    assert rota.who(MONDAY + timedelta(days=3)) == ("ann",)
    (first, _) = rota.overrides.swap(
        "primary", MONDAY + timedelta(days=3), MONDAY + WEEK, actor="ann"
    )
    rota.clock.set(MONDAY + WEEK + timedelta(days=1))
    with pytest.raises(Conflict, match="one side of the swap is over"):
        rota.overrides.remove(first.id, actor="ann")


def test_what_remains_of_a_shift_that_has_begun_is_swapped(rota: Rota):
    rota.clock.set(MONDAY + timedelta(days=2))
    rota.overrides.swap("primary", rota.clock.now(), MONDAY + WEEK, actor="ann")
    assert rota.who(MONDAY + timedelta(days=1)) == ("ann",)
    assert rota.who(MONDAY + timedelta(days=3)) == ("ben",)
    assert rota.who(MONDAY + WEEK) == ("ann",)


def test_an_override_that_cannot_be_is_refused_with_a_reason(rota: Rota):
    day = timedelta(days=1)
    for people, start, end, said in (
        (["zoe"], MONDAY, MONDAY + day, "no person 'zoe'"),
        (["cem"], MONDAY, MONDAY, "ends before it begins"),
        (["cem"], MONDAY - 5 * day, MONDAY - 2 * day, "over already"),
        (["cem"], MONDAY, MONDAY + 400 * day, "longer than a year"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            rota.overrides.add("primary", start, end, people, actor="ann")
    with pytest.raises(NotFound, match="no schedule 'nights'"):
        rota.overrides.add("nights", MONDAY, MONDAY + day, ["cem"], actor="ann")
    with pytest.raises(ConfigurationError, match="ann has both shifts"):
        rota.overrides.swap("primary", MONDAY, MONDAY + 2 * WEEK, actor="ann")
    with pytest.raises(ConfigurationError, match="nobody is on call"):
        rota.overrides.swap("primary", MONDAY - day, MONDAY, actor="ann")
    made = rota.overrides.add("primary", MONDAY, MONDAY + day, ["cem"], actor="ann")
    rota.clock.set(MONDAY + 2 * day)
    with pytest.raises(Conflict, match="is over"):
        rota.overrides.remove(made.id, actor="ann")


def test_every_change_is_in_the_audit_trail(rota: Rota):
    made = rota.overrides.add(
        "primary", MONDAY, MONDAY + timedelta(days=1), ["cem"], actor="ben", reason="ill"
    )
    rota.overrides.remove(made.id, actor="ann")
    found = [one for one in page(rota.store).items if one.object_kind == "oncall"]
    assert [(one.action, one.actor) for one in found] == [
        ("oncall.override_removed", "ann"),
        ("oncall.overridden", "ben"),
        ("oncall.applied", "ann"),
    ]


def test_document_and_overrides_are_read_of_one_moment(rota: Rota, monkeypatch: pytest.MonkeyPatch):
    made = rota.overrides.add("primary", MONDAY, MONDAY + WEEK, ["ann"], actor="ben")

    def meanwhile(connection: Connection) -> OnCallDocument:
        rota.overrides.remove(made.id, actor="ben")
        rota.documents.apply(SECOND, actor="ben")
        return active_document(connection)

    monkeypatch.setattr("sentinel.store.oncall.stored.active_document", meanwhile)
    known = StoredOnCall(rota.store).now(MONDAY)
    assert [one.people for one in known.overrides_of("primary")] == [("ann",)]
    assert "ann" in known.document.people
    assert "ann" not in rota.documents.active().people


def test_an_erased_person_is_in_no_override_and_no_earlier_version(rota: Rota):
    rota.overrides.add("primary", MONDAY, MONDAY + timedelta(days=1), ["ann", "cem"], actor="ben")
    with pytest.raises(Conflict, match="ann is in the on-call document"):
        erase(rota.store, "ann", actor="ben")
    with pytest.raises(ConfigurationError, match="an override to come of the schedule primary"):
        rota.documents.apply(SECOND, actor="ben")
    rota.clock.set(MONDAY + timedelta(days=1))
    rota.documents.apply(SECOND, actor="ben")
    assert len(export(rota.store, "ann", actor="ben")["oncall_override"]) == 1
    label = erase(rota.store, "ann", actor="ben")
    assert rota.overrides.rows()[0].people == f"{label}\ncem"
    assert rota.documents.version(1).document == ""
    with pytest.raises(Conflict, match="document of version 1 was deleted"):
        rota.documents.rollback(1, actor="ben")


def test_routes_and_the_document_agree_on_the_policies_that_there_are(rota: Rota):
    routes = Routes(rota.store)
    named = "route: {receiver: default, routes: [{matchers: [a=b], escalation: nights}]}"
    policy = "escalation_policies: {nights: {steps: [{notify: schedule:primary}]}}"
    with pytest.raises(ConfigurationError, match="no escalation policy nights") as refused:
        routes.apply(named, actor="ann")
    assert refused.value.hint.startswith("Policies: none")
    rota.documents.apply(f"{DOCUMENT}{policy}", actor="ann")
    routes.apply(named, actor="ann")
    for change in (
        lambda: rota.documents.apply(DOCUMENT, actor="ann"),
        lambda: rota.documents.rollback(1, actor="ann"),
    ):
        with pytest.raises(ConfigurationError, match="the routes name the escalation policy night"):
            change()
    routes.rollback(0, actor="ann")
    rota.documents.apply(DOCUMENT, actor="ann")
    team = f"{DOCUMENT}teams: {{db: {{people: [ann], escalation: days}}}}\n{policy}"
    with pytest.raises(ConfigurationError, match="no escalation policy 'days'; policies: nights"):
        rota.documents.apply(team, actor="ann")
