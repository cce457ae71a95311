"""A group that escalates pages one level after another until somebody acknowledges all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionResult,
    Comment,
    Escalate,
    Resolve,
    Suppress,
    Unacknowledge,
    Unsuppress,
)
from sentinel.clock import FakeClock
from sentinel.engine.escalation_watch import EscalationWatch
from sentinel.schema.escalations import EscalationPage
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import CarriedOut, carry_out
from sentinel.store.alerts.queries import AlertFilter
from sentinel.store.audit.people import erase, export
from sentinel.store.database.tables import ALERT
from sentinel.store.escalations.claims import claim_due, next_due_at
from sentinel.store.escalations.pages import (
    page_answered,
    page_attempted,
    pages_due,
    pages_of_group,
)
from sentinel.store.escalations.watching import stuck, unmanned
from sentinel.store.escalations.why import alert_why
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from sentinel.up.escalation_check import escalation_state
from tests.world import World

START = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
DOCUMENT = """
people:
  ann: {notify: [{receiver: pager}, {receiver: phone, after: 2m}], email: ann@example.org}
  ben: {notify: [{receiver: pager}]}
  cem: {notify: [{receiver: phone}]}
teams:
  default: {people: [ann], escalation: default}
  everybody: {people: [ann], escalation: everybody}
  empty: {people: [ann], escalation: empty}
schedules:
  primary:
    layers: [{rotation: {people: [ann], handoff: 2026-01-01T00:00, every: daily}}]
  nobody:
    layers: [{rotation: {people: [ann], handoff: 2026-02-01T00:00, every: daily}}]
escalation_policies:
  default:
    acknowledgement_timeout: 1h
    steps:
      - notify: schedule:primary
      - {after: 10m, notify: person:ben}
      - {after: 10m, notify: [person:cem, receiver:room]}
  everybody:
    steps:
      - {notify: [person:ann, person:ben], acknowledge: all}
      - {after: 5m, notify: person:cem}
  empty:
    steps:
      - {notify: schedule:nobody}
      - {after: 5m, notify: person:ben}
"""


class Paged(World):
    """Alerts of a rule in one group that escalates."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock, group_by=["rule"], team="default")
        clock.set(START)
        for name in ("pager", "phone", "room"):
            store.receivers.set(name, [f"sentinel-webhook/{name}"])
        OnCallDocuments(store).apply(DOCUMENT, actor="ann")

    def by(self, policy: str) -> None:
        """The alerts from now on escalate by another policy, that of their team."""
        self.rule = self.rule.model_copy(update={"team": policy})

    def fires(self, *mounts: str) -> list[str]:
        """The mounts are full, in a group with the policy; gives the ids of all alerts."""
        self.store.apply(self.evaluation(dict.fromkeys(mounts, 97.0)))
        return self.ids()

    def goes_on(self, minutes: float = 0) -> list[CarriedOut]:
        """Later, what is due is carried out."""
        self.clock.forward(minutes=minutes)
        now = self.clock.now()
        return carry_out(self.store, claim_due(self.store, now))

    def sends(self, error: str = "") -> list[tuple[str, str, str]]:
        """What is to be sent is sent: kind, receiver and person of each."""
        now = self.clock.now()
        due = [one for one in pages_due(self.store, now) if page_attempted(self.store, one.id, now)]
        for one in due:
            page_answered(self.store, one.id, now, error=error)
        return [(one.kind, one.receiver, one.person) for one in due]

    def does(self, action: Action, *ids: str) -> ActionResult:
        return self.store.act(ids or self.ids(), action)[0]

    def row(self) -> Any:
        return self.rows("SELECT * FROM escalation ORDER BY id DESC")[0]

    def shown(self) -> list[tuple[str, int]]:
        found = self.store.alerts.page(AlertFilter(), limit=100).items
        return [(one.status, one.escalation_level) for one in found]

    def due_in(self) -> float | None:
        """Minutes until the next step."""
        due = next_due_at(self.store)
        return None if due is None else (due - self.clock.now()) / timedelta(minutes=1)

    def pages(self) -> list[EscalationPage]:
        return pages_of_group(self.store, self.row().group_id)


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


