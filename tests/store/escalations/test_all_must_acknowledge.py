"""A step whose people must all acknowledge waits for each of them."""

from __future__ import annotations

import pytest

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.escalations.running import running
from sentinel.store.oncall.documents import OnCallDocuments
from tests.store.escalations.paged import DOCUMENT, Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


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


def test_each_acknowledgement_that_is_waited_for_is_in_the_timeline_and_the_audit_trail(
    paged: Paged,
):
    paged.by("everybody")
    (alert,) = paged.fires("/")
    paged.goes_on()
    assert str(paged.does(Acknowledge(actor="ann")).reason) == "acknowledged"
    assert str(paged.does(Acknowledge(actor="ann")).reason) == "unchanged"  # not twice
    paged.clock.forward(minutes=2)
    groups = paged.rows("SELECT * FROM alert_group")
    second = paged.does(Acknowledge(actor="Ben via bot", comment="me too"))
    assert paged.rows("SELECT * FROM alert_group") == groups  # it was acknowledged before
    assert (second.ok, str(second.reason)) == (True, "acknowledged_too")
    (running_one,) = running(paged.store, paged.clock.now())
    assert running_one.state == "acknowledged"
    assert str(paged.does(Acknowledge(actor="cem")).reason) == "unchanged"  # nobody waits for it
    told = [one for one in paged.store.alerts.timeline(alert) if one.kind == "acknowledged"]
    assert [(one.actor, one.comment) for one in told] == [("ann", ""), ("Ben via bot", "me too")]
    assert told[1].at == paged.clock.now()
    shown = paged.store.alerts.get(alert)
    assert (shown.acknowledged_by, shown.status) == ("ann", "acknowledged")
    audited = paged.rows("SELECT actor, note FROM audit WHERE action = 'alert.acknowledge'")
    assert [one.note for one in audited] == ["", "me too"]
    assert len({one.actor for one in audited}) == 2


def test_where_all_must_acknowledge_nobody_waits_for_a_person_who_left(paged: Paged):
    paged.by("everybody")
    paged.fires("/")
    paged.goes_on()
    left = DOCUMENT.replace("  ben: {notify: [{receiver: pager}]}\n", "")
    OnCallDocuments(paged.store).apply(left.replace("person:ben", "person:ann"), actor="ann")
    paged.does(Acknowledge(actor="ann"))
    assert paged.row().state == "acknowledged"


def test_where_all_must_acknowledge_nobody_waits_for_a_person_of_an_earlier_round(paged: Paged):
    rota = DOCUMENT.replace(
        "- notify: schedule:primary", "- {notify: schedule:primary, acknowledge: all}"
    )
    OnCallDocuments(paged.store).apply(rota, actor="ann")
    paged.fires("/")
    paged.goes_on()
    paged.does(Acknowledge(actor="ann"))
    assert (paged.row().state, paged.row().round_at) == ("acknowledged", None)
    handed = rota.replace(
        "people: [ann], handoff: 2026-01-01", "people: [ben], handoff: 2026-01-01"
    )
    OnCallDocuments(paged.store).apply(handed, actor="ann")
    paged.clock.forward(minutes=3)
    paged.fires("/", "/var")  # begins it anew, and ben is on call now
    assert [one.what for one in paged.goes_on()] == ["paged"]
    paged.does(Acknowledge(actor="ben"), *paged.ids())
    assert paged.row().state == "acknowledged"
