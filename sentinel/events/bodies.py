"""What people send as events: one object, a list, `{"events": […]}`, or a line each. Pure."""

from __future__ import annotations

from typing import Any, cast

import orjson

from sentinel.errors import ConfigurationError
from sentinel.events.incoming import Refused

__all__ = ["MOST_AT_ONCE", "NoEvents", "read_events"]

MOST_AT_ONCE = 10_000
"""So many events in one call."""


class NoEvents(ConfigurationError):
    """What was sent is neither JSON nor JSON line by line."""


def read_events(body: bytes) -> list[Any]:
    """Read the events of a request's body or of a file.

    What is no event is refused later, by its index, so that the rest can be kept.

    Args:
        body: a JSON object, a list, `{"events": […]}`, or an object a line (NDJSON); UTF-8

    Returns:
        Each event as it stands; a `Refused` for a line that is no JSON.

    Raises:
        NoEvents: nothing of it can be read
    """
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise NoEvents("there is nothing in it", hint="Send a JSON object, a list, or lines.")
    try:
        whole: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        lines = _lines(text)
        if len(lines) < 2 or all(isinstance(one, Refused) for one in lines):
            raise NoEvents(
                f"it is not JSON: {error}", hint="Send a JSON object, a list, or an object a line."
            ) from None
        return lines
    if isinstance(whole, list):
        return cast("list[Any]", whole)
    if isinstance(whole, dict):
        given = cast("dict[str, Any]", whole)
        if len(given) == 1 and isinstance(given.get("events"), list):
            return cast("list[Any]", given["events"])
        return [given]
    return [whole]


def _lines(text: bytes) -> list[Any]:
    found: list[Any] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            message = f"line {number} is not JSON: {error}"
            found.append(Refused(index=len(found), field="", message=message))
    return found
