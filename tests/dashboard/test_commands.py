"""The desk: every command once, conflicts said, and a way back."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.commands import Answer, Desk
from dashboard.data import Data
from sentinel.alerts.actions import Acknowledge, Assign, Resolve
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.links import Addresses
from sentinel.store import Store
from tests.store.desk import Desk as Scene

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


class Told:
    """A browser's side: it knows the versions that it last saw."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.scene = Scene(store, clock)
        self.store = store
        self.desk = Desk(Data(store, ADDRESSES, lambda: True))
        self.seen: dict[str, int] = {}
        self.count = 0

    def looks(self) -> list[str]:
        self.seen = {a.id: a.version for a in self.store.alerts.page(order="live").items}
        return sorted(self.seen)

    def asks(
        self, op: str, ids: list[str] | None = None, *, me: str = "maria", **more: Any
    ) -> Answer:
        self.count += 1
        items = [] if ids is None else [[one, self.seen[one]] for one in ids]
        command = {"id": f"c{self.count}", "op": op, "items": items, **more}
        (answer,) = self.desk.carry_out([command], "maria")
        return answer


@pytest.fixture
def told(store: Store, clock: FakeClock) -> Told:
    told = Told(store, clock)
    told.scene.sees({"/a": 95.0, "/b": 96.0, "/c": 97.0})
    told.looks()
    return told


def statuses(told: Told) -> list[str]:
    return [told.store.alerts.get(one).status for one in sorted(told.seen)]


def test_many_are_acknowledged_with_one_comment(told: Told):
    answer = told.asks("acknowledge", told.looks(), comment=" on it ")
    assert (answer.done, answer.conflicts, answer.undo) == (3, [], True)
    assert statuses(told) == ["acknowledged"] * 3
    assert {told.store.alerts.get(i).acknowledge_comment for i in told.seen} == {"on it"}


