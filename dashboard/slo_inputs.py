"""The inputs of the form of an SLO, and what is said below each. Streamlit only."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

__all__ = ["FORM", "Slots", "key_of", "line_of", "number_of"]

FORM = "slo-form"
"""Number in the keys of the inputs: a form that was opened anew begins anew."""


def key_of(name: str) -> str:
    """Return the key of an input of the form that is open."""
    return f"slo-{name}-{int(st.session_state.get(FORM, 0))}"


class Slots:
    """Places below inputs, in which what is wrong with them is said once all are shown."""

    def __init__(self) -> None:
        self._slots: dict[str, Any] = {}

    def below(self, *fields: str) -> None:
        """Keep a place for what is wrong with these fields."""
        slot = st.empty()
        self._slots |= dict.fromkeys(fields, slot)

    def show(self, problems: dict[str, str]) -> None:
        """Say what is wrong: each at its field, or at the one that it is part of."""
        said: dict[int, tuple[Any, list[str]]] = {}
        for path, words in problems.items():
            field = path
            while field and field not in self._slots:
                field = field.rpartition(".")[0]
            slot = self._slots.get(field or "name")
            rest = path.removeprefix(field).removeprefix(".")
            lines = said.setdefault(id(slot), (slot, []))[1]
            lines.append(f"{rest}: {words}" if rest else words[:1].upper() + words[1:])
        for slot, lines in said.values():
            slot.html(f'<p class="field-error" role="alert">{escape(chr(10).join(lines))}</p>')


def line_of(label: str, name: str, value: str = "", **more: Any) -> str:
    """Show an input of a line, and return its text without spaces around it."""
    return str(st.text_input(label, value, key=key_of(name), **more) or "").strip()


def number_of(label: str, name: str, value: float | None, **more: Any) -> float | None:
    """Show an input of a number, and return it."""
    return st.number_input(label, value=value, key=key_of(name), **more)
