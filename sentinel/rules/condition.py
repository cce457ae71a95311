"""`when`: the condition that decides which values of a reading are bad, and their severity.

Pure. Hysteresis follows Grafana's recovery threshold: once a series fires, it stays bad until
its value has passed `clear`, which lies on the good side of the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from sentinel.errors import ExpressionError
from sentinel.expression import Expression, compile_expression
from sentinel.severity import Severity, SeverityWord, severity_of

__all__ = [
    "EXPRESSION_NAMES",
    "Verdict",
    "When",
    "above",
    "below",
    "equals",
    "expression",
    "judge",
    "judge_expression",
    "levels",
    "outside",
]


class Verdict(NamedTuple):
    """What a condition decides of one value.

    `word` is the severity word of the level that was reached, None where the condition has no
    levels, so that the rule's own severity holds.
    """

    bad: bool
    word: str | None = None


_KINDS = ("above", "below", "outside", "equals", "levels", "expression")
EXPRESSION_NAMES = ("value", "unit", "labels", "details")
"""What an expression may ask for."""
_EXACTLY_ONE: list[Any] = [
    {"required": [kind], "properties": {kind: {"not": {"type": "null"}}}} for kind in _KINDS
]


class When(BaseModel):
    """Which values are bad.

    Give exactly one of above, below, outside, equals, levels or expression.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # Exactly one, so that `prefect deploy` refuses what a run could not read. Two `not`,
        # since Prefect's UI takes a plain `oneOf` for choices to offer.
        json_schema_extra={"not": {"anyOf": [{"not": {"oneOf": _EXACTLY_ONE}}]}},
    )

    above: FiniteFloat | None = Field(default=None, description="Bad when greater than this.")
    below: FiniteFloat | None = Field(default=None, description="Bad when less than this.")
    outside: tuple[FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="Bad when less than the first or greater than the second."
    )
    equals: FiniteFloat | None = Field(default=None, description="Bad when exactly this.")
    levels: dict[SeverityWord, FiniteFloat] | None = Field(
        default=None, description="A threshold per severity, for example high: 80, critical: 95."
    )
    expression: str | None = Field(
        default=None,
        max_length=2000,
        description="Bad where this holds: value > 90 and labels.mount != '/tmp'.",
    )
    direction: Literal["above", "below"] = Field(
        default="above",
        description="Whether levels are reached from below (above) or from above (below).",
    )
    clear: FiniteFloat | None = Field(
        default=None, description="Once firing, good again only when the value has passed this."
    )

    @model_validator(mode="after")
    def _one_and_sensible(self) -> Self:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                "give exactly one of above, below, outside, equals, levels or expression, "
                f"got {' and '.join(given) or 'none'}"
            )
        if self.outside is not None and self.outside[0] > self.outside[1]:
            raise ValueError(
                "outside: the first limit must not be greater than the second, got "
                f"{self.outside[0]:g} and {self.outside[1]:g}"
            )
        if self.levels is not None:
            self._check_levels({str(word): value for word, value in self.levels.items()})
        if self.expression is not None:
            try:
                _compiled(self.expression)
            except ExpressionError as error:
                raise ValueError(f"expression: {error}") from None
        if self.clear is not None:
            self._check_clear(self.clear)
        return self

    def _check_levels(self, levels: Mapping[str, float]) -> None:
        if not levels:
            raise ValueError("levels: must have at least one severity, for example high: 80")
        ranked = sorted((severity_of(word), value) for word, value in levels.items())
        if len({severity for severity, _ in ranked}) != len(ranked):
            raise ValueError("levels: must name a severity once (emergency is critical)")
        values = [value for _, value in ranked]
        rising = sorted(values) if self.direction == "above" else sorted(values, reverse=True)
        if values != rising:
            raise ValueError(
                f"levels: a worse severity must have a threshold further {self.direction}, got "
                + ", ".join(f"{word} {value:g}" for word, value in levels.items())
            )

    def _check_clear(self, clear: float) -> None:
        for kind in ("equals", "expression"):
            if getattr(self, kind) is not None:
                raise ValueError(f"clear: cannot be used with {kind}")
        above, lowest = self.above, self._first_level()
        if self.levels is not None and self.direction == "above":
            above = lowest
        if above is not None and clear > above:
            raise ValueError(f"clear: must be {above:g} or less, got {clear:g}")
        below = lowest if self.levels is not None and self.direction == "below" else self.below
        if below is not None and clear < below:
            raise ValueError(f"clear: must be {below:g} or more, got {clear:g}")
        if self.outside is not None:
            middle = (self.outside[1] - self.outside[0]) / 2
            if not 0 <= clear <= middle:
                raise ValueError(
                    f"clear: with outside it is a margin and must be between 0 and {middle:g}, "
                    f"got {clear:g}"
                )

    def _first_level(self) -> float | None:
        """Return the threshold of the mildest level."""
        if self.levels is None:
            return None
        return min(self.levels.items(), key=lambda item: severity_of(item[0]))[1]