class Failing:
    """A database that goes away when it has been asked to act so many times."""

    def __init__(self, told: Told, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.left = 0
        real = told.desk._data.act  # pyright: ignore[reportPrivateUsage] - to fail in its middle

        def act(*given: Any, **more: Any) -> Any:
            if self.left == 0:
                raise error
            self.left -= 1
            return real(*given, **more)

        monkeypatch.setattr(Data, "act", staticmethod(act))


DOWN = DatabaseUnreachable("the database does not answer")


def test_what_was_done_before_the_database_went_is_said_to_be_done(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    """Alerts of two versions are two transactions."""
    first, *others = told.looks()
    told.store.act([first], Assign(actor="lena", assignee="lena"))
    told.looks()
    database = Failing(told, monkeypatch, DOWN)
    database.left = 1
    answer = told.asks("acknowledge", [first, *others])
    assert (answer.done, answer.error, answer.undo) == (1, "", True)
    assert {(one.id, one.why) for one in answer.refused} == {(o, str(DOWN)) for o in others}
    assert statuses(told).count("acknowledged") == 1


def test_an_undo_that_the_database_did_not_take_can_be_asked_for_again(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    (wanted, *_) = told.looks()
    told.asks("acknowledge", [wanted])
    database = Failing(told, monkeypatch, DOWN)
    assert told.asks("undo", of="c1").error == str(DOWN)
    database.left = 1
    assert told.asks("undo", of="c1").done == 1
    assert told.store.alerts.get(wanted).status == "open"


def test_a_command_that_broke_is_not_waited_for_for_ever(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    (wanted, *_) = told.looks()
    database = Failing(told, monkeypatch, RuntimeError("a bug"))
    command = {"id": "same", "op": "acknowledge", "items": [[wanted, 1]]}
    with pytest.raises(RuntimeError, match="a bug"):
        told.desk.carry_out([command], "maria")
    database.left = 1
    (answer,) = told.desk.carry_out([command], "maria")
    assert answer.done == 1


def test_a_command_that_comes_twice_is_done_once(told: Told):
    one = told.looks()[0]
    command = {"id": "same", "op": "comment", "items": [[one, 1]], "comment": "hello"}
    first = told.desk.carry_out([command], "maria")
    assert told.desk.carry_out([command, command], "maria") == first * 2
    assert [e.comment for e in told.store.alerts.timeline(one)].count("hello") == 1


def test_what_somebody_else_changed_is_left_alone_and_said(told: Told):
    mine, theirs, _ = told.looks()
    told.store.act([theirs], Acknowledge(actor="lena"))
    answer = told.asks("resolve", [mine, theirs])
    assert answer.done == 1
    assert [(one.id, one.why) for one in answer.conflicts] == [(theirs, "acknowledged by lena")]
    assert told.store.alerts.get(theirs).status == "acknowledged"


def test_a_comment_has_no_conflicts(told: Told):
    one = told.looks()[0]
    told.store.act([one], Acknowledge(actor="lena"))
    assert told.asks("comment", [one], comment="me too").done == 1


@pytest.mark.parametrize(
    ("op", "more"),
    [("acknowledge", {}), ("suppress", {"minutes": 60}), ("assign", {"assignee": "omar"})],
)
def test_it_is_undone(told: Told, op: str, more: dict[str, Any]):
    told.store.act(told.looks()[:1], Assign(actor="lena", assignee="lena"))
    before = {i: told.store.alerts.get(i) for i in told.looks()}
    answer = told.asks(op, told.looks(), **more)
    assert answer.done == 3
    assert told.asks("undo", of=answer.id).done == 3
    for alert_id, was in before.items():
        now = told.store.alerts.get(alert_id)
        assert (now.status, now.assignee) == (was.status, was.assignee)


def test_an_end_of_suppression_is_undone_with_its_time_and_reason(told: Told):
    one = told.looks()[:1]
    told.asks("suppress", one, minutes=60, comment="maintenance")
    was = told.store.alerts.get(one[0])
    told.seen[one[0]] = was.version
    answer = told.asks("unsuppress", one)
    assert told.store.alerts.get(one[0]).status == "open"
    told.asks("undo", of=answer.id)
    now = told.store.alerts.get(one[0])
    assert (now.suppressed_until, now.suppress_reason) == (was.suppressed_until, "maintenance")


def test_an_undo_leaves_alone_what_was_worked_on_since(told: Told):
    one = told.looks()[:1]
    answer = told.asks("acknowledge", one)
    told.store.act(one, Resolve(actor="lena"))
    undone = told.asks("undo", of=answer.id)
    assert (undone.done, len(undone.conflicts)) == (0, 1)
    assert told.store.alerts.get(one[0]).resolved_by == "lena"


def test_a_comment_says_that_it_cannot_be_undone(told: Told):
    assert told.asks("comment", told.looks(), comment="x").undo is False
    assert "nothing to take back" in told.asks("undo", of="c1").error


def test_a_resolve_is_undone_to_what_each_was(told: Told):
    mine, *_ = told.looks()
    told.store.act([mine], Acknowledge(actor="lena", comment="on it"))
    answer = told.asks("resolve", told.looks(), comment="replaced")
    assert (answer.done, answer.undo) == (3, True)
    assert statuses(told) == ["resolved"] * 3
    assert told.asks("undo", of=answer.id).done == 3
    assert statuses(told) == ["acknowledged", "open", "open"]
    assert told.store.alerts.get(mine).acknowledged_by == "lena"
    assert told.store.alerts.timeline(mine)[-1].reason == "reopened_manually"


def test_what_is_over_is_reopened_and_that_is_undone_too(told: Told):
    one = told.looks()[:1]
    told.asks("resolve", one)
    told.seen[one[0]] = told.store.alerts.get(one[0]).version
    answer = told.asks("reopen", one, comment="not over")
    assert (answer.done, answer.undo) == (1, True)
    assert told.store.alerts.get(one[0]).status == "open"
    told.asks("undo", of=answer.id)
    assert told.store.alerts.get(one[0]).status == "resolved"


def test_an_undone_resolve_of_what_has_opened_anew_says_so(told: Told):
    one = told.looks()[:1]
    answer = told.asks("resolve", one)
    told.scene.clock.forward(hours=1)
    told.scene.sees({"/a": 95.0})
    undone = told.asks("undo", of=answer.id)
    assert undone.done == 0
    assert "has opened again already" in undone.refused[0].why


def test_who_resolves_what_is_still_bad_is_told_and_offered_a_snooze(told: Told):
    told.scene.sees({"/a": 20.0, "/b": 96.0})  # /c was not looked at this time
    b, c = told.looks()
    assert told.asks("resolve", [c]).offer == ""
    answer = told.asks("resolve", [b])
    assert answer.offer == (
        "It was still bad at the last look, and opens again in 5m if it stays so."
    )
    assert told.asks("suppress", of=answer.id, minutes=60, comment="known").done == 1
    assert told.store.alerts.get(b).suppressed_until is not None
    told.scene.clock.forward(minutes=6)
    told.scene.sees({"/b": 96.0})
    assert told.store.alerts.get(b).status == "suppressed"


def test_of_many_the_offer_says_how_many_are_still_bad(told: Told):
    told.scene.sees({"/a": 95.0, "/b": 96.0})
    answer = told.asks("resolve", told.looks())
    assert answer.offer.startswith("2 of them were still bad at the last look")
    snoozed = told.asks("suppress", of=answer.id, minutes=60)
    assert (snoozed.done, snoozed.undo) == (2, True)
    assert told.asks("undo", of=snoozed.id).done == 2
    assert "nothing to snooze" in told.asks("suppress", of="c99", minutes=60).error


def test_all_that_match_are_acted_on_and_no_others(told: Told):
    answer = told.asks("acknowledge", all={"q": "mount:/b"})
    assert answer.done == 1
    assert sorted(statuses(told)) == ["acknowledged", "open", "open"]


def test_all_that_match_are_taken_back_to_what_each_was(told: Told):
    mine, *_ = told.looks()
    told.store.act([mine], Acknowledge(actor="lena", comment="on it"))
    answer = told.asks("resolve", all={"q": "mount"})
    assert (answer.done, answer.undo) == (3, True)
    assert told.asks("undo", of=answer.id).done == 3
    assert statuses(told) == ["acknowledged", "open", "open"]
    assert told.store.alerts.get(mine).acknowledge_comment == "on it"


def test_where_more_match_than_are_done_at_once_that_is_said(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dashboard.commands.MOST_ACTED_ON", 2)
    first = told.asks("acknowledge", all={"q": "status:open"})
    assert (first.done, first.more) == (2, True)
    second = told.asks("acknowledge", all={"q": "status:open"})
    assert (second.done, second.more) == (1, False)


def test_a_word_that_means_nothing_does_nothing(told: Told):
    assert "severity 'worst'" in told.asks("resolve", all={"q": "severity:worst"}).error
    assert statuses(told) == ["open"] * 3


@pytest.mark.parametrize(
    "strange",
    ["text", None, [{}], [{"id": "", "op": "resolve"}], [{"id": 5, "op": "resolve"}], [["x"]]],
)
def test_what_is_no_command_is_not_carried_out(told: Told, strange: object):
    assert told.desk.carry_out(strange, "maria") == []
    assert statuses(told) == ["open"] * 3


@pytest.mark.parametrize(
    "strange",
    [{"op": "delete"}, {"op": "suppress", "minutes": -5}, {"op": "assign", "assignee": "x" * 101}],
)
def test_what_a_browser_would_send_again_for_ever_is_refused_with_why(
    told: Told, strange: dict[str, Any]
):
    (answer,) = told.desk.carry_out([{"id": "x", **strange}], "maria")
    assert (answer.id, answer.done) == ("x", 0)
    assert answer.error
    assert statuses(told) == ["open"] * 3


def test_an_alert_that_is_gone_is_said(told: Told):
    told.seen["f" * 32] = 1
    answer = told.asks("acknowledge", ["f" * 32])
    assert answer.done == 0
    assert answer.conflicts[0].why == "there is no such alert"
