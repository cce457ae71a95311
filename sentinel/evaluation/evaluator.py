"""Evaluate a rule: what it says of time and number, applied to what a check saw. Pure.

Live evaluation and backtests call `evaluate`; there is no second evaluator. Whether one reading is
bad is decided in `sentinel.evaluation.judge`. Here that becomes the input of the alert lifecycle: a
series is bad only once it was bad often enough, alerts stay below the rule's maximum, and a check
that sees nothing may be an alert itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sentinel.alerts.inputs import Bad, Good, Status
from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.evaluation.judge import CHECK, Judged, judge_all
from sentinel.evaluation.model import Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.m_of_n import bad_often, remembered
from sentinel.rules.no_data import gone, is_due
from sentinel.rules.rule import Rule
from sentinel.severity import severity_of

__all__ = [
    "FOLDED", "MORE", "NOTHING", "EvaluationResult", "Memory", "evaluate", "order_of", "remembers",
]  # fmt: skip

NOTHING: Mapping[str, str] = {CHECK: "no data"}
"""Labels of the alert that a check sees nothing."""
MORE: Mapping[str, str] = {CHECK: "more"}
"""Labels of the alert that stands for all beyond the most a rule may raise."""
FOLDED: Mapping[str, str] = {CHECK: "over the limit"}
"""Labels of the alert that counts what did not open while the instance had too many alerts."""
_EXAMPLES = 20
_NEVER = datetime.min.replace(tzinfo=UTC)
_LATELY = AlertState(
    id="", status=Status.PENDING, severity=1, word="info", first_bad_at=_NEVER,
    last_bad_at=_NEVER, seen_at=_NEVER,
)  # fmt: skip
"""Stands for a series that has no alert and was bad lately."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule remembers from one evaluation to the next.

    Attributes:
        often: `sentinel.rules.m_of_n.remembered` of each series that was bad lately, by fingerprint
        empty: evaluations in a row that worked and saw nothing
    """

    often: Mapping[str, str] = {}
    empty: int = 0


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation gives to the alert lifecycle.

    Attributes:
        judged: every series seen, as `judge_all` gives them
        verdicts: by fingerprint; a series that is neither here nor in `ended` keeps its state
        ended: fingerprints whose alerts close as "no data"
        own: fingerprints of alerts about the rule itself, which do not wait for `for`
        memory: for the next evaluation
    """

    judged: Mapping[str, Judged]
    verdicts: Mapping[str, Judged]
    ended: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    memory: Memory = Memory()


def remembers(rule: Rule) -> bool:
    """Return whether anything must be kept between the rule's evaluations."""
    return rule.often is not None or rule.no_data is not None


def evaluate(
    evaluation: Evaluation,
    live: Mapping[str, AlertState],
    memory: Memory,
    held: Iterable[str] = (),
) -> EvaluationResult:
    """Turn what one evaluation saw into the verdicts that the alert lifecycle is given.

    Args:
        evaluation: what was seen, and the rule
        live: the rule's alerts that are not resolved, by fingerprint
        memory: what the last evaluation left
        held: fingerprints of series that a person resolved, whose good readings count as well

    Returns:
        A verdict for each series that has one, and what to remember for the next evaluation.

    Raises:
        ReadingError: neither the rule nor a reading says what is bad
    """
    rule = evaluation.rule
    nothing = fingerprint(rule.tenant, rule.name, NOTHING)
    more = fingerprint(rule.tenant, rule.name, MORE)
    folded = fingerprint(rule.tenant, rule.name, FOLDED)
    own = frozenset((nothing, more, folded))
    series = live
    if not own.isdisjoint(live):
        series = {key: state for key, state in live.items() if key not in own}
    # A series that was bad lately is judged like a live one: its good readings count as well.
    lately = [*memory.often, *held]
    watched = {**dict.fromkeys(lately, _LATELY), **series} if lately else series
    judged = judge_all(evaluation, watched)
    verdicts: Mapping[str, Judged] = judged
    often = memory.often
    if rule.often is not None:
        verdicts, often = _often_enough(rule, judged, series, memory.often)
    if rule.max_alerts is not None:
        verdicts = _bounded(rule, rule.max_alerts, verdicts, live, more, evaluation.slot)
    elif more in live and evaluation.observation.complete:
        verdicts = {**verdicts, more: Judged(more, None, Good(at=evaluation.slot))}
    if folded in live and evaluation.observation.complete and not evaluation.partial:
        # Unless there is still no room for all that is bad, which `active_limit` finds out.
        verdicts = {**verdicts, folded: Judged(folded, None, Good(at=evaluation.slot))}
    ended: tuple[str, ...] = ()
    empty = 0
    if evaluation.observation.error is not None:
        empty = memory.empty  # a check that fails has not seen that there is nothing
    elif not judged and not evaluation.closed_world and not _saw_good(evaluation):
        empty = memory.empty + 1
    if evaluation.observation.complete:
        verdict = _nothing_seen(rule, empty, nothing in live, evaluation.slot)
        if verdict is not None:
            verdicts = {**verdicts, nothing: Judged(nothing, *verdict)}
        if rule.no_data is not None and not evaluation.closed_world:
            at, period = evaluation.slot, rule.every
            ended = tuple(gone(rule.no_data, series, judged.keys(), at=at, period=period))
    return EvaluationResult(
        judged=judged, verdicts=verdicts, ended=ended, own=own,
        memory=Memory(often=often, empty=empty),
    )  # fmt: skip


