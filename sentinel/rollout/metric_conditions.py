"""Conditions over metrics: whether one is true or false, or a number that is compared. Pure."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

from sentinel.errors import ExpressionError, RuleError
from sentinel.expression.parsing import parse
from sentinel.rules.condition import When, judge

__all__ = ["EXPRESSION", "answers_truth", "carried", "comparison_of", "distinguishes"]

EXPRESSION = "metric_expression"
"""The check that works out an expression over metrics."""
_TRUTH_FUNCTIONS = {"startswith", "endswith", "contains", "matches", "cidr", "has"}
_OPERATORS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_PER_NAME = ("match", "aggregate_by")
"""Parameters of `metric_expression` with a value for each name of the expression."""


def answers_truth(expression: str) -> bool:
    """Return whether an expression is true or false, which a reading has as 1 or 0.

    Args:
        expression: over metrics

    Returns:
        True for a comparison, a boolean or a function of that kind; False for a number.

    Raises:
        RuleError: it is no expression
    """
    return _is_truth(_parsed(expression))


def comparison_of(expression: str) -> tuple[str, float] | None:
    """Return the operator and the number of an expression that compares once with a number.

    Args:
        expression: over metrics

    Returns:
        As if the number stood on the right; None for any other expression.

    Raises:
        RuleError: it is no expression
    """
    node = _parsed(expression)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None
    operator = _OPERATORS.get(type(node.ops[0]))
    left, right = _number(node.left), _number(node.comparators[0])
    if operator is None or (left is None) == (right is None):
        return None
    return (operator, right) if right is not None else (_MIRRORED[operator], left or 0.0)


def distinguishes(when: Mapping[str, Any]) -> bool:
    """Return whether a `when` decides differently for true (1) and for false (0).

    Args:
        when: as it is written

    Returns:
        False where it is always or never bad; True, too, where that depends on more than the value,
        or where `when` is not usable, which the check of the rule says.
    """
    try:
        parsed = When.model_validate(dict(when))
        if parsed.expression is not None and parsed.expression.find("value") < 0:
            return True
        return judge(parsed, 1.0, firing=False).bad != judge(parsed, 0.0, firing=False).bad
    except (ValueError, ExpressionError):
        return True


def carried(parameters: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the parameters of `metric_expression` that another expression keeps.

    Args:
        parameters: the present ones
        names: that the new expression asks for

    Returns:
        All but the expression and its metrics; what is given for each name only for `names`.
    """
    kept: dict[str, Any] = {}
    for key, value in parameters.items():
        if key in _PER_NAME:
            of_names = {name: one for name, one in dict(value or {}).items() if name in names}
            if of_names:
                kept[key] = of_names
        elif key not in ("metrics", "expression"):
            kept[key] = value
    return kept


def _parsed(expression: str) -> ast.expr:
    try:
        return parse(expression)
    except ExpressionError as error:
        raise RuleError(f"condition: {error}") from None


def _is_truth(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Constant(value=bool()) | ast.Name(id="true" | "false"):
            return True
        case ast.IfExp():
            return _is_truth(node.body) and _is_truth(node.orelse)
        case ast.Call(func=ast.Name(id=name)):
            return name in _TRUTH_FUNCTIONS
        case _:
            return False


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign):
            inner = _number(node.operand)
            return None if inner is None else -inner if isinstance(sign, ast.USub) else inner
        case _:
            return None
