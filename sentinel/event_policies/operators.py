"""The operators of a condition: each a test of what was found at its field.

A field that is not there satisfies no operator but `exists: false`; of several values any will
do, except that `ne` and `not_in` want that none is. A number is never equal to a text, and true
is never 1; where a size is asked for, a text that is a number counts as that number.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, cast

from sentinel.event_policies.clause import Condition
from sentinel.event_policies.fields import Found, text_of
from sentinel.expression.functions import in_network
from sentinel.regex.matcher import pattern

__all__ = ["MAX_PARTS", "Test", "as_number", "comparison_of", "equal_key", "folded", "test_of"]

Test = Callable[[Found], bool]
MAX_PARTS = 100
"""So many values of one field are looked for in the texts of another; pairs grow as a square."""
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "lt": operator.lt, "gte": operator.ge, "lte": operator.le,
}  # fmt: skip


def folded(value: Any, case_sensitive: bool) -> Any:
    """Return `value` in the form in which it is compared."""
    return value if case_sensitive or not isinstance(value, str) else value.casefold()


def equal_key(value: Any) -> Any:
    """Something that is equal for values that are the same: true is not 1."""
    return (bool, value) if isinstance(value, bool) else value


def as_number(value: Any) -> float | int | None:
    """Return the number that `value` is or says, None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def test_of(condition: Condition) -> Test:
    """Return the test that `condition` is."""
    value, case = condition.value, condition.case_sensitive
    match condition.operator:
        case "exists":
            wanted = bool(value)
            return lambda found: found.there is wanted
        case "eq" | "in":
            return _among(_keys(condition), case)
        case "ne" | "not_in":
            test = _among(_keys(condition), case)
            return lambda found: found.there and not test(found)
        case "gt" | "lt" | "gte" | "lte":
            return _ordered(_ORDER[condition.operator], value, case)
        case "contains":
            return _containing(value, case)
        case "startswith" | "endswith" as edge:
            return _at_edge(edge, folded(value, case), case)
        case "regex":
            search = pattern(value, not case).search
            return _any_text(search, True)
        case "cidr":
            return _any_text(lambda text: in_network(text, value), True)


def comparison_of(condition: Condition) -> Callable[[Found, Found], bool]:
    """Return the comparison of two fields that `condition` is.

    Args:
        condition: with a `value_field`

    Returns:
        Whether it holds of what was found at `field` and at `value_field`: for any pair of their
        values, except that `ne` wants both fields and no pair that is equal. Parts of texts are
        looked for among the first `MAX_PARTS` values of `value_field`.
    """
    case = condition.case_sensitive
    match condition.operator:
        case "eq":
            return lambda one, other: bool(_all_keys(one, case) & _all_keys(other, case))
        case "ne":
            return lambda one, other: (
                one.there and other.there and not _all_keys(one, case) & _all_keys(other, case)
            )
        case "contains":
            return lambda one, other: any(
                _containing(value, case)(one) for value in _values(other)[:MAX_PARTS]
            )
        case "startswith" | "endswith" as edge:
            return lambda one, other: any(
                _at_edge(edge, folded(text_of(value), case), case)(one)
                for value in _values(other)[:MAX_PARTS]
            )
        case _:
            work = _ORDER[condition.operator]
            extreme = min if condition.operator in ("gt", "gte") else max
            return lambda one, other: any(
                _ordered(work, value, case)(one) for value in _extremes(other, case, extreme)
            )


def _values(found: Found) -> tuple[Any, ...]:
    return (*found.plain, *found.items)


def _all_keys(found: Found, case: bool) -> set[Any]:
    return {equal_key(folded(one, case)) for one in _values(found)}


def _extremes(found: Found, case: bool, extreme: Callable[[Any], Any]) -> list[Any]:
    """Return of the numbers and of the other texts the one that is the easiest to exceed."""
    numbers = [number for one in _values(found) if (number := as_number(one)) is not None]
    texts = [
        folded(one, case)
        for one in _values(found)
        if isinstance(one, str) and as_number(one) is None
    ]
    return [extreme(kind) for kind in (numbers, texts) if kind]


def _at_edge(edge: str, text: str, case: bool) -> Test:
    if edge == "startswith":
        return _any_text(lambda whole: whole.startswith(text), case)
    return _any_text(lambda whole: whole.endswith(text), case)


def _keys(condition: Condition) -> frozenset[Any]:
    given = condition.value
    values = cast("list[Any]", given) if isinstance(given, list) else [given]
    return frozenset(equal_key(folded(one, condition.case_sensitive)) for one in values)


def _among(keys: frozenset[Any], case: bool) -> Test:
    def test(found: Found) -> bool:
        return any(
            equal_key(folded(one, case)) in keys
            for part in (found.plain, found.items)
            for one in part
        )

    return test


def _ordered(work: Callable[[Any, Any], bool], value: Any, case: bool) -> Test:
    number = as_number(value)
    if number is None:
        text = folded(value, case)
        return lambda found: any(
            work(folded(one, case), text)
            for one in (*found.plain, *found.items)
            if isinstance(one, str)
        )

    def test(found: Found) -> bool:
        for one in (*found.plain, *found.items):
            its = as_number(one)
            if its is not None and work(its, number):
                return True
        return False

    return test


def _containing(value: Any, case: bool) -> Test:
    part = folded(text_of(value), case)
    key = equal_key(folded(value, case))

    def test(found: Found) -> bool:
        return any(part in folded(text_of(one), case) for one in found.plain) or any(
            equal_key(folded(one, case)) == key for one in found.items
        )

    return test


def _any_text(holds: Callable[[str], bool], case: bool) -> Test:
    return lambda found: any(
        holds(folded(text_of(one), case)) for part in (found.plain, found.items) for one in part
    )
