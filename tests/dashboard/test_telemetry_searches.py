"""Searches beside the pages: begun once, waited for briefly, bounded, and tried again."""

from __future__ import annotations

from threading import Event

import pytest

from dashboard import telemetry_panel
from dashboard.telemetry_panel import Search, refresh
from dashboard.telemetry_searches import KEPT_FOR, MOST_RUNNING, VALID_FOR, Searches
from sentinel.errors import TelemetryUnavailable


class Clock:
    """Seconds that a test gives."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_search_that_takes_long_is_found_later_and_runs_once():
    searches, go, ran = Searches(Clock()), Event(), list[int]()

    def slow() -> str:
        ran.append(1)
        assert go.wait(20)
        return "found"

    begun = searches.begin("key", slow)
    assert searches.outcome(begun, 0).is_pending
    assert searches.begin("key", slow) is begun
    go.set()
    assert begun.result(20) == "found"
    assert searches.outcome(begun, 0).value == "found"
    assert ran == [1]


def test_a_failure_is_shown_and_tried_again_later():
    clock, ran = Clock(), list[int]()
    searches = Searches(clock)

    def fails() -> str:
        ran.append(1)
        raise TelemetryUnavailable("it is away")

    for tries in (1, 1, 2):
        begun = searches.begin("key", fails)
        begun.exception(20)
        problem = searches.outcome(begun, 0).problem
        assert (problem and problem.message, len(ran)) == ("it is away", tries)
        clock.now += VALID_FOR * 0.6


def test_what_was_found_is_searched_anew_after_a_while():
    clock, ran = Clock(), list[int]()
    searches = Searches(clock)
    for tries in (1, 1, 2):
        searches.begin("key", lambda: ran.append(1) or len(ran)).result(20)
        assert len(ran) == tries
        clock.now += KEPT_FOR * 0.6


def test_no_more_than_some_run_at_once():
    searches, go = Searches(Clock()), Event()
    begun = [searches.begin(number, lambda: go.wait(20)) for number in range(MOST_RUNNING)]
    refused = searches.outcome(searches.begin("one more", lambda: True), 0)
    assert refused.problem is not None
    assert "run already" in refused.problem.message
    go.set()
    for one in begun:
        one.result(20)
    assert searches.begin("one more", lambda: True).result(20) is True


def test_what_is_no_error_for_people_is_raised():
    searches = Searches(Clock())

    def breaks() -> str:
        raise ZeroDivisionError

    begun = searches.begin("key", breaks)
    begun.exception(20)
    with pytest.raises(ZeroDivisionError):
        searches.outcome(begun, 0)


def test_refresh_searches_anew_also_where_both_ends_of_the_range_were_given(
    monkeypatch: pytest.MonkeyPatch,
):
    shared, ran = Searches(Clock()), list[int]()
    monkeypatch.setattr(telemetry_panel.st, "session_state", dict[str, object]())
    monkeypatch.setattr(telemetry_panel, "searches", lambda: shared)

    def shown() -> int:
        """Show the page once more, for the same question."""
        search = Search("acme")
        search.begin("found", "since 10:00 until 11:00", lambda: ran.append(1))
        for one in search.pending:
            one.result(20)
        return len(ran)

    assert (shown(), shown()) == (1, 1)
    refresh()
    assert (shown(), shown()) == (2, 2)


def test_what_only_fills_a_list_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    shared, go = Searches(Clock()), Event()
    monkeypatch.setattr(telemetry_panel.st, "session_state", dict[str, object]())
    monkeypatch.setattr(telemetry_panel, "searches", lambda: shared)
    search = Search("acme")
    search.begin("names", "key", lambda: go.wait(20))
    assert search.ready("names") is None
    (running,) = search.pending  # the page is shown again when it is done
    go.set()
    running.result(20)
    assert search.ready("names") is True