def _saw_good(evaluation: Evaluation) -> bool:
    """Return whether there were readings; `judge_all` leaves out those that no alert needs."""
    return evaluation.observation.size > 0


def _often_enough(
    rule: Rule,
    judged: Mapping[str, Judged],
    live: Mapping[str, AlertState],
    before: Mapping[str, str],
) -> tuple[dict[str, Judged], dict[str, str]]:
    """Return the verdicts once n of the last m count, and the histories to keep."""
    assert rule.often is not None  # noqa: S101 - the caller asked
    verdicts: dict[str, Judged] = {}
    histories = dict(before)
    for print_, one in judged.items():
        bad = isinstance(one.verdict, Bad)
        history = remembered(before.get(print_, ""), bad, rule.often)
        if history:
            histories[print_] = history
        else:
            histories.pop(print_, None)
        alert = live.get(print_)
        is_open = alert is not None and alert.status is not Status.PENDING
        says = bad_often(history, bad, is_open, rule.often)
        # Bad, but not often enough yet; or good, but bad too often lately to resolve: as it was.
        if says is bad:
            verdicts[print_] = one
    return verdicts, histories


def _bounded(
    rule: Rule,
    most: int,
    verdicts: Mapping[str, Judged],
    live: Mapping[str, AlertState],
    more: str,
    at: datetime,
) -> dict[str, Judged]:
    """Keep at most `most` bad series, those with an alert first, then the worst, and a summary."""
    bad = [one for one in verdicts.values() if isinstance(one.verdict, Bad)]
    kept = dict(verdicts)
    if len(bad) <= most:
        if more in live:
            kept[more] = Judged(more, None, Good(at=at))
        return kept
    ranked = sorted(bad, key=lambda one: order_of(one, live))
    rest = [one for one in ranked[most:] if one.fingerprint not in live]
    for one in rest:
        del kept[one.fingerprint]
    if not rest:
        return kept
    worst = max(rest, key=_severity)
    verdict = worst.verdict
    assert isinstance(verdict, Bad)  # noqa: S101 - they were chosen for it
    details: dict[str, Any] = {
        "more": len(rest),
        "examples": [dict(one.reading.labels) for one in rest[:_EXAMPLES] if one.reading],
    }
    reading = Reading(
        labels=MORE,
        firing=True,
        summary=f"{rule.name}: {len(rest):,} more are bad than the {most:,} that have alerts",
        details=details,
    )
    kept[more] = Judged(more, reading, Bad(at=at, severity=verdict.severity, word=verdict.word))
    return kept


def _severity(one: Judged) -> int:
    return one.verdict.severity if isinstance(one.verdict, Bad) else 0


def order_of(one: Judged, live: Mapping[str, AlertState]) -> tuple[bool, int, float, str]:
    """Return by what series are ranked: those with an alert first, then the worst.

    Args:
        one: a series
        live: the rule's alerts that are not resolved, by fingerprint

    Returns:
        A key to sort by.
    """
    value = None if one.reading is None else one.reading.value
    return one.fingerprint not in live, -_severity(one), -abs(value or 0.0), one.fingerprint


def _nothing_seen(
    rule: Rule, empty: int, is_live: bool, at: datetime
) -> tuple[Reading | None, Bad | Good] | None:
    """Return the verdict on the alert that nothing is seen; None where there is none."""
    if rule.no_data is None or not is_due(rule.no_data, empty):
        return (None, Good(at=at)) if is_live and empty == 0 else None
    word = rule.severity if rule.no_data.then == "alert" else rule.no_data.severity
    reading = Reading(
        labels=NOTHING,
        firing=True,
        summary=f"{rule.name} sees nothing: no readings in {empty} evaluations in a row",
        details={"error": "The check works, and there was nothing to read."},
    )
    return reading, Bad(at=at, severity=int(severity_of(word)), word=word)
