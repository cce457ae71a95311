"""Attributes as texts: the columns of attributes are maps from text to text."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import orjson

__all__ = ["pairs_of", "text_of"]

_DEEPEST = 32
"""Lists and maps within one another; what lies deeper is left out."""


def pairs_of(attributes: Iterable[Any]) -> list[tuple[str, str]]:
    """Return attributes of OTLP as names and texts.

    Args:
        attributes: `KeyValue` messages

    Returns:
        In their order; of a name that comes twice, the last, since a map has it once.
    """
    found = {one.key: one.value.string_value or text_of(one.value) for one in attributes}
    return list(found.items())


def text_of(value: Any) -> str:
    """Return a value of OTLP as text.

    Args:
        value: an `AnyValue` message

    Returns:
        A text as it is; a number or a boolean as JSON has it, `NaN` and `Infinity` by these words;
        bytes in base64; a list or a map as JSON; nothing for a value that is not set.
    """
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return str(value.string_value)
    if kind is None:
        return ""
    plain = _plain(value, kind, 0)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, int):
        return str(plain)
    if isinstance(plain, float):
        return _number(plain)
    return orjson.dumps(plain).decode()


def _plain(value: Any, kind: str | None, depth: int) -> Any:
    if kind is None or depth > _DEEPEST:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_inner(one, depth) for one in found.values]
    if kind == "kvlist_value":
        return {one.key: _inner(one.value, depth) for one in found.values}
    return base64.b64encode(found).decode() if kind == "bytes_value" else found


def _inner(value: Any, depth: int) -> Any:
    return _plain(value, value.WhichOneof("value"), depth + 1)


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return orjson.dumps(value).decode()
