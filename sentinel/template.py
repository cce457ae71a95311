"""Message templates: `{field}` and `{labels.mount}` in plain text, and nothing that can act.

A number may say how it is written, in the words of Python's format specification as far as they
are about digits: `{value:.1f}`, `{value:,.0f}`, `{value:.1%}`, `{value:.3g}`, `{value:d}`. Names
that do not exist and other specifications stay as they are written, so that a typing error is
seen, not hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

__all__ = ["MAX_TEXT", "misspelt", "number", "placeholders", "render"]

MAX_TEXT = 4000
_NAME = r"[A-Za-z_][A-Za-z0-9_.\-/]{0,99}"
_FIELD = re.compile(rf"\{{({_NAME})(?::(,?(?:\.\d{{1,2}})?[feg%]|,?d))?\}}")
_LONGEST = 10**30
_NEARLY = re.compile(rf"\{{{_NAME}[:!][^{{}}\s]{{0,20}}\}}")


def render(template: str, fields: Mapping[str, Any]) -> str:
    """Fill in every `{name}` or `{name.part}` that `fields` has.

    Args:
        template: the text
        fields: values by name; a nested mapping is reached with dots

    Returns:
        The text, at most `MAX_TEXT` characters; what was cut ends with an ellipsis.
    """
    if "{" in template:
        template = _FIELD.sub(lambda match: _filled(match, fields), template)
    return template if len(template) <= MAX_TEXT else template[: MAX_TEXT - 1] + "…"


def placeholders(template: str) -> list[str]:
    """Return the names that `template` asks for, in their order, each once."""
    return list(dict.fromkeys(match.group(1) for match in _FIELD.finditer(template)))


def misspelt(template: str) -> list[str]:
    """Return what looks like a placeholder whose format specification is not known here."""
    return [one for one in _NEARLY.findall(template) if not _FIELD.fullmatch(one)]


def _filled(match: re.Match[str], fields: Mapping[str, Any]) -> str:
    name = match.group(1)
    value: Any = fields
    rest = name
    while rest:
        if not isinstance(value, Mapping):
            return match.group(0)
        mapping = cast("Mapping[str, Any]", value)
        if rest in mapping:  # a key may itself have dots in it
            value, rest = mapping[rest], ""
            continue
        head, dot, tail = rest.partition(".")
        if not dot or head not in mapping:
            return match.group(0)
        value, rest = mapping[head], tail
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    how = match.group(2)
    if how is None:
        return number(value)
    try:
        return format(float(value), how.replace("d", ".0f"))
    except OverflowError:
        return number(value)


def number(value: float) -> str:
    """Write `value` for people: at most six significant digits, a whole number whole."""
    if isinstance(value, int) and abs(value) < _LONGEST:
        return f"{value}"
    try:
        fraction = float(value)
    except OverflowError:  # a whole number may be longer than any float
        return "over 1e308" if value > 0 else "below -1e308"
    if fraction.is_integer() and abs(fraction) < 1e15:
        return f"{int(fraction)}"
    return f"{fraction:.6g}"
