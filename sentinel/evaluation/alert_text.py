"""The texts of an alert: title, description and annotations, with the reading's fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sentinel.checks.reading import Reading
from sentinel.errors import SourceDown
from sentinel.evaluation.judge import CHECK
from sentinel.labels.text import MAX_NAME, storable
from sentinel.notifications.grouping import SOURCE
from sentinel.rules.rule import Rule
from sentinel.template import number, placeholders, render

__all__ = ["error_reading", "error_text", "headline", "wording"]


def wording(
    rule: Rule, reading: Reading, word: str, unit: str, at: datetime
) -> tuple[str, str, dict[str, str]]:
    """Write title, description and annotations of an alert, with the reading's fields filled in.

    The title is the rule's annotation `summary`, else the reading's own summary, else the
    rule's name with labels and value. So it is with the other texts: the rule's annotation, else
    the reading's own. A rule's texts are about what it watches: where the
    reading says instead that the check itself failed, only texts without gaps are taken over.

    Args:
        rule: its annotations and description are the templates
        reading: fills them in
        word: the alert's severity
        unit: of the reading's value
        at: the moment of the evaluation

    Returns:
        The title, the description, and the annotations but for `summary` and `description`.
    """
    fields = _fields(rule, reading, word, unit, at)
    if CHECK in reading.labels:
        whole = {
            name: render(text, fields)
            for name, text in rule.annotations.items()
            if name not in ("summary", "description") and _fits(text, fields)
        }
        return reading.summary or rule.name, str((reading.details or {}).get("error", "")), whole
    own = reading.annotations or {}
    template = rule.annotations.get("description")
    if template is None and reading.annotations is not None:
        description = own.get("description", "")
    else:
        description = render(rule.description if template is None else template, fields)
    others = {
        name: text for name, text in own.items() if name not in ("summary", "description")
    } | {
        name: render(text, fields)
        for name, text in rule.annotations.items()
        if name not in ("summary", "description")
    }
    return _title(rule, reading, unit, fields), description, others


def headline(rule: Rule, reading: Reading, word: str, unit: str, at: datetime) -> str:
    """Write the title alone; see `wording`."""
    if CHECK in reading.labels:
        return reading.summary or rule.name
    templated = "summary" in rule.annotations
    fields = _fields(rule, reading, word, unit, at) if templated else {}
    return _title(rule, reading, unit, fields)


def _fits(template: str, fields: Mapping[str, Any]) -> bool:
    """Return whether `fields` has everything that `template` asks for."""
    return all(render(f"{{{name}}}", fields) != f"{{{name}}}" for name in placeholders(template))


def _title(rule: Rule, reading: Reading, unit: str, fields: Mapping[str, Any]) -> str:
    template = rule.annotations.get("summary")
    return render(template, fields) if template else reading.summary or _plain(rule, reading, unit)


def _fields(rule: Rule, reading: Reading, word: str, unit: str, at: datetime) -> dict[str, Any]:
    """Return everything that a template may ask for."""
    return {
        **(reading.details or {}),
        **reading.labels,
        "rule": rule.name,
        "severity": word,
        "value": "" if reading.value is None else reading.value,
        "unit": unit,
        "labels": {**rule.labels, **reading.labels},
        "details": reading.details or {},
        "annotations": reading.annotations or {},
        "team": rule.team,
        "timestamp": at.isoformat(),
    }


def _plain(rule: Rule, reading: Reading, unit: str) -> str:
    where = ", ".join(reading.labels.values())
    what = "" if reading.value is None else f"{number(reading.value)} {unit}".strip()
    return " ".join(part for part in (f"{rule.name}:", where, what) if part).rstrip(":")


def error_text(error: Exception) -> str:
    """Return an exception's kind and message, without characters that no database keeps."""
    return storable(f"{type(error).__name__}: {error}")


def error_reading(rule: Rule, error: Exception) -> Reading:
    """Make the finding that a check itself failed, about its source, for the rule's owner."""
    text = error_text(error)
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
