"""What an evaluation comes to: often enough, not too many, and what seeing nothing means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel import Reading, Rule
from sentinel.alerts.inputs import Bad, Good, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms
from sentinel.checks.observation import Observation
from sentinel.errors import ReadingError
from sentinel.evaluation.alert_text import error_reading
from sentinel.evaluation.evaluator import EvaluationResult, Memory, evaluate
from sentinel.evaluation.model import Evaluation
from sentinel.rules.m_of_n import Often, bad_often, remembered

T0 = datetime(2026, 3, 1, tzinfo=UTC)


class Watch:
    """One rule, its live alerts and its memory, driven as the store drives them."""

    def __init__(self, **rule: Any) -> None:
        base = {"name": "disk", "every": "60s", "when": {"above": 90}}
        self.rule = Rule.model_validate({**base, **rule})
        self.live: dict[str, AlertState] = {}
        self.memory = Memory()
        self.at = T0

    def sees(
        self, seen: Mapping[str, float] | None = None, error: Exception | None = None
    ) -> EvaluationResult:
        self.at += timedelta(seconds=60)
        readings = [Reading(labels={"mount": m}, value=v) for m, v in (seen or {}).items()]
        observation = Observation(readings=readings, complete=error is None, error=error)
        evaluation = Evaluation(
            rule=self.rule, trigger="t", slot=self.at, at=self.at, observation=observation
        )
        result = evaluate(evaluation, self.live, self.memory)
        self.memory = result.memory
        for print_, one in result.verdicts.items():
            become = step(self.live.get(print_), None, one.verdict, self.at, Terms(), print_)
            self.live.pop(print_, None)
            if become.state is not None and become.state.status is not Status.RESOLVED:
                self.live[print_] = become.state
        for print_ in result.ended:
            del self.live[print_]
        return result


def bad(result: EvaluationResult) -> list[str]:
    """What the verdicts call bad, by mount or by what it says of the rule."""
    found: list[str] = []
    for one in result.verdicts.values():
        if isinstance(one.verdict, Bad) and one.reading is not None:
            found.append(one.reading.labels.get("mount") or str(one.reading.summary))
    return sorted(found)


def test_three_of_the_last_five():
    watch = Watch(often={"times": 3, "of_last": 5})
    seen = [95, 95, 20, 95, 20, 20, 20]
    says = [bool(bad(watch.sees({"/": value})) or watch.live) for value in seen]
    assert says == [False, False, False, True, True, False, False]


def test_an_evaluation_that_did_not_see_it_neither_counts_nor_pushes_out():
    watch = Watch(often={"times": 2, "of_last": 2})
    assert bad(watch.sees({"/": 95})) == []
    assert bad(watch.sees({})) == []
    assert bad(watch.sees({"/": 95})) == ["/"]


def test_of_a_healthy_series_nothing_is_kept():
    watch = Watch(often={"times": 2, "of_last": 3})
    watch.sees({"/": 95, "/a": 20})
    assert len(watch.memory.often) == 1
    for _ in range(3):
        watch.sees({"/": 20, "/a": 20})
    assert watch.memory.often == {}


HISTORY = st.lists(st.booleans(), max_size=40)


@given(seen=HISTORY, times=st.integers(1, 6), more=st.integers(0, 6))
def test_what_is_remembered_is_the_window(seen: list[bool], times: int, more: int):
    often = Often(times=times, of_last=times + more)
    history, is_open = "", False
    for place, one in enumerate(seen, start=1):
        history = remembered(history, one, often)
        window = seen[max(0, place - often.of_last) : place]
        assert history.count("1") == sum(window)
        assert len(history) <= often.of_last
        says = bad_often(history, one, is_open, often)
        if says is True and not is_open:
            assert one
            assert sum(window) >= times
        if is_open and says is False:
            assert not one
            assert sum(window) < times
        if not is_open and one and sum(window) >= times:
            assert says is True
        is_open = is_open if says is None else says


def test_no_more_alerts_than_allowed_and_one_for_the_rest():
    watch = Watch(max_alerts=2)
    assert bad(watch.sees({"/a": 95, "/b": 99, "/c": 97, "/d": 91})) == [
        "/b", "/c", "disk: 2 more are bad than the 2 that have alerts",
    ]  # fmt: skip
    # Those that have an alert keep it, whatever is worse now.
    assert bad(watch.sees({"/a": 100, "/b": 91, "/c": 91})) == [
        "/b", "/c", "disk: 1 more are bad than the 2 that have alerts",
    ]  # fmt: skip
    result = watch.sees({"/a": 100, "/b": 20, "/c": 91})
    assert bad(result) == ["/a", "/c"]
    assert sum(isinstance(one.verdict, Good) for one in result.verdicts.values()) == 2
    assert len(watch.live) == 2


@given(values=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(80, 100)),
       most=st.integers(1, 5))  # fmt: skip
def test_none_is_dropped_silently(values: dict[str, int], most: int):
    watch = Watch(max_alerts=most)
    result = watch.sees(dict(values))
    expected = sum(value > 90 for value in values.values())
    bad_ones = [one for one in result.verdicts.values() if isinstance(one.verdict, Bad)]
    more = sum((one.reading.details or {}).get("more", 0) for one in bad_ones if one.reading)
    own = sum(1 for one in bad_ones if one.fingerprint in result.own)
    assert len(bad_ones) - own + more == expected
    assert len(bad_ones) - own <= most
    assert len(result.judged) == len(values)


def test_seeing_nothing_keeps_the_state_unless_the_rule_says_otherwise():
    watch = Watch()
    watch.sees({"/": 95})
    for _ in range(10):
        watch.sees({})
    assert len(watch.live) == 1


def test_seeing_nothing_may_be_an_alert_of_its_own_that_ends_with_the_next_reading():
    watch = Watch(no_data={"then": "own", "after": 2, "severity": "low"})
    assert bad(watch.sees({})) == []
    result = watch.sees({})
    assert bad(result) == ["disk sees nothing: no readings in 2 evaluations in a row"]
    assert [one.word for one in watch.live.values()] == ["low"]
    watch.sees({"/": 20})
    assert watch.live == {}


def test_or_one_as_bad_as_the_rule():
    watch = Watch(no_data={"then": "alert", "after": 1}, severity="critical")
    watch.sees({})
    assert [one.word for one in watch.live.values()] == ["critical"]


def test_a_check_that_fails_has_not_seen_that_there_is_nothing():
    watch = Watch(no_data={"then": "own", "after": 2})
    watch.sees({})
    watch.sees(error=OSError("no route"))
    assert watch.memory.empty == 1
    assert watch.live == {}
    watch.sees({})
    assert len(watch.live) == 1


def test_what_is_gone_closes_as_no_data_where_the_rule_says_ok():
    watch = Watch(no_data={"then": "ok", "after": 2})
    watch.sees({"/": 95, "/usb": 95})
    assert watch.sees({"/": 95}).ended == ()
    result = watch.sees({"/": 95})
    assert len(result.ended) == 1
    assert len(watch.live) == 1


def test_keep_firing_for_counts_from_the_first_good_reading_and_a_recurrence_restarts_it():
    terms = Terms(keep_firing=timedelta(minutes=5))

    def at(minute: float) -> datetime:
        return T0 + timedelta(minutes=minute)

    def given_bad(minute: float) -> Bad:
        return Bad(at=at(minute), severity=3, word="medium")

    alert = step(None, None, given_bad(0), at(0), terms, "a").state
    kept = step(alert, None, Good(at=at(4)), at(4), terms)
    assert (kept.reason, kept.visible) == (Reason.KEPT_FIRING, False)
    again = step(kept.state, None, given_bad(4.5), at(4.5), terms)
    assert again.reason is Reason.STILL_FIRING
    still = step(again.state, None, Good(at=at(6)), at(6), terms)
    assert still.reason is Reason.KEPT_FIRING
    still = step(still.state, None, Good(at=at(10.9)), at(10.9), terms)
    assert still.reason is Reason.KEPT_FIRING
    over = step(still.state, None, Good(at=at(11)), at(11), terms)
    assert over.reason is Reason.RECOVERED
    pending = Terms(keep_firing=timedelta(minutes=5), hold=timedelta(minutes=1))
    waits = step(None, None, given_bad(0), at(0), pending, "b").state
    assert step(waits, None, Good(at=at(0.5)), at(0.5), pending).reason is (
        Reason.CLEARED_BEFORE_OPEN
    )


def test_an_expression_judges_with_labels_and_details():
    watch = Watch(when={"expression": "value > 90 and labels.mount != '/tmp'"})
    assert bad(watch.sees({"/": 95, "/tmp": 99, "/a": 20})) == ["/"]


def test_an_expression_that_cannot_be_worked_out_is_an_error_of_the_check():
    watch = Watch(when={"expression": "labels.mount > 3"})
    with pytest.raises(ReadingError, match=r"a text cannot be compared with a number.*column 16"):
        watch.sees({"/": 95})


def test_the_title_of_a_check_that_cannot_be_worked_out_is_one_line():
    watch = Watch(when={"expression": "labels.mount > 3"})
    with pytest.raises(ReadingError) as caught:
        watch.sees({"/": 95})
    reading = error_reading(watch.rule, caught.value)
    assert "at column 16 labels.mount > 3" in (reading.summary or "")
    assert "\n" in (reading.details or {})["error"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"when": {"expression": "valeu > 3"}}, "Did you mean value"),
        (
            {"when": {"expression": "value > 3", "clear": 2}},
            "clear: cannot be used with expression",
        ),
        ({"often": {"times": 4, "of_last": 3}}, "must be at most of_last"),
        (
            {"often": {"times": 2, "of_last": 3}, "consecutive": 2},
            "cannot be used with consecutive",
        ),
        ({"active_hours": {"holidays": "ATLANTIS"}}, "no country"),
        ({"max_alerts": 0}, "greater than or equal to 1"),
        ({"no_data": {"then": "panic"}}, "'keep', 'ok', 'alert'"),
    ],
)
def test_invalid_settings_of_a_rule_are_refused(given: dict[str, Any], says: str):
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({"name": "r", **given})
    assert says in str(caught.value)
