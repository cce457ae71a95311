"""What another version stored and this one cannot read holds up no alert and no page."""

from __future__ import annotations

import pytest

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.escalations.running import running
from sentinel.store.escalations.sending import claim_pages
from sentinel.store.escalations.why import alert_why
from sentinel.store.oncall.documents import VERSION
from tests.store.escalations.paged import Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


def unreadable(paged: Paged) -> None:
    with paged.store.write() as connection:
        newer = VERSION.update().values(document="people: {ann: {newer: 1}}", digest="newer")
        connection.execute(newer)


def failures(paged: Paged) -> list[str]:
    query = "SELECT message FROM system_log WHERE what = 'escalation.failed' ORDER BY id"
    return [row.message for row in paged.rows(query)]


def test_a_document_that_cannot_be_read_holds_up_no_alert_and_no_page(paged: Paged):
    paged.rule = paged.rule.model_copy(update={"group_by": ["mount"]})
    paged.fires("/")
    paged.goes_on()
    unreadable(paged)
    paged.clock.forward(minutes=1)
    paged.fires("/", "/var")
    assert len(paged.ids()) == 2
    (said,) = failures(paged)
    assert "without an escalation: ConfigurationError: people.ann" in said
    assert len(claim_pages(paged.store, "test")) == 1
    assert paged.does(Acknowledge(actor="ann")).ok
    assert paged.row().state == "acknowledged"


def test_a_step_that_needs_a_document_that_cannot_be_read_fails_in_the_open(paged: Paged):
    paged.fires("/")
    unreadable(paged)
    assert [one.what for one in paged.goes_on()] == ["failed"]
    assert "could not be carried out: ConfigurationError" in failures(paged)[0]


def test_what_is_known_is_shown_although_the_document_cannot_be_read(paged: Paged):
    (alert,) = paged.fires("/")
    paged.goes_on()
    before = alert_why(paged.store, alert)
    assert before.on_call is not None
    unreadable(paged)
    found = alert_why(paged.store, alert)
    (was,), (group,) = before.groups, found.groups
    assert found.on_call is None
    assert was.escalation is not None
    assert was.escalation.following
    assert group.escalation == was.escalation.model_copy(update={"following": []})
    (one,) = running(paged.store, paged.clock.now())
    assert (one.level, one.following) == (1, None)
