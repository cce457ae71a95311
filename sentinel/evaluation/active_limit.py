"""Fold what a rule may not open while the instance has as many active alerts as it is sized for.

A storm must not make the database, the pages and the messages useless for every other rule, and
nothing of it may be lost without a trace. So critical alerts always open, and so do the first
`ALWAYS` of each rule; what it finds bad beyond that is counted in one alert of the rule. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from sentinel.alerts.inputs import Bad, Good
from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.evaluation.evaluator import FOLDED, EvaluationResult, order_of
from sentinel.evaluation.judge import Judged
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.severity import Severity

__all__ = ["ALWAYS", "WARN_FROM", "fold", "folded_print", "held_to_limit"]

ALWAYS = 20
"""So many alerts of one rule open in any case: a storm of another rule takes nothing from it."""
WARN_FROM = 0.8
"""Share of the limit from which on people are warned."""
_EXAMPLES = 20


def folded_print(rule: Rule) -> str:
    """Return the fingerprint of the alert that counts what a rule did not open."""
    return fingerprint(rule.tenant, rule.name, FOLDED)


def held_to_limit(result: EvaluationResult, live: Mapping[str, AlertState]) -> list[Judged]:
    """Return the verdicts by which alerts would open that are not critical, the worst first.

    Args:
        result: of one evaluation
        live: the rule's alerts that are not resolved, by fingerprint

    Returns:
        Those of readings; alerts about the rule itself always open.
    """
    return sorted(_held(result, live), key=lambda one: order_of(one, live))


def _held(result: EvaluationResult, live: Mapping[str, AlertState]) -> Iterator[Judged]:
    for print_, one in result.verdicts.items():
        bad = isinstance(one.verdict, Bad) and one.verdict.severity < Severity.CRITICAL
        if bad and print_ not in live and print_ not in result.own:
            yield one


def fold(
    rule: Rule,
    result: EvaluationResult,
    held: Sequence[Judged],
    live: Mapping[str, AlertState],
    *,
    room: int,
    limit: int,
    partial: bool,
    at: datetime,
) -> EvaluationResult:
    """Leave out the verdicts that find no room, and count them in one alert of the rule.

    Args:
        rule: whose evaluation it was
        result: of the evaluation
        held: as `held_to_limit` gives them
        live: the rule's alerts that are not resolved, by fingerprint
        room: so many of `held` may open
        limit: active alerts that the instance is sized for
        partial: whether the evaluation named only some of the rule's series, so that others that
            did not open may be bad still
        at: the moment of the evaluation

    Returns:
        The verdicts to take. The alert of what did not open ends with the first evaluation that
        finds room for all it sees, and where messages stop, when what they named would have.
    """
    own = folded_print(rule)
    over = held[max(0, room) :]
    if not over:
        if own not in live or not partial or room <= 0:
            return result  # an evaluation of all series has ended it already
        ended = Judged(own, None, Good(at=at))
        return msgspec.structs.replace(result, verdicts={**result.verdicts, own: ended})
    left_out = {one.fingerprint for one in over}
    kept = {print_: one for print_, one in result.verdicts.items() if print_ not in left_out}
    kept[own] = _counted(rule, own, over, live.get(own), limit, partial=partial, at=at)
    return msgspec.structs.replace(result, verdicts=kept)


def _counted(
    rule: Rule, own: str, over: Sequence[Judged], before: AlertState | None, limit: int, *,
    partial: bool, at: datetime,
) -> Judged:  # fmt: skip
    worst = over[0].verdict
    assert isinstance(worst, Bad)  # noqa: S101 - `held_to_limit` chose them
    severity, word = worst.severity, worst.word
    if partial and before is not None and before.severity > severity:
        severity, word = before.severity, before.word  # what an earlier message named counts too
    number = len(over)
    where = f"the instance has {limit:,} active alerts, its limit"
    # Messages name a few series each: only their sum says how much was left out.
    said = "alerts that came are counted here and did not open" if partial else (
        f"{number:,} more are bad and have no alert of their own"
    )  # fmt: skip
    reading = Reading(
        labels=FOLDED,
        value=None if partial else float(number),
        firing=True,
        summary=f"{rule.name}: {said}, since {where}",
        details={
            "more": number,
            "examples": [dict(one.reading.labels) for one in over[:_EXAMPLES] if one.reading],
        },
    )
    verdict = Bad(
        at=at, severity=severity, word=word, occurrences=number if partial else None,
        until=_end(rule, over, at) if partial else None,
    )  # fmt: skip
    return Judged(own, reading, verdict)


def _end(rule: Rule, over: Sequence[Judged], at: datetime) -> datetime | None:
    """When all would have ended that did not open: a sender that is silent ends nothing else."""
    lasts = None if rule.resolve_after is None else at + rule.resolve_after
    ends = [(one.verdict.until if isinstance(one.verdict, Bad) else None) or lasts for one in over]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None
