"""Pages go through the one delivery path: attempts first, breaker, fallback, link, and reasons."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import yaml

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.engine.paging import PageCount, escalate_due
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt
from sentinel.notifications.standby import Standby
from sentinel.oncall.wake_delays import DELAYS, delay_before
from sentinel.public_pages.actors import recorded
from sentinel.store import Store, StoreOptions
from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.overdue import due_since
from sentinel.store.escalations.sending import PageToSend, claim_pages, finish_page
from sentinel.store.escalations.waking import arm_next, wake_for_due
from sentinel.store.escalations.watching import stuck
from sentinel.store.notifications.acknowledge_links import AcknowledgeLinks
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.notifications.wakes import ESCALATE
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases
from tests.prefect_server import ROOT
from tests.waiting import eventually
from tests.world import World

MINUTE = timedelta(minutes=1)
DOCUMENT = """
people:
  ann: {timezone: Europe/Berlin, notify: [{receiver: ann}, {receiver: ann-sms, after: 5m}]}
  ben: {notify: [{receiver: ben}]}
schedules:
  primary:
    layers: [{rotation: {people: [ann], handoff: 2026-01-01T00:00, every: daily}}]
teams: {db: {people: [ann, ben], escalation: db}}
escalation_policies:
  db:
    steps: [{notify: schedule:primary}, {after: 10m, notify: person:ben}]