def above(threshold: float, *, clear: float | None = None) -> When:
    """Bad when greater than `threshold`."""
    return When(above=threshold, clear=clear)


def below(threshold: float, *, clear: float | None = None) -> When:
    """Bad when less than `threshold`."""
    return When(below=threshold, clear=clear)


def outside(low: float, high: float, *, clear: float | None = None) -> When:
    """Bad when less than `low` or greater than `high`; `clear` is a margin inside both."""
    return When(outside=(low, high), clear=clear)


def equals(value: float) -> When:
    """Bad when exactly `value`."""
    return When(equals=value)


def levels(
    direction: Literal["above", "below"] = "above",
    *,
    clear: float | None = None,
    **thresholds: float,
) -> When:
    """Severity by value, for example `levels(high=80, critical=95)`."""
    return When.model_validate({"levels": thresholds, "direction": direction, "clear": clear})


def expression(source: str) -> When:
    """Bad where `source` holds, for example `value > 90 and labels.mount != "/tmp"`."""
    return When(expression=source)


@lru_cache(maxsize=1000)
def _compiled(source: str) -> Expression:
    return compile_expression(source, EXPRESSION_NAMES)


def judge_expression(
    source: str,
    value: float | None,
    *,
    unit: str,
    labels: Mapping[str, str],
    details: Mapping[str, Any],
) -> Verdict:
    """Decide whether an expression holds for a reading, so that the reading is bad.

    Args:
        source: the expression
        value: of the reading, None where it has none
        unit: the trigger's
        labels: the reading's
        details: the reading's

    Returns:
        Bad where it is true; good where it is false or asks for what is not there.

    Raises:
        ExpressionError: it cannot be worked out for this reading; points at the place
    """
    values = {"value": value, "unit": unit, "labels": labels, "details": details}
    return Verdict(_compiled(source).holds(values))


def judge(when: When, value: float, *, firing: bool) -> Verdict:
    """Decide whether `value` is bad.

    Args:
        when: the condition
        value: a finite number in the trigger's unit
        firing: whether this series fires already; only then does `clear` matter

    Returns:
        Whether it is bad, with the severity of its level where the condition has levels.

    Raises:
        ExpressionError: the condition's expression cannot be worked out
    """
    clear = when.clear if firing else None
    if when.above is not None:
        return Verdict(value > (when.above if clear is None else clear))
    if when.below is not None:
        return Verdict(value < (when.below if clear is None else clear))
    if when.outside is not None:
        low, high = when.outside
        margin = clear or 0.0
        return Verdict(value < low + margin or value > high - margin)
    if when.equals is not None:
        return Verdict(value == when.equals)
    if when.expression is not None:
        return judge_expression(when.expression, value, unit="", labels={}, details={})
    return _judge_levels(when, value, clear)


def _judge_levels(when: When, value: float, clear: float | None) -> Verdict:
    sign = 1.0 if when.direction == "above" else -1.0
    ranked = sorted((when.levels or {}).items(), key=lambda item: -_rank(item[0]))
    for word, threshold in ranked:
        if value * sign > threshold * sign:
            return Verdict(True, word)
    if clear is not None and value * sign > clear * sign:
        # Between clear and the mildest threshold a firing series keeps the mildest severity.
        return Verdict(True, ranked[-1][0])
    return Verdict(False)


def _rank(word: str) -> Severity:
    return severity_of(word)
