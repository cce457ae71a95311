"""What is said of escalations: what is stuck, who is not on call, why, and what is erased."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import (
    Acknowledge,
    Resolve,
    Suppress,
    Unsuppress,
)
from sentinel.clock import FakeClock
from sentinel.engine.component_health import escalation_state
from sentinel.engine.escalation_watch import EscalationWatch
from sentinel.store import Store
from sentinel.store.alerts.queries import AlertFilter
from sentinel.store.audit.people import erase, export
from sentinel.store.escalations.watching import stuck
from sentinel.store.escalations.why import alert_why
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.store.escalations.paged import DOCUMENT, START, Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


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


def test_what_is_stuck_and_who_is_not_on_call_are_alerts_of_their_own(paged: Paged):
    watch = EscalationWatch(paged.store)

    def own() -> list[tuple[str, str, str]]:
        paged.clock.forward(seconds=15)
        watch.evaluate(paged.clock.now())
        found = paged.store.alerts.page(AlertFilter(category="system"), limit=100).items
        return [(one.rule, one.status, one.title) for one in found if one.rule != "disk"]

    def doctor(state: str) -> str:
        found = escalation_state(paged.store)
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
    following: list[list[str]] = []

    def said() -> list[str]:
        (group,) = alert_why(paged.store, alert).groups
        assert group.escalation is not None
        following.append(group.escalation.following)
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
        "the next level follows 10m after that ends."
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
    first = ["level 1, ann through pager (schedule primary)",
             "level 1, ann through phone (schedule primary)"]  # fmt: skip
    assert following == [first, *([["level 2, ben through pager (person ben)"]] * 4), []]
    confined = alert_why(paged.store, alert, Scope((Reach(frozenset({"default"})),)))
    (group,) = confined.groups
    assert group.escalation is not None
    assert (confined.on_call, group.escalation.following) == (None, [])
