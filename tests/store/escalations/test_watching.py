"""What is said of escalations: what is stuck, who is not on call, why, and what is erased."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

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
from sentinel.store.escalations.pages import page_answered, page_attempted
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.escalations.watching import stuck
from sentinel.store.escalations.why import alert_why
from sentinel.store.oncall.documents import VERSION, OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.databases import both_databases
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
    assert title.startswith("1 escalation of the policy empty does not go on: a step has been")
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


@both_databases
def test_a_page_that_reaches_nobody_is_stuck_with_those_that_it_stands_for(paged: Paged):
    def found() -> list[tuple[str, str]]:
        return sorted((one.policy, one.why) for one in stuck(paged.store, paged.clock.now()))

    paged.by("once")
    paged.fires("/")
    paged.goes_on()
    (first,) = [one.id for one in paged.pages() if one.receiver == "pager"]
    paged.rule = paged.rule.model_copy(update={"name": "other", "team": "default"})
    paged.fires("/")
    paged.goes_on()
    with paged.store.write() as connection:
        behind = PAGE.update().where(PAGE.c.id != first, PAGE.c.receiver == "pager")
        connection.execute(behind.values(state="gathered", gathered_in=first))
        others = PAGE.update().where(PAGE.c.receiver != "pager")
        connection.execute(others.values(state="sent"))
    for minute in range(6):
        assert found() == ([] if minute < 5 else [("default", "unreached"), ("once", "unreached")])
        now = paged.clock.now()
        assert page_attempted(paged.store, first, now)
        later = now + timedelta(minutes=1)
        page_answered(paged.store, first, now, error="only the inbox has it", retry_at=later)
        with paged.store.write() as connection:  # sent by itself otherwise
            connection.execute(
                ESCALATION.update().where(ESCALATION.c.due_at.is_not(None)).values(due_at=later)
            )
        paged.clock.forward(minutes=1)
    now = paged.clock.now()
    assert page_attempted(paged.store, first, now)
    page_answered(paged.store, first, now)
    assert found() == []


@both_databases
def test_who_is_erased_may_have_any_letters_in_their_name(paged: Paged):
    """In JSON a letter may be escaped, and after the first name is erased all of them are."""
    names = ('J\u00f6rg "J" \u03a9', "Zo\u00eb\\\u0142")
    people = "".join(f"  {json.dumps(name)}: {{notify: [{{receiver: pager}}]}}\n" for name in names)
    document = DOCUMENT.replace("people:\n", f"people:\n{people}")
    paged_too = "".join(
        f"      - {{after: 1h, notify: {json.dumps([f'person:{one}'])}}}\n" for one in names
    )
    document = document.replace("  everybody:\n    steps", f"{paged_too}  everybody:\n    steps")
    OnCallDocuments(paged.store).apply(document, actor="eve")
    paged.fires("/")
    paged.goes_on()
    for name in names:
        paged.does(Acknowledge(actor=name))
    OnCallDocuments(paged.store).apply(DOCUMENT, actor="eve")
    for name in names:
        label = erase(paged.store, name, actor="eve")
        row = ESCALATION.select().order_by(ESCALATION.c.id.desc())
        with paged.store.read() as connection:
            found = connection.execute(row).first()
            kept = connection.execute(select(VERSION.c.document)).scalars().all()
        assert found is not None
        said = json.dumps([found.snapshot, list(found.acknowledgements)], ensure_ascii=False)
        assert json.dumps(name, ensure_ascii=False)[1:-1] not in said
        assert label in said
        assert [one for one in kept if one] == [DOCUMENT, DOCUMENT]


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
