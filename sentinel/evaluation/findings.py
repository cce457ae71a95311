"""How bad an evaluation was: how many series the rule judged bad, and the worst of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.alerts.inputs import Bad
from sentinel.checks.reading import Reading
from sentinel.evaluation.alert_text import headline
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import Evaluation, Finding

__all__ = ["worst_finding"]


def worst_finding(evaluation: Evaluation, judged: Iterable[Judged]) -> tuple[int, Finding | None]:
    """Find how many series are bad, and the worst of them.

    Args:
        evaluation: what was seen
        judged: the verdicts on it

    Returns:
        The number of bad series, and the finding of the highest severity, the first of several;
        None where no reading was bad.
    """
    bad, rank = 0, 0
    worst: tuple[Reading, Bad] | None = None
    for one in judged:
        verdict = one.verdict
        if isinstance(verdict, Bad):
            bad += 1
            if verdict.severity > rank and one.reading is not None:
                rank, worst = verdict.severity, (one.reading, verdict)
    if worst is None:
        return bad, None
    reading, verdict = worst
    title = headline(evaluation.rule, reading, verdict.word, evaluation.unit, evaluation.at)
    return bad, Finding(
        title=title, severity=verdict.word, value=reading.value, labels=reading.labels
    )