def test_levels_are_paged_one_after_another_and_a_resolve_tells_who_was_paged(paged: Paged):
    paged.fires("/", "/var")
    assert paged.row().state == "waiting"
    ((one,)) = paged.goes_on()
    assert (one.what, one.level, one.due_at) == ("paged", 1, START + timedelta(minutes=10))
    assert paged.sends() == [("page", "pager", "ann")]
    assert paged.shown() == [("open", 0)] * 2  # it is the notification itself
    assert paged.goes_on(2) == []
    assert paged.sends() == [("page", "phone", "ann")]
    assert [one.level for one in paged.goes_on(8)] == [2]
    assert paged.sends() == [("page", "pager", "ben")]
    assert paged.shown() == [("escalated", 2)] * 2
    (last,) = paged.goes_on(10)
    assert (last.level, last.due_at, paged.row().state) == (3, None, "exhausted")
    assert sorted(paged.sends()) == [("page", "phone", "cem"), ("page", "room", "")]
    paged.sees({"/": 10.0, "/var": 10.0})
    assert (paged.row().state, paged.row().ended_why) == ("ended", "recovered")
    assert sorted(paged.sends()) == [
        ("resolved", "pager", "ann"), ("resolved", "pager", "ben"), ("resolved", "phone", "cem"),
        ("resolved", "room", ""),
    ]  # fmt: skip
    assert paged.sends() == []


def test_the_first_page_attempted_starts_the_clock_and_a_lost_hour_moves_what_follows(
    paged: Paged,
):
    paged.fires("/")
    paged.clock.forward(minutes=30)  # nobody looked
    (one,) = paged.goes_on()
    assert one.due_at == paged.clock.now() + timedelta(minutes=10)
    paged.clock.forward(minutes=5)  # nobody sent
    assert paged.sends() == [("page", "pager", "ann"), ("page", "phone", "ann")]
    assert paged.row().first_page_at
    assert paged.due_in() == 10


def test_an_acknowledgement_through_whatever_door_stops_it_and_drops_what_was_to_be_sent(
    paged: Paged,
):
    first, second = paged.fires("/", "/var")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ann"), first)
    assert paged.row().state == "waiting"  # the other one still fires
    claimed = claim_due(paged.store, START + timedelta(minutes=10))
    paged.does(Acknowledge(actor="Ann@example.org via bot"), second)
    assert (paged.row().state, paged.row().acknowledged_by) == ("acknowledged", "ann")
    assert [one.what for one in carry_out(paged.store, claimed)] == ["lost"]
    paged.clock.forward(minutes=30)
    assert (paged.sends(), paged.goes_on()) == ([], [])
    assert [one.state for one in paged.pages()] == ["sent", "dropped"]


def test_an_acknowledgement_that_runs_out_pages_its_owner_again_and_goes_on(paged: Paged):
    (alert,) = paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ben"))
    assert paged.due_in() == 60
    paged.clock.forward(minutes=59)
    paged.does(Comment(actor="cem", comment="still on it"))
    assert paged.due_in() == 60
    (one,) = paged.goes_on(60)
    assert (one.what, paged.sends()) == ("owner", [("again", "pager", "ben")])
    assert paged.shown() == [("open", 0)]
    timeline = paged.store.alerts.timeline(alert)
    assert (timeline[-1].kind, timeline[-1].comment) == ("unacknowledged", "by ben")
    assert paged.due_in() == 10
    assert [one.level for one in paged.goes_on(10)] == [2]


def test_what_is_muted_pauses_it_and_it_goes_on_with_what_was_left(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.clock.forward(minutes=1)
    paged.does(Suppress(actor="ann", until=START + timedelta(hours=1)))
    assert (paged.row().state, paged.due_in()) == ("paused", None)
    paged.clock.forward(minutes=20)
    assert paged.sends() == []
    paged.does(Unsuppress(actor="ann"))
    assert (paged.row().state, paged.due_in()) == ("waiting", 9)
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("page", "phone", "ann")]
    # By time alone: the decision on the group, which is due when the mute ends, notices it.
    paged.does(Suppress(actor="ann", until=paged.clock.now() + timedelta(minutes=5)))
    paged.tells()
    paged.clock.forward(minutes=5)
    paged.tells()
    assert (paged.row().state, paged.due_in()) == ("waiting", 8)


