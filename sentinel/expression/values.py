"""What values there are, and arithmetic that cannot grow without bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

__all__ = [
    "ARITHMETIC", "MAX_TEXT", "Refused", "kind_of", "member", "number", "same", "within",
]  # fmt: skip

MAX_TEXT = 100_000
"""Texts that are made or looked through are no longer than this, in characters."""
_MAX_WHOLE = 2**63


class Refused(Exception):
    """An operation on values of the wrong kind or size; its words say which.

    It never leaves this package: there it becomes an `ExpressionError` with a column.
    """


def kind_of(value: object) -> str:
    """Return what people call such a value."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple | frozenset):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else type(value).__name__


def number(value: object) -> int | float:
    """Return `value`, if it is a number.

    Args:
        value: anything; true and false are no numbers

    Returns:
        The same number.

    Raises:
        Refused: it is none
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"needs a number, got {kind_of(value)}")
    return value


def within(value: int | float) -> int | float:
    """Return `value`, as a fraction where it is too large for a whole number.

    Args:
        value: the result of an operation

    Returns:
        A finite number.

    Raises:
        Refused: it is not finite
    """
    if isinstance(value, int):
        if abs(value) > _MAX_WHOLE:
            return float(value)
        return value
    if not math.isfinite(value):
        raise Refused("gives a number that is too large")
    return value


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, str) and isinstance(b, str):
        if len(a) + len(b) > MAX_TEXT:
            raise Refused(f"gives a text of more than {MAX_TEXT} characters")
        return a + b
    return within(number(a) + number(b))


def _power(a: Any, b: Any) -> int | float:
    base, exponent = number(a), number(b)
    try:
        found = math.pow(base, exponent)
    except OverflowError:
        raise Refused("gives a number that is too large") from None
    except ValueError:
        raise Refused("has no answer among the real numbers") from None
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if whole and abs(found) <= _MAX_WHOLE else within(found)


def _divided(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def divide(a: Any, b: Any) -> Any:
        try:
            return within(work(number(a), number(b)))
        except ZeroDivisionError:
            raise Refused("divides by zero") from None

    return divide


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": _add,
    "Sub": lambda a, b: within(number(a) - number(b)),
    "Mult": lambda a, b: within(number(a) * number(b)),
    "Div": _divided(lambda a, b: a / b),
    "FloorDiv": _divided(lambda a, b: a // b),
    "Mod": _divided(lambda a, b: a % b),
    "Pow": _power,
}
"""By the name of the node; numbers only, but that texts can be added."""


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal; true is not 1."""
    if isinstance(a, bool) is not isinstance(b, bool):
        return False
    return bool(a == b)


def member(item: Any, whole: Any) -> bool:
    """Return whether `item` is in a list, among the names of a mapping, or part of a text.

    Args:
        item: what is searched for
        whole: where; None has nothing in it

    Returns:
        Whether it is there.

    Raises:
        Refused: nothing can be in such a value
    """
    if whole is None:
        return False
    if isinstance(whole, str):
        if item is None:
            return False
        if not isinstance(item, str):
            raise Refused(f"looks for {kind_of(item)} in a text")
        return item in whole
    if isinstance(whole, list | tuple):
        parts = cast("list[Any]", whole)
        # Only these may be taken for one another: true for 1, and false for 0.
        if item == 0 or item == 1:
            return any(same(item, one) for one in parts)
        return item in parts
    if isinstance(whole, frozenset | Mapping):
        try:
            return item in cast("Mapping[Any, Any]", whole)
        except TypeError:  # a list has no hash, so it is no name and in no set
            return False
    raise Refused(f"looks into {kind_of(whole)}")
