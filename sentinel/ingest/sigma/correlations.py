"""Correlation rules of Sigma as windows of an event policy.

https://sigmahq.io/docs/meta/correlations.html; a count below a limit is refused, since Sigma leaves
open whether no event at all is one.
"""

from __future__ import annotations

from sigma.correlations import (
    CorrelationConditionAND,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.rule import SigmaRule  # pyright: ignore[reportMissingTypeStubs] - a namespace

from sentinel.errors import PolicyError
from sentinel.ingest.sigma.conditions import Json, clause_of, joined
from sentinel.ingest.sigma.logsources import LogSources

__all__ = ["clause_of_rule", "correlation_of"]

_LEAST = {
    SigmaCorrelationConditionOperator.GTE: 0,
    SigmaCorrelationConditionOperator.GT: 1,
}
"""What is added to the count of a condition, for the least number that fulfils it."""


def clause_of_rule(rule: SigmaRule, sources: LogSources | None = None) -> Json:
    """Return which events a rule matches.

    Args:
        rule: as pySigma has parsed it
        sources: which events its log source means; None where that is not compared

    Returns:
        The JSON of a clause: any of the rule's conditions.

    Raises:
        PolicyError: an event policy cannot say that
        SigmaError: the condition cannot be parsed, or names a selection that there is not
    """
    trees = [one.parsed for one in rule.detection.parsed_condition]
    if not trees or any(tree is None for tree in trees):
        raise PolicyError("its condition matches nothing")
    clause = joined("any", [clause_of(tree) for tree in trees])
    return clause if sources is None else sources.narrowed(rule, clause)


def correlation_of(rule: SigmaCorrelationRule, sources: LogSources | None = None) -> Json:
    """Return what an event policy says in place of a correlation rule.

    Args:
        rule: its references are resolved
        sources: which events the log sources of its rules mean

    Returns:
        `rules`, `by` and `window`.

    Raises:
        PolicyError: no window can say that; names why
        SigmaError: the condition of a rule that it refers to cannot be parsed
    """
    steps = [_step(one, sources) for one in rule.referenced_rules]
    found: Json = {"by": _by(rule)}
    frame = f"{rule.timespan.seconds}s"
    match rule.type:
        case SigmaCorrelationType.EVENT_COUNT:
            found["rules"] = [joined("any", steps)]
            found["window"] = {
                "type": "frequency", "num_events": _least(rule), "timeframe": frame,
            }  # fmt: skip
        case SigmaCorrelationType.VALUE_COUNT:
            found["rules"] = [joined("any", steps)]
            found["window"] = {
                "type": "cardinality", "cardinality_field": _counted(rule),
                "max_cardinality": _least(rule) - 1, "timeframe": frame,
            }  # fmt: skip
        case SigmaCorrelationType.TEMPORAL | SigmaCorrelationType.TEMPORAL_ORDERED:
            _all_of_them(rule, len(steps))
            found["rules"] = steps[:1]
            ordered = rule.type is SigmaCorrelationType.TEMPORAL_ORDERED
            found["window"] = {
                "type": "sequence", "then": steps[1:], "timeframe": frame,
                **({} if ordered else {"any_order": True}),
            }  # fmt: skip
        case other:
            raise PolicyError(
                f"no window of an event policy has {other.name.lower()}: sums, averages and "
                "percentiles of a field are for `log_query` and metrics"
            )
    return found


def _step(reference: SigmaRuleReference, sources: LogSources | None) -> Json:
    if not isinstance(reference.rule, SigmaRule):
        raise PolicyError(
            f"it refers to the correlation {reference.reference!r}, and a window counts events, "
            "not alerts"
        )
    return clause_of_rule(reference.rule, sources)


def _by(rule: SigmaCorrelationRule) -> list[str]:
    """Return the fields to group by, aliases resolved."""
    aliases = rule.aliases.aliases
    found: list[str] = []
    for name in rule.group_by or ():
        if name in aliases:
            fields = sorted(set(aliases[name].mapping.values()))
            if len(fields) > 1:
                raise PolicyError(
                    f"its alias {name!r} groups by a different field for each rule "
                    f"({', '.join(fields)}), and a policy groups all events by the same fields"
                )
            found += fields
        else:
            found.append(name)
    return found


def _least(rule: SigmaCorrelationRule) -> int:
    condition = _condition(rule)
    if condition.op not in _LEAST:
        raise PolicyError(
            f"its condition is {condition.op.name.lower()} {condition.count}; only gte and gt are "
            "counted, because with fewer events than a limit nothing at all would fire, too"
        )
    if isinstance(condition.count, float):
        raise PolicyError(f"its condition counts to {condition.count}, which is no whole number")
    least = condition.count + _LEAST[condition.op]
    if least < 1:
        raise PolicyError(f"its condition is {condition.op.name.lower()} {condition.count}: always")
    return least


def _condition(rule: SigmaCorrelationRule) -> SigmaCorrelationCondition:
    if not isinstance(rule.condition, SigmaCorrelationCondition):
        raise PolicyError("its condition is no count")
    return rule.condition


def _counted(rule: SigmaCorrelationRule) -> str:
    named = _condition(rule).fieldref
    fields = [named] if isinstance(named, str) else list(named or ())
    if len(fields) != 1:
        raise PolicyError(
            f"it counts the values of {len(fields)} fields together; a window counts those of one"
        )
    return fields[0]


def _all_of_them(rule: SigmaCorrelationRule, steps: int) -> None:
    """Refuse a temporal correlation that does not want every rule it refers to."""
    if steps < 2:
        raise PolicyError("it refers to one rule only; a temporal correlation needs two or more")
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        tree = rule.condition.parsed
        if not isinstance(tree, CorrelationConditionAND) or not all(
            isinstance(one, SigmaRuleReference) for one in tree.args
        ):
            raise PolicyError("its condition combines rules otherwise than by `and`")
    elif _least(rule) != steps:
        raise PolicyError(
            f"it wants {_least(rule)} of its {steps} rules; a window wants one event for each"
        )