def test_a_step_that_finds_its_group_muted_waits(paged: Paged):
    paged.fires("/")
    with paged.store.write() as connection:  # as a mute does that nothing has noticed yet
        until = paged.clock.now() + timedelta(hours=1)
        connection.execute(ALERT.update().values(suppressed_until=until))
    assert [one.what for one in paged.goes_on()] == ["paused"]


def test_news_in_an_acknowledged_group_begins_anew_and_a_withdrawal_goes_on(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.goes_on(10)
    paged.clock.forward(minutes=4)
    paged.does(Acknowledge(actor="ben"))
    paged.clock.forward(minutes=4)
    paged.does(Unacknowledge(actor="ben"))
    assert (paged.row().level, paged.due_in()) == (2, 6)
    paged.does(Acknowledge(actor="ben"))
    paged.fires("/", "/var")
    assert (paged.row().level, paged.due_in()) == (0, 0)


def test_a_person_escalates_to_the_next_level_at_once(paged: Paged):
    paged.by("everybody")
    (alert,) = paged.fires("/")
    paged.goes_on()
    paged.does(Acknowledge(actor="ann"))
    paged.does(Acknowledge(actor="ben"))
    assert paged.row().state == "acknowledged"
    done = paged.does(Escalate(actor="ben", comment="too big for me"))
    assert (done.ok, str(done.reason)) == (True, "escalated_manually")
    assert paged.shown() == [("escalated", 2)]
    assert str(paged.does(Escalate(actor="ben")).reason) == "unchanged"
    assert [one.level for one in paged.goes_on()] == [2]
    assert ("page", "phone", "cem") in paged.sends()
    refused = paged.does(Escalate(actor="ben"))
    assert (refused.ok, "no further level" in refused.error) == (False, True)
    timeline = [(one.kind, one.actor) for one in paged.store.alerts.timeline(alert)]
    assert timeline.count(("escalated", "ben")) == 1


def test_everybody_who_was_paged_must_acknowledge_where_the_step_says_all(paged: Paged):
    paged.by("everybody")
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ann"))
    assert (paged.row().state, paged.shown()) == ("waiting", [("acknowledged", 0)])
    assert [one.what for one in paged.goes_on(5)] == ["paged"]  # ben has not
    assert paged.sends() == [("page", "phone", "cem")]
    paged.does(Acknowledge(actor="cem"))
    assert paged.row().state == "acknowledged"  # for the last step one is enough


def test_nobody_on_call_falls_through_to_the_next_step_at_once(paged: Paged):
    paged.by("empty")
    paged.fires("/")
    (one,) = paged.goes_on()
    assert (one.what, one.missing, paged.due_in()) == ("nobody", ("schedule nobody",), 0)
    assert unmanned(paged.store) == {("empty", "schedule nobody"): 1}
    assert [one.what for one in paged.goes_on()] == ["paged"]
    assert paged.sends() == [("page", "pager", "ben")]


def test_a_group_that_is_resolved_while_claimed_pages_nobody(paged: Paged):
    paged.fires("/")
    claimed = claim_due(paged.store, paged.clock.now())
    paged.does(Resolve(actor="ann"))
    assert [one.what for one in carry_out(paged.store, claimed)] == ["lost"]
    assert paged.sends() == []


def test_the_auditor_finds_what_does_not_go_on(paged: Paged):
    paged.fires("/")
    assert stuck(paged.store, paged.clock.now()) == []
    paged.clock.forward(minutes=3)
    assert [one.why for one in stuck(paged.store, paged.clock.now())] == ["overdue"]
    paged.goes_on()
    paged.clock.forward(minutes=3)
    assert {one.why for one in stuck(paged.store, paged.clock.now())} == {"unsent"}
    paged.sends()
    assert stuck(paged.store, paged.clock.now()) == []


def test_a_page_that_fails_is_tried_again_and_one_whose_sender_died_is_sent_once_more(
    paged: Paged,
):
    paged.fires("/")
    paged.goes_on()
    now = paged.clock.now()
    (page,) = pages_due(paged.store, now)
    assert page_attempted(paged.store, page.id, now)
    assert not page_attempted(paged.store, page.id, now)
    later = now + timedelta(seconds=61)
    assert [one.id for one in pages_due(paged.store, later)] == [page.id]
    assert page_attempted(paged.store, page.id, later)
    page_answered(
        paged.store, page.id, later, error="timed out", retry_at=later + timedelta(minutes=1)
    )
    assert pages_due(paged.store, later) == []
    assert len(pages_due(paged.store, later + timedelta(minutes=1))) == 2


def test_what_is_stuck_and_who_is_not_on_call_are_alerts_of_their_own(paged: Paged):
    watch = EscalationWatch(paged.store)

    def own() -> list[tuple[str, str, str]]:
        paged.clock.forward(seconds=15)
        watch.evaluate(paged.clock.now())
        found = paged.store.alerts.page(AlertFilter(category="system"), limit=100).items
        return [(one.rule, one.status, one.title) for one in found if one.rule != "disk"]

    def doctor(state: str) -> str:
        found = escalation_state(Settings(), paged.store)
        assert found.state == state
        return found.says

    paged.by("empty")
    paged.fires("/")
    assert (own(), doctor("ok")) == ([], "none is stuck")
    paged.clock.forward(minutes=3)
    ((rule, status, title),) = own()
    assert (rule, status) == ("sentinel-escalations", "open")
    assert doctor("wrong").startswith("1 do not go on")
    assert title.startswith("one escalation of the policy empty does not go on: a step has been")
    paged.goes_on()
    paged.goes_on()
    paged.sends()
    assert [(rule, title) for rule, status, title in own() if status == "open"] == [
        (
            "sentinel-on-call",
            "Nobody is on call for schedule nobody, which the escalation policy empty pages.",
        )
    ]
    assert doctor("warning") == "nobody was on call for schedule nobody"
    OnCallOverrides(paged.store).add(
        "nobody", START, START + timedelta(days=1), ["ben"], actor="ann"
    )
    paged.does(Resolve(actor="ann"), paged.ids()[0])
    paged.clock.forward(minutes=1)
    assert [one for one in own() if one[1] == "open"] == []


def test_who_is_erased_is_in_no_escalation_and_what_is_over_goes_with_its_group(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.goes_on(10)
    paged.does(Acknowledge(actor="ben"))
    assert {"escalation", "escalation_page"} <= export(paged.store, "ben", actor="eve").keys()
    without = DOCUMENT.replace("  ben: {notify: [{receiver: pager}]}\n", "")
    OnCallDocuments(paged.store).apply(without.replace("person:ben", "person:cem"), actor="eve")
    label = erase(paged.store, "ben", actor="eve")
    assert paged.row().acknowledged_by == label
    for table in ("escalation", "escalation_page"):
        assert "ben" not in str(paged.rows(f"SELECT * FROM {table}"))
    paged.does(Resolve(actor="ann"))
    paged.clock.forward(days=100)
    paged.store.retain(timedelta(days=90))
    assert paged.rows("SELECT * FROM escalation_page, escalation") == []


def test_why_says_who_was_paged_when_the_next_level_is_and_why_it_waits(paged: Paged):
    (alert,) = paged.fires("/")

    def said() -> list[str]:
        (group,) = alert_why(paged.store, alert).groups
        assert group.escalation is not None
        return [group.escalation.text, *(one.text for one in group.escalation.pages)]

    named = "Escalation policy default, level"
    assert said() == [f"{named} 0 of 3: the first level is paged at 2026-01-06 12:00:00 UTC."]
    paged.goes_on()
    paged.sends()
    assert said() == [
        f"{named} 1 of 3: the next level is paged at 2026-01-06 12:10:00 UTC.",
        "level 1, ann through pager (schedule primary): sent at 2026-01-06 12:00:00 UTC",
        "level 1, ann through phone (schedule primary): to be sent at 2026-01-06 12:02:00 UTC",
    ]
    paged.does(Suppress(actor="ann", until=START + timedelta(hours=1)))
    assert said()[0] == (
        f"{named} 1 of 3: paused since 2026-01-06 12:00:00 UTC, since all of the group is muted; "
        "0:10:00 are left."
    )
    paged.does(Unsuppress(actor="ann"))
    paged.does(Acknowledge(actor="ann"))
    assert said()[0] == (
        f"{named} 1 of 3: acknowledged by ann at 2026-01-06 12:00:00 UTC; it goes on at 2026-01-06 "
        "13:00:00 UTC unless somebody comments before."
    )
    assert said()[2].endswith("not sent, since nobody needed it any more")
    paged.does(Resolve(actor="ann"))
    assert said()[0] == f"{named} 1 of 3: over since 2026-01-06 12:00:00 UTC, resolved by a person."
