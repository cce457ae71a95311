"""The fields of an event as conditions are made of them, and what a policy matches. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import yaml

from dashboard.rule_form import read_value
from sentinel.event_policies.clause import Condition, Operator
from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.model import EventPolicy

__all__ = [
    "MOST_FIELDS",
    "condition_of",
    "fields_of_event",
    "matched",
    "summary_of_event",
    "typed_value",
]

MOST_FIELDS = 120
MOST_DEEP = 12
Scalar = str | int | float | bool


def fields_of_event(event: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return the values of an event by their dotted path.

    Args:
        event: the JSON object

    Returns:
        At most `MOST_FIELDS`, in the order of the event. Of a list the first value stands for all,
        since any element satisfies a condition; what is null or empty has none.
    """
    found: dict[str, Scalar] = {}
    _gather(event, (), found)
    return found


def _gather(value: Any, path: tuple[str, ...], found: dict[str, Scalar]) -> None:
    if len(found) >= MOST_FIELDS or len(path) > MOST_DEEP:
        return
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, Any]", value).items():
            _gather(inner, (*path, str(name)), found)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            _gather(inner, path, found)
    elif path and isinstance(value, str | int | float):
        found.setdefault(".".join(path), value)


def typed_value(typed: str, operator: Operator, *, of_text: bool) -> Any:
    """Return what was typed as the value of a condition.

    A text stays a text where the event has one: "42" does not equal 42, nor NO false.

    Args:
        typed: one value, or a list as YAML writes it
        operator: how it is compared
        of_text: whether the field of the event holds a text

    Returns:
        The value.

    Raises:
        RuleError: it cannot be read
    """
    if not of_text or operator == "exists":
        return read_value(typed)
    if operator in ("in", "not_in") and typed.lstrip().startswith("["):
        read_value(typed)  # refuses what is no YAML, or too much of it
        return yaml.load(typed, yaml.BaseLoader)
    return typed


def condition_of(path: str, operator: Operator, value: Any, *, any_case: bool) -> Condition:
    """Return a condition.

    Args:
        path: of the field
        operator: how it is compared
        value: with what; one value becomes a list where the operator wants one
        any_case: whether A is as good as a

    Returns:
        The condition.

    Raises:
        ValidationError: the operator cannot take the value
    """
    if operator in ("in", "not_in"):
        value = cast("list[object]", value) if isinstance(value, list) else [value]
    if operator == "exists":
        value = bool(value)
    return Condition(field=path, operator=operator, value=value, case_sensitive=not any_case)


def matched(policy: EventPolicy, events: Sequence[Mapping[str, Any]]) -> int:
    """Return how many of some events a policy matches."""
    check = compile_policy(policy)
    return sum(bool(check(cast("dict[str, Any]", event))) for event in events)


def summary_of_event(event: Mapping[str, Any]) -> str:
    """Return an event in a line: its first values."""
    values = [f"{path}={value}" for path, value in list(fields_of_event(event).items())[:6]]
    return ", ".join(values)[:160] or "an empty event"
