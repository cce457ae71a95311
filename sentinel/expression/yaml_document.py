"""YAML of people: read whole and safely, whatever aliases make of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import yaml

from sentinel.errors import ConfigurationError

__all__ = ["MOST_LETTERS", "MOST_PARTS", "loaded"]

_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_LETTERS = 2_000_000
"""Characters of a document."""
MOST_PARTS = 500_000
"""Names and values of a document, each as often as aliases of YAML repeat it."""


def loaded(text: str, where: str, hint: str, *, known: bool = False) -> dict[str, Any]:
    """Read a document as YAML.

    Args:
        text: of it
        where: what errors call it
        hint: how a document begins, for what is no names and values
        known: whether it was read before; then libyaml reads it where there is one, which takes a
            seventh of the time and has no limit of depth

    Returns:
        Its names and values.

    Raises:
        ConfigurationError: it is no YAML, too large, or no names and values
    """
    if len(text) > MOST_LETTERS:
        raise ConfigurationError(
            f"{where}: {len(text):,} characters are too many; {MOST_LETTERS:,} are allowed"
        )
    try:
        given: Any = yaml.load(text, Loader=_FAST if known else yaml.SafeLoader)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{where}: no YAML: {_problem(error)}") from None
    _bounded(given, where)
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"{where}: no YAML with names and values",
            hint=hint,
        )
    return cast("dict[str, Any]", given)


def _problem(error: Exception) -> str:
    """Return what is wrong with a text that is no YAML, and where, without quoting it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(getattr(error, "reason", "")) or type(error).__name__
    said = str(getattr(error, "problem", "")) or "it cannot be read"
    return f"{said}, line {mark.line + 1}, column {mark.column + 1}"


def _bounded(document: object, where: str) -> None:
    """Refuse a document that aliases make endless, or larger than anybody writes.

    Raises:
        ConfigurationError: it is
    """
    sizes: dict[int, int] = {}

    def size(value: object) -> int:
        parts: Iterable[object]
        if isinstance(value, dict):
            parts = cast("dict[object, object]", value).values()
        elif isinstance(value, list):
            parts = cast("list[object]", value)
        else:
            return 1
        key = id(cast("object", value))
        if key not in sizes:
            sizes[key] = MOST_PARTS  # what holds itself is endless
            sizes[key] = min(1 + sum(map(size, parts)), MOST_PARTS)
        return sizes[key]

    try:
        if size(document) < MOST_PARTS:
            return
    except RecursionError:
        raise ConfigurationError(f"{where}: parts lie too deep within each other") from None
    raise ConfigurationError(
        f"{where}: there are more than {MOST_PARTS:,} parts, or an alias (*) that holds itself",
        hint="Write out what YAML's aliases repeat, and leave out what is not needed.",
    )
