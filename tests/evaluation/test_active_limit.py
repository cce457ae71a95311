"""What does not find room under the limit of active alerts is counted, and never a critical one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinel import Reading, Rule
from sentinel.alerts.inputs import Bad, Good
from sentinel.alerts.lifecycle import step
from sentinel.alerts.state import AlertState, Terms
from sentinel.checks.observation import Observation
from sentinel.evaluation.active_limit import fold, folded_print, held_to_limit
from sentinel.evaluation.evaluator import EvaluationResult, Memory, evaluate
from sentinel.evaluation.model import Evaluation

T0 = datetime(2026, 3, 1, tzinfo=UTC)
RULE = Rule.model_validate({"name": "disk", "every": "60s"})
SEVERITIES = ("critical", "high", "medium", "low", "info")


def evaluated(
    seen: Mapping[str, str | None], live: Mapping[str, AlertState], *, room: int,
    partial: bool = False, rule: Rule = RULE, until: datetime | None = None,
) -> tuple[EvaluationResult, EvaluationResult]:  # fmt: skip
    """The result of an evaluation and what of it may open; None as a severity is a good series."""
    readings = [
        Reading(
            labels={"mount": mount}, firing=word is not None, severity=word, started=T0, until=until
        )
        for mount, word in seen.items()
    ]
    evaluation = Evaluation(
        rule=rule, trigger="t", slot=T0, at=T0, partial=partial,
        observation=Observation(readings=readings),
    )  # fmt: skip
    result = evaluate(evaluation, live, Memory())
    held = held_to_limit(result, live)
    allowed = fold(rule, result, held, live, room=room, limit=100, partial=partial, at=T0)
    return result, allowed


def firing(result: EvaluationResult, which: Sequence[str] = ()) -> dict[str, AlertState]:
    """The alerts that the verdicts open, by fingerprint."""
    found: dict[str, AlertState] = {}
    for print_, one in result.verdicts.items():
        state = step(None, None, one.verdict, T0, Terms(), print_).state
        named = one.reading is not None and one.reading.labels.get("mount") in which
        if state is not None and (named or not which):
            found[print_] = state
    return found


SEEN = st.dictionaries(
    st.text("abcd", min_size=1, max_size=3), st.sampled_from((*SEVERITIES, None)), max_size=12
)


@given(seen=SEEN, known=st.integers(0, 5), room=st.integers(-3, 8), partial=st.booleans())
def test_critical_and_known_ones_go_on_and_the_rest_is_counted_exactly(
    seen: dict[str, str | None], known: int, room: int, partial: bool
):
    first, _ = evaluated(seen, {}, room=100)
    live = dict(list(firing(first).items())[:known])
    result, allowed = evaluated(seen, live, room=room, partial=partial)
    gone = result.verdicts.keys() - allowed.verdicts.keys()
    new = held_to_limit(result, live)
    assert len(gone) == max(0, len(new) - max(0, room))
    assert gone.isdisjoint(live)
    for print_ in gone:
        verdict = result.verdicts[print_].verdict
        assert isinstance(verdict, Bad)
        assert verdict.word != "critical"
    # What opens is at least as bad as what does not.
    opened = [one.verdict.severity for one in new if one.fingerprint not in gone
              and isinstance(one.verdict, Bad)]  # fmt: skip
    left = [one.verdict.severity for one in new if one.fingerprint in gone
            and isinstance(one.verdict, Bad)]  # fmt: skip
    assert not left or not opened or min(opened) >= max(left)
    counting = allowed.verdicts.get(folded_print(RULE))
    if not gone:
        assert counting is None
        return
    assert counting is not None
    assert counting.reading is not None
    assert (counting.reading.details or {})["more"] == len(gone)
    assert isinstance(counting.verdict, Bad)
    assert counting.verdict.severity == max(left)


def test_the_alert_that_counts_ends_with_the_first_evaluation_that_finds_room_for_all():
    seen = {"/a": "high", "/b": "low"}
    _, allowed = evaluated(seen, {}, room=1)
    live = firing(allowed)
    assert folded_print(RULE) in live
    _, still = evaluated(seen, live, room=0)
    assert isinstance(still.verdicts[folded_print(RULE)].verdict, Bad)
    _, over = evaluated(seen, live, room=1)
    assert isinstance(over.verdicts[folded_print(RULE)].verdict, Good)
    assert len(firing(over)) == 2


def test_a_message_about_other_series_does_not_end_it_while_there_is_no_room():
    _, allowed = evaluated({"/a": "high"}, {}, room=0, partial=True)
    live = firing(allowed)
    _, without = evaluated({"/b": None}, live, room=0, partial=True)
    assert folded_print(RULE) not in without.verdicts
    _, with_room = evaluated({"/b": None}, live, room=5, partial=True)
    assert isinstance(with_room.verdicts[folded_print(RULE)].verdict, Good)


def test_messages_are_counted_by_occurrences_and_evaluations_by_what_is_bad_now():
    seen = {"/a": "high", "/b": "low", "/c": "low"}
    for partial, value, times in ((False, 3.0, None), (True, None, 3)):
        _, allowed = evaluated(seen, {}, room=0, partial=partial)
        counting = allowed.verdicts[folded_print(RULE)]
        assert counting.reading is not None
        assert isinstance(counting.verdict, Bad)
        assert (counting.reading.value, counting.verdict.occurrences) == (value, times)
        assert "100 active alerts, its limit" in str(counting.reading.summary)


def test_it_keeps_the_severity_of_what_an_earlier_message_named():
    _, allowed = evaluated({"/a": "high"}, {}, room=0, partial=True)
    _, later = evaluated({"/b": "low"}, firing(allowed), room=0, partial=True)
    verdict = later.verdicts[folded_print(RULE)].verdict
    assert isinstance(verdict, Bad)
    assert verdict.word == "high"


def test_it_ends_when_all_would_have_that_messages_named_and_else_by_hand():
    lasting = Rule.model_validate({"name": "disk", "every": "60s", "resolve_after": "5m"})
    hour, minutes = T0 + timedelta(hours=1), T0 + timedelta(minutes=5)
    for rule, until, end in ((RULE, None, None), (RULE, hour, hour), (lasting, None, minutes)):
        _, allowed = evaluated({"/a": "low"}, {}, room=0, partial=True, rule=rule, until=until)
        verdict = allowed.verdicts[folded_print(rule)].verdict
        assert isinstance(verdict, Bad)
        assert verdict.until == end
