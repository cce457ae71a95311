"""What an alerting rule of Prometheus says of the result of its expression. Pure.

As `AlertingRule.Eval` of rules/alerting.go: every sample of the result is an alert, whose labels
are those of the sample without the metric's name, then the rule's own, then `alertname`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sentinel.metrics.promql.templates import Data, rendered
from sentinel.metrics.promql.values import NAME, PromqlError, Sample, Value, plain
from sentinel.severity import severity_of

__all__ = ["ALERTNAME", "AlertRule", "Found", "found_alerts", "severity_word"]

ALERTNAME = "alertname"
_WORDS = {
    "page": "critical", "crit": "critical", "fatal": "critical", "disaster": "critical",
    "error": "high", "major": "high", "err": "high", "warn": "medium", "average": "medium",
    "ticket": "medium", "minor": "low", "notice": "low", "information": "info", "none": "info",
    "informational": "info", "debug": "info",
}  # fmt: skip


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """An alerting rule but for its expression and its times.

    Attributes:
        alert: its name
        labels: templates by name, with `[[ … ]]`
        annotations: likewise
        external: labels that a Prometheus adds to all it sends, for templates
    """

    alert: str
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    external: Mapping[str, str] = {}


class Found(msgspec.Struct, frozen=True):
    """An alert of one evaluation.

    Attributes:
        labels: its identity
        annotations: its texts
        value: of the sample; may be NaN or infinite
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float


def severity_word(word: str) -> str:
    """Return the severity of ours that a label `severity` means.

    Args:
        word: as rules of Prometheus have it, such as page, warning or none

    Returns:
        A word of ours; empty where it means none.
    """
    lowered = word.strip().lower()
    if lowered in _WORDS:
        return _WORDS[lowered]
    try:
        return severity_of(lowered).word
    except ValueError:
        return ""


def found_alerts(rule: AlertRule, result: Value) -> list[Found]:
    """Return the alerts of a result.

    Args:
        rule: of the result
        result: of its expression; a number is one sample without labels

    Returns:
        One for each sample.

    Raises:
        PromqlError: the result is a text, a template cannot be filled in, or two alerts have the
            same labels
    """
    if isinstance(result, str):
        raise PromqlError("an alert's expression gives a text")
    samples = [Sample({}, float(result))] if isinstance(result, int | float) else result
    found: list[Found] = []
    seen: set[frozenset[tuple[str, str]]] = set()
    for one in samples:
        data = Data(labels=one.labels, value=one.value, external=rule.external)
        labels = {k: v for k, v in one.labels.items() if k != NAME}
        labels |= {name: rendered(text, data) for name, text in rule.labels.items()}
        labels[ALERTNAME] = rule.alert
        labels = {name: text for name, text in labels.items() if text}
        key = plain(labels)
        if key in seen:
            raise PromqlError(
                f"two series have the same labels once those of the rule are added: {labels}",
                hint="Let the rule's labels keep the series apart.",
            )
        seen.add(key)
        texts = {name: rendered(text, data) for name, text in rule.annotations.items()}
        found.append(Found(labels, texts, one.value))
    return found
