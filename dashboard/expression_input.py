"""The input of an expression: it completes names, and marks the column of an error."""

from __future__ import annotations

import json
import keyword
from collections.abc import Collection
from typing import Any

import streamlit as st

from dashboard.blotter import widget
from sentinel.errors import ExpressionError
from sentinel.expression import FUNCTIONS, compile_expression
from sentinel.rules.condition import EXPRESSION_NAMES

__all__ = ["completions", "expression_input", "problem"]

WORDS = {"and": "both hold", "or": "one holds", "not": "the opposite", "in": "is one of a list"}
ABOUT = {
    "value": "of the reading", "unit": "of the check", "labels": "labels.NAME of the reading",
    "details": "details.NAME of the reading",
}  # fmt: skip


def completions(labels: Collection[str]) -> list[dict[str, Any]]:
    """Return what an expression may name.

    Args:
        labels: names of labels that readings have

    Returns:
        Name, what it is, and whether it is called, by name.
    """
    found = [{"name": name, "says": ABOUT[name]} for name in EXPRESSION_NAMES]
    found += [{"name": _of_label(name), "says": "a label"} for name in sorted(labels)]
    found += [{"name": name, "says": says} for name, says in WORDS.items()]
    calls = [
        {"name": name, "says": one.says, "call": True} for name, one in sorted(FUNCTIONS.items())
    ]
    return [*found, *calls]


def _of_label(name: str) -> str:
    """Return how an expression names a label: `labels.a-b` would be a difference."""
    plain = name.isidentifier() and not keyword.iskeyword(name)
    return f"labels.{name}" if plain else f"labels[{json.dumps(name, ensure_ascii=False)}]"


def problem(text: str) -> dict[str, Any] | None:
    """Return what is wrong with an expression, and where.

    Args:
        text: the expression

    Returns:
        Message, lines of the text, line and column, both counted from 1; column 0 where it is
        about the whole. None where it can be used.
    """
    try:
        compile_expression(text, EXPRESSION_NAMES)
    except ExpressionError as error:
        message = f"{error.message}. {error.hint}" if error.hint else error.message
        return {
            "text": text.strip(), "message": message, "lines": error.source.splitlines(),
            "line": error.line, "column": error.column,
        }  # fmt: skip
    return None


def expression_input(text: str, labels: Collection[str], of: str) -> str:
    """Show the input.

    Args:
        text: with which it begins
        labels: names of labels that it completes
        of: what it is of: another one begins anew

    Returns:
        What it holds.
    """
    state: Any = st.session_state.get("expression") or {}
    typed: dict[str, Any] = state.get("text") or {}
    held = str(typed["text"]) if typed.get("of") == of else text
    data = {
        "of": of, "text": held, "label": "Expression", "names": completions(labels),
        "placeholder": 'value > 90 and labels.mount != "/tmp"',
        "error": problem(held) if held.strip() else None,
    }  # fmt: skip
    widget("expression", data, "text")
    return held.strip()
