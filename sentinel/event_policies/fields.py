"""Finding a dotted field in nested JSON, through lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from sentinel.template import values_at

__all__ = ["ANYWHERE", "NOWHERE", "Found", "finder", "shortened", "text_of"]

ANYWHERE = "*"
"""The path of every value in an event, however deep."""
_SCALARS: frozenset[object] = frozenset((str, int, float, bool))


class Found(NamedTuple):
    """What is at a path: values themselves, and the elements of lists that lie there.

    `there` is true where anything but null is, an empty list included.
    """

    plain: tuple[Any, ...]
    items: tuple[Any, ...]
    there: bool


NOWHERE = Found((), (), False)


def finder(path: str) -> Callable[[Mapping[str, Any]], Found]:
    """Return the function that finds `path` in an event.

    At every step a key that has the dots in itself is taken first, then the nested one. A list
    on the way stands for each of its elements, and for one of them where the step is a number.

    Args:
        path: names with dots between them, or `ANYWHERE`

    Returns:
        A function that returns all values at that path.
    """
    if path == ANYWHERE:
        return _everything
    parts = path.split(".")
    head, rest = parts[0], parts[1:]

    def find_flat(event: Mapping[str, Any]) -> Found:
        value = event.get(path)
        if value is None:
            return NOWHERE
        if type(value) in _SCALARS:
            return Found((value,), (), True)
        return _gathered([value])

    def find_deep(event: Mapping[str, Any]) -> Found:
        value = event.get(path)
        if value is not None:
            return _gathered([value])
        inner = event.get(head)
        if type(inner) is dict and len(rest) == 1:
            value = cast("dict[str, Any]", inner).get(rest[0])
            if type(value) in _SCALARS:
                return Found((value,), (), True)
        values: list[Any] = []
        values_at(event, parts, values)
        values = [value for value in values if value is not None]
        return _gathered(values) if values else NOWHERE

    return find_deep if rest else find_flat


def _everything(event: Mapping[str, Any]) -> Found:
    """Return every value in an event, those in lists and mappings included, but no names."""
    found: list[Any] = []
    waiting: list[Any] = [event]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(reversed(list(cast("Mapping[str, Any]", value).values())))
        elif isinstance(value, list | tuple):
            waiting.extend(reversed(cast("list[Any]", value)))
        elif value is not None:
            found.append(value)
    return Found(tuple(found), (), bool(found))


def _gathered(values: list[Any]) -> Found:
    plain: list[Any] = []
    items: list[Any] = []
    for value in values:
        if isinstance(value, list | tuple):
            items += _flattened(cast("list[Any]", value))
        elif not isinstance(value, Mapping):
            plain.append(value)
    return Found(tuple(plain), tuple(items), True)


def _flattened(values: list[Any]) -> list[Any]:
    """Return the elements of lists within lists, however deep, in their order."""
    found: list[Any] = []
    waiting = [iter(values)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, list):
                waiting.append(iter(cast("list[Any]", value)))
                break
            if value is not None and not isinstance(value, Mapping):
                found.append(value)
        else:
            waiting.pop()
    return found


def text_of(value: Any) -> str:
    """Return a value as text, so that `startswith: "5"` finds the status 503."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters that differs where the whole texts differ.

    Args:
        text: any text
        most: how many characters may be kept, more than 17

    Returns:
        The text itself, or where it is too long its beginning and 16 hex digits of a hash of it.
    """
    if len(text) <= most:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: most - 17]}…{digest}"
