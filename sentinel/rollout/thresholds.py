"""A threshold and an operator, as other systems write them, and a rule's `when`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from sentinel.errors import ExpressionError, RuleError
from sentinel.expression import compile_expression

__all__ = ["KINDS", "as_expression", "names_in", "still_clear", "threshold_of"]

KINDS = {">": "above", "<": "below", "==": "equals"}
"""The condition that an operator is; the others (>=, <=, !=) are expressions."""
_COMPARED = re.compile(r"value (>=|<=|!=) (\S+)")


def names_in(condition: str) -> set[str]:
    """Return the names that a condition asks for.

    Args:
        condition: an expression

    Returns:
        The names.

    Raises:
        RuleError: it is no expression
    """
    try:
        return set(compile_expression(condition).names)
    except ExpressionError as error:
        raise RuleError(f"condition: {error}") from None


def as_expression(when: Mapping[str, Any]) -> str:
    """Return a `when` with one threshold as an expression over the value."""
    operators = {kind: operator for operator, kind in KINDS.items()}
    ((kind, value),) = when.items()
    return str(value) if kind == "expression" else f"value {operators[kind]} {value!r}"


def threshold_of(when: object) -> tuple[str, float] | None:
    """Return the operator and the threshold of a condition that has just one; else None."""
    if not isinstance(when, Mapping):
        return None
    written = cast("Mapping[str, Any]", when)
    for operator, kind in KINDS.items():
        threshold: float | None = written.get(kind)
        if threshold is not None:
            return operator, float(threshold)
    found = _COMPARED.fullmatch(str(written.get("expression") or ""))
    if found is None:
        return None
    try:
        return found.group(1), float(found.group(2))
    except ValueError:
        return None


def still_clear(when: Mapping[str, Any], clear: float) -> bool:
    """Return whether `clear` lies on the good side of the threshold of `when`."""
    if "above" in when:
        return clear <= float(when["above"])
    return "below" in when and clear >= float(when["below"])
