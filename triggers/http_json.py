"""Numbers out of JSON that an address answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import ConfigurationError, ReadingError
from triggers._web import json_of

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@trigger(category="data")
def http_json(
    ctx: Context,
    url: str,
    value: str,
    each: str = "",
    labels: dict[str, str] = {},  # noqa: B006 - a form's default; nothing here changes it
    headers: dict[str, str] = {},  # noqa: B006 - as above
    method: Annotated[str, Field(pattern="^(GET|POST)$")] = "GET",
    body: str = "",
    most: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0,
) -> Iterator[Reading]:
    """A number out of the JSON that an address answers, or one of each object of a list.

    True counts as 1, false as 0, text that is a number as that; where there is none, the series
    is not seen. An answer that is no JSON or no success is a failed check.

    Args:
        ctx: fills {secret:NAME}; notes objects without a number
        url: http or https; {secret:NAME} is filled from the Prefect Secret block of that name
        value: where the number is, for example queue.depth or data[0].count
        each: where a list is, of which every object is a series; empty means the answer is one
        labels: where each label is in the object, for example {queue: name}; a text in quotes
            stands for itself
        headers: sent along; {secret:NAME} is filled
        method: GET or POST
        body: what is sent, as JSON text
        most: more objects than this are an error, not left out
        timeout_seconds: no answer within this long is a failed check

    Yields:
        A reading with the number found for the answer or for each object of the list.

    Raises:
        ConfigurationError: there are more objects than `most`
        ReadingError: `each` leads to something that is no list
    """
    content = json_of(
        ctx.filled(url),
        seconds=timeout_seconds,
        headers={name: ctx.filled(text) for name, text in headers.items()},
        method=method,
        body=body,
    )
    found = _at(content, each) if each else [content]
    if not isinstance(found, list):
        raise ReadingError(f"{each!r} of the answer is no list")
    objects = cast("list[object]", found)
    if len(objects) > most:
        raise ConfigurationError(
            f"the answer lists {len(objects):,} objects, more than {most:,}", hint="Raise `most`."
        )
    for one in objects:
        named = {name: _label(one, where) for name, where in labels.items()}
        known = {name: text for name, text in named.items() if text is not None}
        number = _number(_at(one, value), value)
        if number is None:
            ctx.unknown(known)
            continue
        yield Reading(labels=known, value=number)


def _at(content: object, where: str) -> object:
    """Return the value at `where`; None where there is none."""
    for match in _STEP.finditer(where):
        name, index = match.groups()
        if name is not None and isinstance(content, dict):
            content = cast("dict[str, Any]", content).get(name)
        elif index is not None and isinstance(content, list):
            several = cast("list[object]", content)
            content = several[int(index)] if int(index) < len(several) else None
        else:
            return None
    return content


def _label(one: object, where: str) -> str | None:
    if len(where) >= 2 and where[0] == where[-1] and where[0] in "'\"":
        return where[1:-1]
    found = _at(one, where)
    return None if found is None else str(found)[:200]


def _number(found: object, where: str) -> float | None:
    if found is None:
        return None
    if isinstance(found, bool | int | float):
        return float(found)
    if isinstance(found, str):
        try:
            return float(found)
        except ValueError:
            pass
    raise ReadingError(f"{where!r} of the answer is no number: {found!r:.80}")
