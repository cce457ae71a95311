"""What people send as events: one object, a list, `{"events": […]}`, or a line each. Pure."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

from sentinel.errors import ConfigurationError
from sentinel.events.incoming import Refused

__all__ = ["MOST_AT_ONCE", "NoEvents", "read_events", "read_with_nan"]

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
        found = read_with_nan(text)
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get("events")
        if isinstance(found, list):
            return [_without_nan(index, one) for index, one in enumerate(cast("list[Any]", found))]
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


def read_with_nan(body: bytes) -> Any:
    """Read JSON in which a program wrote NaN or Infinity, which JSON does not have.

    Python and others write them by default, so that one such number would cost a whole batch.

    Args:
        body: what is no JSON

    Returns:
        The value, with floats that are not finite; None where it is not JSON for another reason.
    """
    if b"NaN" not in body and b"Infinity" not in body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _without_nan(index: int, event: object) -> object:
    """Return `event`, or a refusal where it has a number that JSON does not have."""
    try:
        json.dumps(event, allow_nan=False)
    except (ValueError, RecursionError):
        message = "it has NaN or Infinity, which JSON does not have; send null or a text"
        return Refused(index=index, field="", message=message)
    return event


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
