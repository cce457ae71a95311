"""Message templates: `{field}` and `{labels.mount}` in plain text, and nothing that can act.

A path is one of those that conditions of event policies take: names with dots between them, where a
name may have dots in itself, a number is a place in a list, and a list on the way stands for each
of its elements: `{recs.0.user}`, `{@timestamp}`. Null, true and objects are written as JSON.

A number may say how it is written, in the words of Python's format specification as far as they
are about digits: `{value:.1f}`, `{value:,.0f}`, `{value:.1%}`, `{value:.3g}`, `{value:d}`. Names
that do not exist and other specifications stay as they are written, so that a typing error is
seen, not hidden.

What Prometheus and Jinja write is understood too: `{{ $labels.mount }}`, `{{ $value }}`,
`{{ mount }}`. In a `prefect.yaml`, however, Prefect takes `{{ … }}` for a template of its own and
removes it, so that lint refuses it there (`taken_by_prefect`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

__all__ = [
    "MAX_TEXT",
    "misspelt",
    "number",
    "placeholders",
    "render",
    "taken_by_prefect",
    "values_at",
]

MAX_TEXT = 4000
_NAME = r"(?:[^\W\d]|[@$#])[^{}:!\n\"',]{0,198}"
_FIELD = re.compile(rf"\{{({_NAME})(?::(,?(?:\.\d{{1,2}})?[feg%]|,?d))?\}}")
_LONGEST = 10**30
_NEARLY = re.compile(rf"\{{{_NAME}[:!][^{{}}\s]{{0,20}}\}}")
_DOUBLE = re.compile(r"\{\{-?\s*([^{}\n]{1,200}?)\s*-?\}\}")
_VALUE = re.compile(r"(?:\$value|\.Value)(?:\s*\|\s*humanize\w*)?")
_LABEL = re.compile(r"(?:\$labels|\.Labels)\.(\S+)")
_PATH = re.compile(r"[^\W\d][\w.@-]*|@[\w.@-]+")
_OF_PREFECT = re.compile(r"\$(?!value\b|labels\b)[A-Za-z_]\w*|prefect\.(blocks|variables)\..+")


def render(template: str, fields: Mapping[str, Any]) -> str:
    """Fill in every `{name}` or `{name.part}` that `fields` has.

    Args:
        template: the text
        fields: values by name; a nested mapping is reached with dots

    Returns:
        The text, at most `MAX_TEXT` characters; what was cut ends with an ellipsis.
    """
    if "{" in template:
        template = _FIELD.sub(lambda match: _filled(match, fields), _single(template))
    return template if len(template) <= MAX_TEXT else template[: MAX_TEXT - 1] + "…"


def placeholders(template: str) -> list[str]:
    """Return the names that `template` asks for, in their order, each once."""
    return list(dict.fromkeys(match.group(1) for match in _FIELD.finditer(_single(template))))


def misspelt(template: str) -> list[str]:
    """Return what looks like a placeholder whose format specification is not known here."""
    return [one for one in _NEARLY.findall(template) if not _FIELD.fullmatch(one)]


def taken_by_prefect(text: str) -> list[tuple[str, str]]:
    """Return what Prefect would remove from a text when it deploys a `prefect.yaml`.

    Args:
        text: a template of ours as the file has it

    Returns:
        Each `{{ … }}` that names neither a variable of the environment nor one of Prefect's
        blocks and variables, with what to write instead; empty where there is no such thing.
    """
    found: dict[str, str] = {}
    for match in _DOUBLE.finditer(text):
        if not _OF_PREFECT.fullmatch(match.group(1)):
            single = _of_double(match)
            found[match.group(0)] = "" if single == match.group(0) else single
    return list(found.items())


def values_at(value: Any, parts: list[str], into: list[Any]) -> None:
    """Collect everything at a path, null included.

    Args:
        value: JSON
        parts: of the path, between its dots
        into: gets the values
    """
    if not parts:
        into.append(value)
        return
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        for used in range(len(parts), 0, -1):
            name = ".".join(parts[:used])
            if name in mapping:
                values_at(mapping[name], parts[used:], into)
                return
    elif isinstance(value, list):
        elements = cast("list[Any]", value)
        if parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) < 6:
            if int(parts[0]) < len(elements):
                values_at(elements[int(parts[0])], parts[1:], into)
            return
        for one in elements:
            values_at(one, parts, into)


def _single(template: str) -> str:
    """Return a template with Prometheus' and Jinja's placeholders as ours."""
    return _DOUBLE.sub(_of_double, template) if "{{" in template else template


def _of_double(match: re.Match[str]) -> str:
    name = match.group(1)
    if _VALUE.fullmatch(name):
        return "{value}"
    if label := _LABEL.fullmatch(name):
        return f"{{labels.{label.group(1)}}}"
    return f"{{{name}}}" if _PATH.fullmatch(name) else match.group(0)


def _filled(match: re.Match[str], fields: Mapping[str, Any]) -> str:
    values: list[Any] = []
    values_at(fields, match.group(1).split("."), values)
    if not values:
        return match.group(0)
    return ", ".join(_written(value, match.group(2)) for value in values)


def _written(value: Any, how: str | None) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    if not isinstance(value, int | float):
        return str(value)
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
