"""Pages of steps whose people must all acknowledge."""

from __future__ import annotations

import pytest

from sentinel.alerts.actions import Acknowledge, Comment
from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import all_acknowledged
from sentinel.public_pages.actors import people_asked, recorded
from sentinel.public_pages.html import link_page
from sentinel.store import Store, StoreOptions
from sentinel.store.escalations.overdue import due_since
from sentinel.store.escalations.sending import claim_pages, finish_page
from sentinel.store.notifications.acknowledge_links import AcknowledgeLinks, Link
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases
from tests.engine.test_paging import DOCUMENT, Paging, escalate_once

EVERYBODY = DOCUMENT.replace(
    "{notify: schedule:primary}", "{notify: [person:ann, person:ben], acknowledge: all}"
)


@pytest.fixture
def paging(store: Store, clock: FakeClock) -> Paging:
    return Paging(store, clock)


def test_where_all_must_acknowledge_the_others_are_still_called_and_answer_by_their_link(
    store: Store, clock: FakeClock
):
    store.options = StoreOptions(public_url="https://sentinel.example.org")
    paging = Paging(store, clock)
    OnCallDocuments(store).apply(EVERYBODY, actor="ann")
    paging.sees({"/": 95})
    store.act(paging.ids(), Comment(actor="ann", comment="on it"))
    escalate_once(paging)
    store.act(paging.ids(), Acknowledge(actor="ann"))
    message = paging.message()  # ben alone is paged
    assert (message.receiver, message.alerts[0].status) == ("ben", "acknowledged")
    assert not all_acknowledged(message)  # by which a telephone would stay silent
    links = AcknowledgeLinks(store)
    link = links.find(message.acknowledge_url.rpartition("/")[2])
    assert link is not None
    assert len(link.open) == 1
    who = recorded(store, link, "link", "mine")
    (done,) = links.acknowledge(link, who.actor, who.comment)
    assert str(done.reason) == "acknowledged_too"
    assert paging.rows("SELECT state FROM escalation") == [("acknowledged",)]
    link = links.find(message.acknowledge_url.rpartition("/")[2])
    assert link is not None
    assert not link.open


SHARED = EVERYBODY.replace("receiver: ben}", "receiver: ann}")


@both_databases
def test_where_all_must_acknowledge_the_link_of_a_shared_receiver_asks_who_acts(
    store: Store, clock: FakeClock
):
    store.options = StoreOptions(public_url="https://sentinel.example.org")
    paging = Paging(store, clock)
    OnCallDocuments(store).apply(SHARED, actor="ann")
    paging.sees({"/": 95})
    paging.pages()
    links = AcknowledgeLinks(store)
    tokens = [one.acknowledge_url.rpartition("/")[2] for _, one in paging.recorder.messages]
    found = [link for link in map(links.find, tokens) if link is not None]
    mine, others = sorted(found, key=lambda one: one.person)
    assert (mine.person, others.person, mine.receiver, others.receiver) == (
        "ann", "ben", "ann", "ann"
    )  # fmt: skip
    assert (people_asked(store, mine), people_asked(store, others)) == (
        ["ann", "ben"], ["ben", "ann"]
    )  # fmt: skip
    shown = link_page(others, "", people_asked(store, others))
    assert '<option value="ben" selected>' in shown
    assert "Each of these people must acknowledge." in shown
    assert "Who are you?" not in link_page(others)
    # Nobody is named: it counts for none of them. Who is not asked for cannot be named.
    for said in ("", "eve"):
        who = recorded(store, mine, "link", "hm", said)
        assert who == ("link of receiver ann", "hm")
    links.acknowledge(mine, "link of receiver ann")
    assert paging.rows("SELECT state FROM escalation") == [("waiting",)]
    assert people_asked(store, found_again(links, tokens[0])) != ()
    who = recorded(store, mine, "link", "hm", "ben")
    assert who == ("ben", "hm (by link of receiver ann, as the page was told)")
    links.acknowledge(found_again(links, tokens[0]), who.actor, who.comment)
    assert people_asked(store, found_again(links, tokens[0])) == ["ann"]
    # A telephone cannot ask: it counts for whom the call paged.
    who = recorded(store, mine, "phone call", "key 4")
    assert who == ("ann", "key 4 (by phone call of receiver ann, as the call paged)")
    assert recorded(store, others, "phone call", "key 4").actor == "phone call of receiver ann"
    links.acknowledge(found_again(links, tokens[0]), who.actor)
    assert paging.rows("SELECT state FROM escalation") == [("acknowledged",)]
    assert people_asked(store, found_again(links, tokens[0])) == ()


def found_again(links: AcknowledgeLinks, token: str) -> Link:
    link = links.find(token)
    assert link is not None
    return link


def test_where_all_must_acknowledge_nobody_is_called_again_who_has(paging: Paging):
    OnCallDocuments(paging.store).apply(EVERYBODY, actor="ann")
    paging.recorder.fails["sentinel-webhook/ann"] = DeliveryError("busy")
    paging.sees({"/": 95})
    escalate_once(paging)
    mine, others = claim_pages(paging.store, "one")
    paging.store.act(paging.ids(), Acknowledge(actor="ann"))  # while both are being sent
    failed = [Outcome(sent=mine.sends[0], error="busy")]
    finish_page(paging.store, mine, failed)
    finish_page(paging.store, others, [Outcome(sent=others.sends[0], error="busy")])
    states = "SELECT receiver, state FROM escalation_page WHERE receiver <> 'ann-sms' ORDER BY 1"
    assert paging.rows(states) == [("ann", "dropped"), ("ben", "pending")]


def test_where_all_must_acknowledge_what_a_dead_sender_left_of_one_who_has_is_dropped(
    paging: Paging,
):
    OnCallDocuments(paging.store).apply(EVERYBODY, actor="ann")
    paging.sees({"/": 95})
    escalate_once(paging)
    claim_pages(paging.store, "one")
    paging.store.act(paging.ids(), Acknowledge(actor="ann"))
    paging.wait(seconds=61)
    assert [ref for ref, _ in paging.heard()] == ["sentinel-webhook/ben"]
    assert due_since(paging.store, paging.clock.now()) == 0


def test_an_acknowledgement_rings_no_telephone_and_is_one_message_of_a_service(paging: Paging):
    OnCallDocuments(paging.store).apply(EVERYBODY, actor="ann")
    refs = ["sentinel-pagerduty/ann", "sentinel-slack-app/ann", "sentinel-twilio-sms/ann"]
    paging.store.receivers.set("ann", refs)
    paging.store.receivers.set("ben", ["sentinel-twilio-voice/ben"])
    paging.sees({"/": 95, "/var": 95, "/home": 95})
    paging.pages()
    paging.recorder.messages.clear()
    paging.store.act(paging.ids(), Acknowledge(actor="ann"))
    paging.store.act(paging.ids(), Acknowledge(actor="ben"))
    assert [ref for ref, _ in paging.heard()] == ["sentinel-pagerduty/ann"]
    paging.sees({"/": 20, "/var": 20, "/home": 20})
    paging.pages()
    ended = [one.receiver for one in paging.rows("SELECT receiver FROM escalation_page "
        "WHERE kind = 'resolved' ORDER BY receiver")]  # fmt: skip
    assert ended == ["ann", "ben"]
