"""Commands: authorised, validated, carried out once; conflicts are reported, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard import (
    configuration_commands,
)
from dashboard.alert_commands import Answer
from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.identity import unconfined
from sentinel.access import Principal, Role
from sentinel.alerts.actions import Acknowledge, Assign, Resolve
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.audit.queries import page
from sentinel.store.notifications.outbox import Outbox
from tests.world import World

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")

UNCONFIRMED = Answer(id="", error="the database did not confirm it: the browser sends it again")


class Browser:
    """A browser: it knows the versions that it last showed."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.scene = World(store, clock)
        self.store = store
        data = Data(store, ADDRESSES, lambda: True)
        self.commands = Commands(data, Configuration(store, ADDRESSES))
        self.seen: dict[str, int] = {}
        self.count = 0

    def refreshes(self) -> list[str]:
        self.seen = {a.id: a.version for a in self.store.alerts.page(order="live").items}
        return sorted(self.seen)

    def asks(
        self, op: str, ids: list[str] | None = None, *, me: str = "maria", **more: Any
    ) -> Answer:
        self.count += 1
        items = [] if ids is None else [[one, self.seen[one]] for one in ids]
        command = {"id": f"c{self.count}", "op": op, "items": items, **more}
        answers = self.commands.run_all([command], lambda: unconfined("maria"))
        return answers[0] if answers else UNCONFIRMED


@pytest.fixture
def browser(store: Store, clock: FakeClock) -> Browser:
    browser = Browser(store, clock)
    browser.scene.sees({"/a": 95.0, "/b": 96.0, "/c": 97.0})
    browser.refreshes()
    return browser


def statuses(browser: Browser) -> list[str]:
    return [browser.store.alerts.get(one).status for one in sorted(browser.seen)]


def test_many_are_acknowledged_with_one_comment(browser: Browser):
    answer = browser.asks("acknowledge", browser.refreshes(), comment=" on it ")
    assert (answer.done, answer.conflicts, answer.undo) == (3, [], True)
    assert statuses(browser) == ["acknowledged"] * 3
    assert {browser.store.alerts.get(i).acknowledge_comment for i in browser.seen} == {"on it"}


