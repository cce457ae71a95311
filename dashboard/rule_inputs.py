"""The inputs of the rule builder: parameters of a check, its condition, and a place for errors."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import Any, cast

import streamlit as st

from dashboard.expression_input import expression_input
from dashboard.readings_chart import lines_of
from dashboard.rule_form import ParameterField, in_yaml, read_value
from sentinel.checks.trigger import Trigger
from sentinel.errors import RuleError
from sentinel.severity import Severity

__all__ = ["Slots", "condition", "number", "parameter"]

KINDS = {
    "above": "above", "below": "below", "outside": "outside", "equals": "equals",
    "levels": "levels by severity", "expression": "an expression",
}  # fmt: skip
OWN = "own"
WORDS = [one.word for one in sorted(Severity, reverse=True)]


class Slots:
    """A place below each input for what is wrong with it, filled once the whole is read."""

    def __init__(self) -> None:
        self._places: dict[str, Any] = {}
        self._titles: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}

    def below(self, field: str, title: str = "") -> None:
        """Keep the place here for a field; it says its title where several inputs are above."""
        self._places[field] = st.empty()
        self._titles[field] = title

    def show(self, problems: dict[str, str], otherwise: str) -> None:
        """Show each problem below its input.

        Args:
            problems: messages by field
            otherwise: the field that has the place for those that have none of their own
        """
        for field, message in problems.items():
            place = self._places.get(field) or self._places[otherwise]
            if field in self._places:
                title = self._titles[field]
                named = f"{title}: {message}" if title else message[:1].upper() + message[1:]
            else:
                named = f"{field}: {message}" if field else message
            place.html(f'<p class="field-error" role="alert">{escape(named)}</p>')


def number(value: Any) -> float | int | None:
    """Return what an input of a number shows for a value; None where it is no number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def parameter(field: ParameterField, held: Any, key: str, slots: Slots) -> Any:
    """Show the input of a parameter.

    Args:
        field: of the parameter
        held: its value; None where it has its default
        key: of the input
        slots: what keeps the place below it

    Returns:
        What it holds; None for nothing.
    """
    value = field.default if held is None else held
    title = field.title if not field.required else f"{field.title} *"
    found: Any = None
    about = field.help or None
    if field.kind == "flag":
        found = st.checkbox(title, bool(value), key=key, help=about)
    elif field.kind == "choice":
        at = field.choices.index(value) if value in field.choices else None
        found = st.selectbox(title, field.choices, index=at, key=key, help=about)
    elif field.kind == "whole":
        shown = number(value)
        found = st.number_input(
            title, value=None if shown is None else int(shown), step=1, key=key, help=about
        )
    elif field.kind == "number":
        shown = number(value)
        found = st.number_input(
            title, value=None if shown is None else float(shown), key=key, help=about, format="%g",
            step=1.0,
        )  # fmt: skip
    elif field.kind == "list":
        given = cast("list[object]", value) if isinstance(value, list) else []
        chosen = [str(one) for one in given]
        found = st.multiselect(
            title, list(dict.fromkeys([*field.choices, *chosen])), default=chosen, key=key,
            accept_new_options=not field.choices, help=about, placeholder="",
        )  # fmt: skip
    elif field.kind == "yaml":
        text = st.text_area(title, _as_yaml(value, field.default), key=key, help=about, height=90)
        found = _read(str(text or ""), f"parameters.{field.name}", slots)
    elif field.name in ("query", "body"):
        found = st.text_area(title, _text(value), key=key, help=about, height=90) or None
    else:
        found = st.text_input(title, _text(value), key=key, help=about) or None
    slots.below(f"parameters.{field.name}")
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _as_yaml(value: Any, default: Any) -> str:
    """Return what the input shows: an empty one means the default, so nothing else may be empty."""
    if value in ({}, []) and default not in (None, value):
        return "{}" if value == {} else "[]"
    return in_yaml(value)


def _read(text: str, field: str, slots: Slots) -> Any:
    try:
        return read_value(text)
    except RuleError as error:
        slots.unreadable[field] = str(error)
        return None


def condition(
    trigger: Trigger[..., Any], when: dict[str, Any] | None, key: str, labels: Collection[str]
) -> dict[str, Any] | None:
    """Show the inputs of the condition.

    Args:
        trigger: the check, which may have a condition of its own
        when: the rule's; None where the check's holds
        key: what the keys of the inputs begin with
        labels: names of labels that an expression completes

    Returns:
        The rule's `when`; None where the check's own condition holds.
    """
    options = list(KINDS)
    judges = trigger.when is not None or trigger.judges or trigger.closed_world
    if judges:
        options.insert(0, OWN)
    held = when or {}
    now = next((kind for kind in KINDS if held.get(kind) is not None), OWN if judges else "above")
    kind = st.selectbox(
        "Condition", options, index=options.index(now), key=f"{key}-when",
        help="Which values are bad",
        format_func=lambda one: KINDS.get(one, _own(trigger)),
    )  # fmt: skip
    if kind == OWN:
        return None
    found: dict[str, Any] = {}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if kind in ("above", "below", "equals"):
            found[kind] = _threshold("Threshold", held.get(kind), f"{key}-{kind}", trigger.unit)
        elif kind == "outside":
            low, high = held.get("outside") or (None, None)
            found["outside"] = [
                _threshold("Lowest", low, f"{key}-low", trigger.unit),
                _threshold("Highest", high, f"{key}-high", trigger.unit),
            ]
        elif kind == "levels":
            found |= _levels(held, key)
        else:
            found["expression"] = expression_input(
                str(held.get("expression") or ""), labels, f"{key}-expression"
            )
        if kind not in ("equals", "expression"):
            clear = _threshold("Clear threshold", held.get("clear"), f"{key}-clear", trigger.unit,
                               "Once firing, good again only past this")  # fmt: skip
            if clear is not None:
                found["clear"] = clear
    return found


def _own(trigger: Trigger[..., Any]) -> str:
    said = ", ".join(one.name for one in lines_of(trigger.when))
    return f"as the check says: {said} {trigger.unit}".strip() if said else "as the check says"


def _threshold(title: str, held: Any, key: str, unit: str, about: str = "") -> float | None:
    shown = number(held)
    return st.number_input(
        f"{title} ({unit})" if unit else title, value=None if shown is None else float(shown),
        key=key, width=170, format="%g", step=1.0, help=about or None,
    )  # fmt: skip


def _levels(held: dict[str, Any], key: str) -> dict[str, Any]:
    given: dict[str, Any] = held.get("levels") or {}
    found: dict[str, float] = {}
    direction = st.selectbox(
        "Direction", ["above", "below"], key=f"{key}-direction", width=110,
        index=["above", "below"].index(held.get("direction", "above")),
    )  # fmt: skip
    for word in dict.fromkeys([*WORDS, *given]):
        value = _threshold(word.capitalize(), given.get(word), f"{key}-level-{word}", "")
        if value is not None:
            found[word] = value
    return {"levels": found, **({} if direction == "above" else {"direction": direction})}
