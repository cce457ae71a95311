"""Judge readings: those of one evaluation become inputs of the alert lifecycle. Pure.

Live evaluation and backtests call `judge_all`; there is no second evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from sentinel.alerts.inputs import Bad, Good, Status
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.errors import ExpressionError, ReadingError
from sentinel.evaluation.model import Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.condition import When, judge, judge_expression
from sentinel.severity import severity_of

__all__ = ["CHECK", "Judged", "judge_all"]

CHECK = "sentinel_check"
"""The label of a reading that says that a check failed; its text is the rule's name."""


class Judged(msgspec.Struct, frozen=True):
    """One series, its reading (None where only its absence speaks) and the verdict."""

    fingerprint: str
    reading: Reading | None
    verdict: Bad | Good


def judge_all(evaluation: Evaluation, live: Mapping[str, AlertState]) -> dict[str, Judged]:
    """Judge every series that this evaluation says something about.

    A series that was not seen is not in the answer, so that it keeps its state. Where the
    trigger is closed-world and the evaluation complete, live series that it did not name are
    good, unless the check said that it could not see them. Of two readings of one series the
    worse counts, unless the other says that it is of a later episode. Of a table, series that are
    good and have no alert are left out as well.

    Args:
        evaluation: what was seen, and the rule
        live: the alerts of this rule that are not resolved, by fingerprint

    Returns:
        The verdicts by fingerprint.

    Raises:
        ReadingError: neither the rule nor the reading says what is bad
    """
    rule = evaluation.rule
    when = rule.when or evaluation.default_when
    tenant, name = rule.tenant, rule.name
    own_rank, own_word = int(rule.rank), rule.severity
    ranks: dict[str, int] = {}
    at = evaluation.slot
    good = Good(at=at)
    bad = Bad(at=at, severity=own_rank, word=own_word)
    judged: dict[str, Judged] = {}
    for reading in _worth_judging(evaluation, when, live):
        print_ = fingerprint(tenant, name, reading.labels)
        firing = reading.firing
        word = reading.severity if reading.severity is None else reading.severity.strip().lower()
        if firing is None:
            value = reading.value
            if when is None or (value is None and when.expression is None):
                raise ReadingError(
                    f"rule {name!r}: nothing says whether the reading "
                    f"{dict(reading.labels)} is bad",
                    hint="Give the rule a `when`, or let the trigger set firing=True or False.",
                )
            if value is None or when.expression is not None:
                firing = _told_bad(when.expression or "", reading, evaluation.unit, name)
            else:
                alert = live.get(print_)
                # Hysteresis is for what fires; what is pending must still pass the threshold.
                fires = alert is not None and alert.status is not Status.PENDING
                firing, level = judge(when, value, firing=fires)
                word = level or word
        verdict = good if not firing else bad
        if not firing and (reading.ended is not None or reading.gone):
            why = Reason(reading.gone) if reading.gone else Reason.RECOVERED
            verdict = Good(at=at, ended=reading.ended, why=why)
        if firing and word is not None:
            rank = ranks.get(word)
            if rank is None:
                rank = ranks[word] = _rank(word, name)
            verdict = Bad(at=at, severity=rank, word=word)
        if firing and reading.occurrences is not None:
            verdict = msgspec.structs.replace(verdict, occurrences=reading.occurrences)
        if firing and reading.started is not None:
            verdict = msgspec.structs.replace(verdict, started=reading.started, until=reading.until)
        before = judged.get(print_)
        if before is not None and not _prevails(verdict, before.verdict):
            continue
        judged[print_] = Judged(print_, reading, verdict)
    for labels, how in evaluation.observation.gone:
        print_ = fingerprint(tenant, name, labels)
        if print_ in live and print_ not in judged:
            judged[print_] = Judged(print_, None, Good(at=at, why=Reason(how)))
    if evaluation.closed_world and evaluation.observation.complete:
        unseen = {fingerprint(tenant, name, x) for x in evaluation.observation.not_seen}
        for print_ in live:
            if print_ not in judged and print_ not in unseen:
                judged[print_] = Judged(print_, None, good)
    return judged


def _told_bad(expression: str, reading: Reading, unit: str, rule: str) -> bool:
    details = reading.details or {}
    try:
        return judge_expression(
            expression, reading.value, unit=unit, labels=reading.labels, details=details
        ).bad
    except ExpressionError as error:
        raise ReadingError(
            f"rule {rule!r}: its expression cannot be worked out for the reading "
            f"{dict(reading.labels)}: {error}"
        ) from None


def _worth_judging(
    evaluation: Evaluation, when: When | None, live: Mapping[str, AlertState]
) -> Iterator[Reading]:
    """Choose the readings to judge; of a table only those that may be bad or have a live alert.

    The rest is good and has no alert, so that no object is made of it.

    Args:
        evaluation: what was seen, and the rule
        when: the condition; None where the readings judge for themselves
        live: the rule's alerts that are not resolved, by fingerprint

    Yields:
        Readings, those of a table last.
    """
    yield from evaluation.observation.readings
    table = evaluation.observation.table
    if table is None:
        return
    tenant, name = evaluation.rule.tenant, evaluation.rule.name
    suspects = table.places() if when is None else table.suspects(when)
    missing = set(live)
    for place in suspects:
        if missing:
            missing.discard(fingerprint(tenant, name, table.labels[place]))
        yield table.reading(place)
    if missing:
        known = set(suspects)
        for place in table.places():
            if place not in known and fingerprint(tenant, name, table.labels[place]) in missing:
                yield table.reading(place)


def _rank(word: str, rule: str) -> int:
    try:
        return int(severity_of(word))
    except ValueError as error:
        raise ReadingError(f"rule {rule!r}: a reading says {error}") from None


def _prevails(one: Bad | Good, other: Bad | Good) -> bool:
    match one, other:
        case Bad(), Bad():
            return one.severity > other.severity
        case Bad(), Good():
            return not _ended_after(other, one)
        case Good(), Bad():
            return _ended_after(one, other)
        case _:
            ends = one.ended, other.ended
            return ends[0] is not None and ends[1] is not None and ends[0] > ends[1]


def _ended_after(good: Good, bad: Bad) -> bool:
    """Return whether `good` ends the episode of `bad`, as the system says that reports both."""
    return good.ended is not None and bad.started is not None and bad.started < good.ended
