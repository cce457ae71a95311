"""Judging: the readings of one evaluation become inputs of the lifecycle. Pure.

Live evaluation and backtests call `judge_all`; there is no second evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from sentinel.condition import When, judge, judge_expression
from sentinel.errors import ExpressionError, ReadingError, SourceDown
from sentinel.evaluation import Evaluation
from sentinel.fingerprint import fingerprint
from sentinel.grouping import SOURCE
from sentinel.lifecycle import AlertState, Bad, Good, Status
from sentinel.reading import MAX_NAME, Reading, storable
from sentinel.rule import Rule
from sentinel.severity import severity_of
from sentinel.template import number, placeholders, render

__all__ = ["CHECK", "Judged", "error_reading", "headline", "judge_all", "said", "wording"]

CHECK = "sentinel_check"
"""The label of a reading that says that a check failed; its text is the rule's name."""


class Judged(msgspec.Struct, frozen=True):
    """One series, its reading (None where only its absence speaks) and the verdict."""

    fingerprint: str
    reading: Reading | None
    verdict: Bad | Good


def judge_all(evaluation: Evaluation, live: Mapping[str, AlertState]) -> dict[str, Judged]:
    """The verdict on every series that this evaluation says something about.

    A series that was not seen is not in the answer, so that it keeps its state; where the
    trigger is closed-world and the look was complete, live series that it did not name are
    good, unless the check said that it could not see them. Of two readings of one series the
    worse counts. Of a table, series that are good and have no alert are left out as well.

    Args:
        evaluation: what was seen, and the rule
        live: the alerts of this rule that are not resolved, by fingerprint

    Raises:
        ReadingError: neither the rule nor the reading says what is bad
    """
    rule = evaluation.rule
    when = rule.when or evaluation.default_when
    tenant, name = rule.tenant, rule.name
    own_rank, own_word = int(rule.rank), rule.severity
    ranks: dict[str, int] = {}
    at = evaluation.at
    good = Good(at=at)
    bad = Bad(at=at, severity=own_rank, word=own_word)
    judged: dict[str, Judged] = {}
    for reading in _worth_judging(evaluation, when, live):
        print_ = fingerprint(tenant, name, reading.labels)
        firing = reading.firing
        word = reading.severity
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
        if firing and word is not None:
            rank = ranks.get(word)
            if rank is None:
                rank = ranks[word] = _rank(word, name)
            verdict = Bad(at=at, severity=rank, word=word)
        if firing and reading.occurrences is not None:
            verdict = msgspec.structs.replace(verdict, occurrences=reading.occurrences)
        before = judged.get(print_)
        if before is not None and not _worse(verdict, before.verdict):
            continue
        judged[print_] = Judged(print_, reading, verdict)
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
    """The readings; of a table only those that may be bad, or whose alert is not resolved.

    The rest is good and nobody waits for it, so that no object is made of it.
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


def _worse(one: Bad | Good, other: Bad | Good) -> bool:
    if isinstance(one, Good):
        return False
    return isinstance(other, Good) or one.severity > other.severity


def wording(
    rule: Rule, reading: Reading, word: str, unit: str, at: datetime
) -> tuple[str, str, dict[str, str]]:
    """Title, description and annotations of an alert, with the reading's fields filled in.

    The title is the rule's annotation `summary`, else the reading's own summary, else the
    rule's name with labels and value. What a rule says is about what it watches: where the
    reading says instead that the check itself failed, only texts without gaps are taken over.
    """
    fields = _fields(rule, reading, word, unit, at)
    if CHECK in reading.labels:
        whole = {
            name: render(text, fields)
            for name, text in rule.annotations.items()
            if name not in ("summary", "description") and _fits(text, fields)
        }
        return reading.summary or rule.name, str((reading.details or {}).get("error", "")), whole
    description = render(rule.annotations.get("description", rule.description), fields)
    others = {
        name: render(text, fields)
        for name, text in rule.annotations.items()
        if name not in ("summary", "description")
    }
    return _title(rule, reading, unit, fields), description, others


def headline(rule: Rule, reading: Reading, word: str, unit: str, at: datetime) -> str:
    """The title alone; see `wording`."""
    if CHECK in reading.labels:
        return reading.summary or rule.name
    templated = "summary" in rule.annotations
    fields = _fields(rule, reading, word, unit, at) if templated else {}
    return _title(rule, reading, unit, fields)


def _fits(template: str, fields: Mapping[str, Any]) -> bool:
    """Whether `fields` has everything that it asks for."""
    return all(render(f"{{{name}}}", fields) != f"{{{name}}}" for name in placeholders(template))


def _title(rule: Rule, reading: Reading, unit: str, fields: Mapping[str, Any]) -> str:
    template = rule.annotations.get("summary")
    return render(template, fields) if template else reading.summary or _plain(rule, reading, unit)


def _fields(rule: Rule, reading: Reading, word: str, unit: str, at: datetime) -> dict[str, Any]:
    """What a template may ask for."""
    return {
        **(reading.details or {}),
        **reading.labels,
        "rule": rule.name,
        "severity": word,
        "value": "" if reading.value is None else reading.value,
        "unit": unit,
        "labels": {**rule.labels, **reading.labels},
        "details": reading.details or {},
        "team": rule.team,
        "timestamp": at.isoformat(),
    }


def _plain(rule: Rule, reading: Reading, unit: str) -> str:
    where = ", ".join(reading.labels.values())
    what = "" if reading.value is None else f"{number(reading.value)} {unit}".strip()
    return " ".join(part for part in (f"{rule.name}:", where, what) if part).rstrip(":")


def said(error: Exception) -> str:
    """An exception's kind and words, without what no database keeps."""
    return storable(f"{type(error).__name__}: {error}")


def error_reading(rule: Rule, error: Exception) -> Reading:
    """The finding that a check itself failed, about its source, for the rule's owner."""
    text = said(error)
    labels = {CHECK: rule.name}
    if isinstance(error, SourceDown):
        labels[SOURCE] = storable(error.source)[:MAX_NAME]
    return Reading(
        labels=labels,
        firing=True,
        # A title is one line; the column that an expression's error points at is in the details.
        summary=" ".join(f"{rule.name} cannot be checked: {text}".split())[:500],
        details={"error": text[:4000]},
        severity=rule.errors.severity,
    )