"""


class Paging(World):
    """A rule of a team with a policy, whose pages are sent to a recorder."""

    def __init__(self, store: Store, clock: FakeClock, **rule: Any) -> None:
        super().__init__(store, clock, team="db", receivers=[], severity="critical", **rule)
        for name in ("ann", "ann-sms", "ben"):
            store.receivers.set(name, [f"sentinel-webhook/{name}"])
        OnCallDocuments(store).apply(DOCUMENT, actor="ann")

    def pages(self) -> PageCount:
        return escalate_due(self.store, self.recorder.channel_of, by="test")

    def heard(self) -> list[tuple[str, str]]:
        """Send what is due; channel and reason in words of each message, then forget them."""
        self.pages()
        said = [(ref, one.reason_text) for ref, one in self.recorder.messages]
        self.recorder.messages.clear()
        return said

    def message(self) -> Message:
        self.pages()
        ((_, one),) = self.recorder.messages
        return one


@pytest.fixture
def paging(store: Store, clock: FakeClock) -> Paging:
    return Paging(store, clock)


@both_databases
def test_each_level_says_why_this_person_and_when_the_next_one_comes(paging: Paging):
    paging.sees({"/": 95})
    opened = paging.clock.now()
    assert paging.heard() == [
        (
            "sentinel-webhook/ann",
            "level 1 of the escalation policy db pages ann, for schedule primary; next level at "
            f"{opened + timedelta(minutes=10, hours=1):%H:%M:%S} CET unless acknowledged",
        )
    ]
    assert paging.rows("SELECT reason, state FROM delivery") == [("page", "sent")]
    paging.wait(minutes=5)
    ((ref, _),) = paging.heard()
    assert ref == "sentinel-webhook/ann-sms"
    paging.wait(minutes=5)
    assert paging.heard() == [
        (
            "sentinel-webhook/ben",
            "level 2 of the escalation policy db pages ben, for person ben; no further level "
            "follows",
        )
    ]
    assert paging.heard() == []
    # All who were paged hear of the end, once each.
    paging.sees({"/": 20})
    paging.pages()
    ended = sorted((ref, one.status, one.resolved) for ref, one in paging.recorder.messages)
    assert ended == [
        ("sentinel-webhook/ann", "resolved", 1),
        ("sentinel-webhook/ben", "resolved", 1),
    ]
    assert "paged you for is over" in paging.recorder.messages[0][1].reason_text


def test_an_acknowledgement_ends_it_also_while_a_page_is_tried_again(paging: Paging):
    paging.recorder.fails["sentinel-webhook/ann"] = DeliveryError("busy")
    paging.sees({"/": 95})
    claimed = claim_pages(paging.store, "one")
    assert claimed == []  # no step was carried out yet
    assert paging.pages() == PageCount(steps=1, sent=0, failed=1)
    paging.store.act(paging.ids(), Acknowledge(actor="ann"))
    paging.wait(minutes=30)
    assert paging.heard() == []
    assert {row[0] for row in paging.rows("SELECT state FROM escalation_page")} == {"dropped"}


def test_what_a_dead_sender_left_is_not_sent_once_somebody_has_acknowledged(paging: Paging):
    paging.sees({"/": 95})
    escalate_once(paging)
    assert claim_pages(paging.store, "one")
    paging.store.act(paging.ids(), Acknowledge(actor="ben"))
    paging.wait(seconds=61)
    assert due_since(paging.store, paging.clock.now()) == 0
    assert paging.heard() == []


def test_the_link_of_a_page_acknowledges_as_its_person_and_ends_the_escalation(
    store: Store, clock: FakeClock
):
    store.options = StoreOptions(public_url="https://sentinel.example.org")
    paging = Paging(store, clock)
    paging.sees({"/": 95})
    links = AcknowledgeLinks(store)
    link = links.find(paging.message().acknowledge_url.rpartition("/")[2])
    assert link is not None
    who = recorded(store, link, "link", "mine")
    links.acknowledge(link, who.actor, who.comment)
    assert paging.rows("SELECT state, acknowledged_by FROM escalation") == [("acknowledged", "ann")]
    paging.recorder.messages.clear()
    paging.wait(hours=1)
    assert paging.heard() == []


def test_the_answer_of_a_sender_that_lost_its_page_changes_nothing(paging: Paging):
    paging.sees({"/": 95})
    escalate_once(paging)
    (first,) = claim_pages(paging.store, "one")
    paging.wait(seconds=61)
    (second,) = claim_pages(paging.store, "two")
    late = Outcome(sent=first.sends[0], error="timed out")
    finish_page(paging.store, first, [late])
    assert paging.rows("SELECT state FROM escalation_page WHERE receiver = 'ann'") == [
        ("attempted",)
    ]
    finish_page(paging.store, second, [Outcome(sent=second.sends[0])])
    assert paging.rows("SELECT state FROM escalation_page WHERE receiver = 'ann'") == [("sent",)]


def test_a_page_that_fails_goes_to_what_stands_in_within_half_a_minute(
    store: Store, clock: FakeClock
):
    paging = Paging(store, clock, group_by=["mount"])
    store.receivers.set("fallback", ["sentinel-webhook/other"])
    paging.recorder.fails["sentinel-webhook/ann"] = DeliveryError("gone", permanent=True)
    paging.sees({"/": 95})
    assert paging.heard() == []
    paging.wait(seconds=15)
    assert [ref for ref, _ in paging.heard()] == ["sentinel-webhook/other"]
    # The next group does not wait for a channel that is known to refuse.
    paging.sees({"/": 95, "/var": 95})
    assert "sentinel-webhook/other" in [ref for ref, _ in paging.heard()]


@both_databases
def test_what_only_the_inbox_took_has_reached_nobody_and_is_tried_again(paging: Paging):
    ann, state = "sentinel-webhook/ann", "SELECT state FROM escalation_page WHERE receiver = 'ann'"
    paging.recorder.fails[ann] = DeliveryError("busy")
    paging.sees({"/": 95})
    assert paging.pages() == PageCount(steps=1, sent=0, failed=1)
    for _ in range(6):  # the breaker opens meanwhile
        paging.wait(seconds=30)
        assert paging.pages().sent == 0
        assert paging.rows(state) == [("pending",)]
    copies = paging.rows("SELECT state FROM delivery WHERE channel = 'inbox'")
    assert copies == [("sent",)]  # a copy, written once
    assert not stuck(paging.store, paging.clock.now())
    paging.recorder.fails.clear()
    paging.recorder.messages.clear()
    for _ in range(8):
        paging.wait(seconds=15)
        paging.pages()
    assert ann in [ref for ref, _ in paging.recorder.messages]
    assert paging.rows(state) == [("sent",)]


def test_what_waits_for_prefect_has_reached_nobody(paging: Paging):
    down = Standby(loaded=lambda ref: ref == "inbox", emergency=False)
    paging.sees({"/": 95})
    done = escalate_due(paging.store, paging.recorder.channel_of, by="relay", standby=down)
    assert (done.steps, done.sent) == (1, 0)
    assert [ref for ref, _ in paging.recorder.messages] == ["inbox"]
    paging.wait(seconds=15)
    assert [ref for ref, _ in paging.heard()][-1] == "sentinel-webhook/ann"


def test_what_a_sender_left_behind_is_sent_again_and_says_so(paging: Paging):
    paging.sees({"/": 95})
    escalate_once(paging)
    (mine,) = claim_pages(paging.store, "one")
    assert claim_pages(paging.store, "two") == []
    assert due_since(paging.store, paging.clock.now()) == 0
    paging.wait(seconds=61)  # its sender has died
    assert due_since(paging.store, paging.clock.now()) == 1
    ((_, said),) = paging.heard()
    assert said.endswith("; may repeat: an earlier attempt ended without an answer")
    states = paging.rows("SELECT state, unanswered FROM delivery ORDER BY id")
    assert [(state, bool(unanswered)) for state, unanswered in states] == [
        ("failed", True), ("sent", False)
    ]  # fmt: skip
    assert mine.sends[0].message.id == paging.rows("SELECT message_id FROM delivery")[0][0]


def test_a_vendor_that_keeps_an_incident_hears_of_the_acknowledgement_and_the_end(paging: Paging):
    paging.store.receivers.set("ann-sms", ["sentinel-pagerduty/ann", "sentinel-webhook/sms"])
    paging.sees({"/": 95})
    paging.pages()
    paging.wait(minutes=5)
    paging.pages()
    paging.recorder.messages.clear()
    paging.store.act(paging.ids(), Acknowledge(actor="ann"))
    assert paging.heard() == [
        ("sentinel-pagerduty/ann", "somebody acknowledged what the escalation policy db paged for")
    ]
    paging.sees({"/": 20})
    paging.pages()
    ended = {(ref, one.status) for ref, one in paging.recorder.messages}
    assert ended == {("sentinel-webhook/ann", "resolved"), ("sentinel-pagerduty/ann", "resolved")}
    keys = {one.dedup_key for _, one in paging.recorder.messages}
    assert len(keys) == 1


def escalate_once(paging: Paging) -> None:

    carry_out(paging.store, claim_due(paging.store, paging.clock.now()))


def test_a_notification_of_the_same_group_leaves_a_page_under_way_alone(
    store: Store, clock: FakeClock
):
    paging = Paging(store, clock, repeat_interval="1m")
    paging.rule = paging.rule.model_copy(update={"receivers": ["default"]})
    paging.sees({"/": 95})
    escalate_once(paging)
    claim_pages(store, "one")
    paging.tells()
    assert paging.rows("SELECT state FROM delivery WHERE reason = 'page'") == [("sending",)]


def test_a_wake_is_requested_while_something_is_due_and_armed_for_what_comes(paging: Paging):
    now = paging.clock.now
    assert not wake_for_due(paging.store, now())
    paging.sees({"/": 95})
    armed = "SELECT resource FROM outbox WHERE event = 'sentinel.escalation.armed' ORDER BY seq"
    assert "sentinel.escalation.armed.0" in str(paging.rows(armed)[0])
    assert due_since(paging.store, now()) == 1
    assert wake_for_due(paging.store, now())
    assert not wake_for_due(paging.store, now())  # the first is not served yet
    paging.pages()
    assert paging.store.wakes.serve(paging.store.wakes.requested(ESCALATE), ESCALATE)
    assert due_since(paging.store, now()) == 0
    assert not wake_for_due(paging.store, now())
    arm_next(paging.store)
    # In five minutes her telephone is next; a wake after five minutes stands for it.
    assert "sentinel.escalation.armed.300" in str(paging.rows(armed)[-1])


def test_each_delay_has_an_automation_and_no_step_is_woken_late():
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    (escalate,) = (one for one in entries if one["name"] == "escalate")
    now, *later = escalate["triggers"]
    assert now["match"]["prefect.resource.id"][0] == "sentinel.escalation.armed.0"
    assert [one["schedule_after"] for one in later] == list(DELAYS[1:])
    for one in later:
        after = one["schedule_after"]
        assert one["match"] == {"prefect.resource.id": f"sentinel.escalation.armed.{after}"}


def test_a_long_delay_is_slept_in_pieces_that_never_pass_the_moment(clock: FakeClock):
    for seconds in (0, 3, 10, 59, 61, 420, 5_000, 700_000):
        slept: list[int] = []
        at = clock.now()
        due = at + timedelta(seconds=seconds)
        while piece := delay_before(due, at):
            slept.append(piece)
            at += timedelta(seconds=piece)
        assert timedelta(0) <= due - at < timedelta(seconds=5), slept
        assert len(slept) <= 20


def test_a_storm_of_groups_is_a_few_pages_of_a_person_and_one_for_all_the_others(
    store: Store, clock: FakeClock
):
    paging = Paging(store, clock, group_by=["mount"])
    paging.sees({f"/{number}": 99.0 for number in range(60)})
    said = [text for _, text in paging.heard()]
    assert (len(said), sum("further" in text for text in said)) == (6, 1)
    (gathering,) = [text for text in said if "further" in text]
    assert gathering.endswith("; 54 further groups page ann, see the dashboard")
    firsts = paging.rows("SELECT count(*) AS n FROM escalation WHERE first_page_at IS NOT NULL")
    assert firsts[0].n == 60  # the clock of each has begun
    # What comes within the minute waits for its end; here one more group.
    clock.forward(seconds=10)
    store.apply(paging.evaluation({f"/{number}": 99.0 for number in range(61)}))
    assert paging.heard() == []
    clock.forward(seconds=51)
    assert [ref for ref, _ in paging.heard()] == ["sentinel-webhook/ann"]
    states = paging.rows("SELECT state, count(*) AS n FROM escalation_page GROUP BY state")
    assert {row.state: row.n for row in states} == {"sent": 7, "gathered": 54, "pending": 61}


@both_databases
def test_a_page_that_is_still_being_sent_is_not_sent_twice_when_the_clock_leaps(
    paging: Paging, monkeypatch: pytest.MonkeyPatch
):
    """As after a laptop slept, before the sender can renew its claim."""
    monkeypatch.setattr("sentinel.engine.paging._WAIT_SECONDS", 0.01)
    paging.sees({"/": 95})
    sending, ends = threading.Event(), threading.Event()
    usual = paging.recorder.channel_of

    class Slow:
        def send(self, message: Message) -> Receipt:
            sending.set()
            assert ends.wait(60)
            return usual("sentinel-webhook/ann").send(message)

    def channel_of(_ref: str) -> Slow:
        return Slow()

    monkeypatch.setattr(paging.recorder, "channel_of", channel_of)
    claims = list[int]()

    def counted(*args: Any, **more: Any) -> list[PageToSend]:
        found = claim_pages(*args, **more)
        claims.append(len(found))
        return found

    monkeypatch.setattr("sentinel.engine.paging.claim_pages", counted)
    sends = threading.Thread(target=paging.pages, daemon=True)
    sends.start()
    assert sending.wait(60)
    paging.clock.forward(minutes=2)
    looked = len(claims)
    eventually(lambda: len(claims) > looked + 1, "it looks for more to send")
    ends.set()
    sends.join(60)
    assert sum(claims) == 1
    assert len(paging.recorder.messages) == 1