class Failing:
    """A database that goes away when it has been asked to act so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.left = 0
        real = Within.act_once

        def act(*given: Any, **more: Any) -> Any:
            if self.left == 0:
                raise error
            self.left -= 1
            return real(*given, **more)

        monkeypatch.setattr(Within, "act_once", act)


DOWN = DatabaseUnreachable("the database does not answer")


def test_alerts_of_several_versions_are_acted_on_together_or_not_at_all(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    first, *others = browser.refreshes()
    browser.store.act([first], Assign(actor="lena", assignee="lena"))
    browser.refreshes()
    outbox = Outbox.add

    def goes_away(*given: Any) -> None:  # after all alerts were written
        outbox(*given)
        raise DOWN

    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "add", goes_away)
        assert browser.asks("acknowledge", [first, *others]) is UNCONFIRMED
    assert statuses(browser) == ["open"] * 3
    answer = browser.asks("acknowledge", [first, *others])
    assert (answer.done, answer.refused, answer.undo) == (3, [], True)


def test_an_undo_that_the_database_did_not_take_can_be_asked_for_again(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    (wanted, *_) = browser.refreshes()
    browser.asks("acknowledge", [wanted])
    database = Failing(monkeypatch, DOWN)
    assert browser.asks("undo", of="c1") is UNCONFIRMED
    database.left = 1
    assert browser.asks("undo", of="c1").done == 1
    assert browser.store.alerts.get(wanted).status == "open"


def test_a_command_that_broke_is_not_waited_for_for_ever(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    (wanted, *_) = browser.refreshes()
    database = Failing(monkeypatch, RuntimeError("a bug"))
    command = {"id": "same", "op": "acknowledge", "items": [[wanted, 1]]}
    with pytest.raises(RuntimeError, match="a bug"):
        browser.commands.run_all([command], lambda: unconfined("maria"))
    database.left = 1
    (answer,) = browser.commands.run_all([command], lambda: unconfined("maria"))
    assert answer.done == 1


def test_a_command_that_comes_twice_is_done_once(browser: Browser):
    one = browser.refreshes()[0]
    command = {"id": "same", "op": "comment", "items": [[one, 1]], "comment": "hello"}
    first = browser.commands.run_all([command], lambda: unconfined("maria"))
    assert browser.commands.run_all([command, command], lambda: unconfined("maria")) == first * 2
    assert [e.comment for e in browser.store.alerts.timeline(one)].count("hello") == 1


def test_what_somebody_else_changed_is_left_alone_and_said(browser: Browser):
    mine, theirs, _ = browser.refreshes()
    browser.store.act([theirs], Acknowledge(actor="lena"))
    answer = browser.asks("resolve", [mine, theirs])
    assert answer.done == 1
    assert [(one.id, one.why) for one in answer.conflicts] == [(theirs, "acknowledged by lena")]
    assert browser.store.alerts.get(theirs).status == "acknowledged"


def test_a_comment_has_no_conflicts(browser: Browser):
    one = browser.refreshes()[0]
    browser.store.act([one], Acknowledge(actor="lena"))
    assert browser.asks("comment", [one], comment="me too").done == 1


@pytest.mark.parametrize(
    ("op", "more"),
    [("acknowledge", {}), ("suppress", {"minutes": 60}), ("assign", {"assignee": "omar"})],
)
def test_it_is_undone(browser: Browser, op: str, more: dict[str, Any]):
    browser.store.act(browser.refreshes()[:1], Assign(actor="lena", assignee="lena"))
    before = {i: browser.store.alerts.get(i) for i in browser.refreshes()}
    answer = browser.asks(op, browser.refreshes(), **more)
    assert answer.done == 3
    assert browser.asks("undo", of=answer.id).done == 3
    for alert_id, was in before.items():
        now = browser.store.alerts.get(alert_id)
        assert (now.status, now.assignee) == (was.status, was.assignee)


def test_an_end_of_suppression_is_undone_with_its_time_and_reason(browser: Browser):
    one = browser.refreshes()[:1]
    browser.asks("suppress", one, minutes=60, comment="maintenance")
    was = browser.store.alerts.get(one[0])
    browser.seen[one[0]] = was.version
    answer = browser.asks("unsuppress", one)
    assert browser.store.alerts.get(one[0]).status == "open"
    browser.asks("undo", of=answer.id)
    now = browser.store.alerts.get(one[0])
    assert (now.suppressed_until, now.suppress_reason) == (was.suppressed_until, "maintenance")


def test_an_undo_leaves_alone_what_was_worked_on_since(browser: Browser):
    one = browser.refreshes()[:1]
    answer = browser.asks("acknowledge", one)
    browser.store.act(one, Resolve(actor="lena"))
    undone = browser.asks("undo", of=answer.id)
    assert (undone.done, len(undone.conflicts)) == (0, 1)
    assert browser.store.alerts.get(one[0]).resolved_by == "lena"


def test_a_comment_says_that_it_cannot_be_undone(browser: Browser):
    assert browser.asks("comment", browser.refreshes(), comment="x").undo is False
    assert "nothing left to undo" in browser.asks("undo", of="c1").error


def test_a_resolve_is_undone_to_what_each_was(browser: Browser):
    mine, *_ = browser.refreshes()
    browser.store.act([mine], Acknowledge(actor="lena", comment="on it"))
    answer = browser.asks("resolve", browser.refreshes(), comment="replaced")
    assert (answer.done, answer.undo) == (3, True)
    assert statuses(browser) == ["resolved"] * 3
    assert browser.asks("undo", of=answer.id).done == 3
    assert statuses(browser) == ["acknowledged", "open", "open"]
    assert browser.store.alerts.get(mine).acknowledged_by == "lena"
    assert browser.store.alerts.timeline(mine)[-1].reason == "reopened_manually"


def test_a_resolved_alert_is_reopened_and_that_is_undone_too(browser: Browser):
    one = browser.refreshes()[:1]
    browser.asks("resolve", one)
    browser.seen[one[0]] = browser.store.alerts.get(one[0]).version
    answer = browser.asks("reopen", one, comment="not over")
    assert (answer.done, answer.undo) == (1, True)
    assert browser.store.alerts.get(one[0]).status == "open"
    browser.asks("undo", of=answer.id)
    assert browser.store.alerts.get(one[0]).status == "resolved"


def test_an_undone_resolve_of_what_has_opened_anew_says_so(browser: Browser):
    one = browser.refreshes()[:1]
    answer = browser.asks("resolve", one)
    browser.scene.clock.forward(hours=1)
    browser.scene.sees({"/a": 95.0})
    undone = browser.asks("undo", of=answer.id)
    assert undone.done == 0
    assert "has opened again already" in undone.refused[0].why


def test_who_resolves_an_alert_that_still_fires_is_offered_a_snooze(browser: Browser):
    browser.scene.sees({"/a": 20.0, "/b": 96.0})  # /c has no reading this time
    b, c = browser.refreshes()
    assert browser.asks("resolve", [c]).offer == ""
    answer = browser.asks("resolve", [b])
    assert answer.offer == (
        "It still fired at the last evaluation, and reopens in 5m if it still does."
    )
    assert browser.asks("suppress", of=answer.id, minutes=60, comment="known").done == 1
    assert browser.store.alerts.get(b).suppressed_until is not None
    browser.scene.clock.forward(minutes=6)
    browser.scene.sees({"/b": 96.0})
    assert browser.store.alerts.get(b).status == "suppressed"


def test_of_many_the_offer_says_how_many_still_fire(browser: Browser):
    browser.scene.sees({"/a": 95.0, "/b": 96.0})
    answer = browser.asks("resolve", browser.refreshes())
    assert answer.offer.startswith("2 of them still fired at the last evaluation")
    snoozed = browser.asks("suppress", of=answer.id, minutes=60)
    assert (snoozed.done, snoozed.undo) == (2, True)
    assert browser.asks("undo", of=snoozed.id).done == 2
    assert "no alert left to snooze" in browser.asks("suppress", of="c99", minutes=60).error


def test_all_that_match_are_acted_on_and_no_others(browser: Browser):
    answer = browser.asks("acknowledge", all={"q": "mount:/b"})
    assert answer.done == 1
    assert sorted(statuses(browser)) == ["acknowledged", "open", "open"]


def test_all_that_match_are_undone_to_what_each_was(browser: Browser):
    mine, *_ = browser.refreshes()
    browser.store.act([mine], Acknowledge(actor="lena", comment="on it"))
    answer = browser.asks("resolve", all={"q": "mount"})
    assert (answer.done, answer.undo) == (3, True)
    assert browser.asks("undo", of=answer.id).done == 3
    assert statuses(browser) == ["acknowledged", "open", "open"]
    assert browser.store.alerts.get(mine).acknowledge_comment == "on it"


def test_where_more_match_than_are_done_at_once_that_is_said(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dashboard.alert_commands.MOST_ACTED_ON", 2)
    first = browser.asks("acknowledge", all={"q": "status:open"})
    assert (first.done, first.more) == (2, True)
    second = browser.asks("acknowledge", all={"q": "status:open"})
    assert (second.done, second.more) == (1, False)


def test_a_word_that_means_nothing_does_nothing(browser: Browser):
    assert "severity 'worst'" in browser.asks("resolve", all={"q": "severity:worst"}).error
    assert "at most 12 terms" in browser.asks("resolve", all={"q": "b " * 13}).error
    assert "is not closed" in browser.asks("resolve", all={"q": "(b"}).error
    assert statuses(browser) == ["open"] * 3


@pytest.mark.parametrize(
    "strange",
    ["text", None, [{}], [{"id": "", "op": "resolve"}], [{"id": 5, "op": "resolve"}], [["x"]]],
)
def test_what_is_no_command_is_not_carried_out(browser: Browser, strange: object):
    assert browser.commands.run_all(strange, lambda: unconfined("maria")) == []
    assert statuses(browser) == ["open"] * 3


@pytest.mark.parametrize(
    "strange",
    [{"op": "delete"}, {"op": "suppress", "minutes": -5}, {"op": "assign", "assignee": "x" * 101}],
)
def test_what_a_browser_would_send_again_for_ever_is_refused_with_why(
    browser: Browser, strange: dict[str, Any]
):
    (answer,) = browser.commands.run_all([{"id": "x", **strange}], lambda: unconfined("maria"))
    assert (answer.id, answer.done) == ("x", 0)
    assert answer.error
    assert statuses(browser) == ["open"] * 3


def test_an_alert_that_is_gone_is_said(browser: Browser):
    browser.seen["f" * 32] = 1
    answer = browser.asks("acknowledge", ["f" * 32])
    assert answer.done == 0
    assert answer.conflicts[0].why == "there is no such alert"


def test_commands_of_somebody_who_may_not_act_are_refused_one_by_one(browser: Browser):
    (wanted, *_) = browser.refreshes()

    def nobody() -> Principal:
        raise ConfigurationError("you are no longer signed in here")

    items = [[wanted, browser.seen[wanted]]]
    given = [{"id": name, "op": "resolve", "items": items} for name in ("one", "two")]
    answers = browser.commands.run_all(given, nobody)
    assert [(one.id, one.error) for one in answers] == [
        ("one", "you are no longer signed in here"),
        ("two", "you are no longer signed in here"),
    ]
    assert statuses(browser) == ["open"] * 3
    # They were not carried out, so the same commands are taken once their sender may act.
    assert browser.commands.run_all(given[:1], lambda: unconfined("maria"))[0].done == 1


def test_a_form_is_checked_as_what_a_browser_sends_is(browser: Browser, store: Store):
    """Its fields have limits, whatever the page lets people type."""
    browser.scene.sees({"/a": 95.0})
    (rule,) = store.rules.list()
    command = configuration_commands.SwitchRule(
        name=rule.name, tenant=rule.tenant, on=False, reason="x" * 2001
    )
    with pytest.raises(ConfigurationError, match=r"2000.*reason"):
        browser.commands.run_form(command, lambda: unconfined("maria"))
    assert store.rules.get(rule.name).enabled


def test_a_form_of_somebody_who_may_not_act_changes_nothing(browser: Browser, store: Store):
    def nobody() -> Principal:
        raise ConfigurationError("you are no longer signed in here")

    command = configuration_commands.SetReceiver(name="night", channels=["inbox"])
    with pytest.raises(ConfigurationError, match="no longer signed in"):
        browser.commands.run_form(command, nobody)
    assert "night" not in store.receivers.all()
    browser.commands.run_form(command, lambda: unconfined("maria"))
    assert store.receivers.all()["night"] == ["inbox"]


def test_a_form_of_a_viewer_changes_nothing(browser: Browser, store: Store):
    command = configuration_commands.SetReceiver(name="night", channels=["inbox"])
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    with pytest.raises(ConfigurationError, match="vera may not edit: the role is viewer"):
        browser.commands.run_form(command, lambda: viewer)
    assert "night" not in store.receivers.all()


def test_the_audit_trail_has_how_whoever_acts_was_recognized(browser: Browser, store: Store):
    command = configuration_commands.SetReceiver(name="night", channels=["inbox"])
    eva = Principal(name="eva", kind="person", role=Role.EDITOR)
    browser.commands.run_form(command, lambda: eva)
    (row,) = [one for one in page(store).items if one.action == "receiver.set"]
    assert (row.door, row.kind) == ("dashboard", "person")
