"""Lengths of time as people write them: `30s`, `5m`, `1h30m`, `7d`, or seconds as a number."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["Duration", "format_duration", "parse_duration"]

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_ISO = re.compile(
    r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE
)
# What a form refuses at once; the last word is `parse_duration`'s.
_WRITTEN = r"^\s*([0-9.]+\s*(ms|s|m|h|d|w)\s*)+$|^\s*[0-9.]+\s*$|^\s*[Pp][0-9A-Za-z.]+\s*$"
_LONGEST = timedelta(days=3650)


def parse_duration(given: object) -> timedelta:
    """Parse a length of time.

    Args:
        given: text such as `1h30m` or ISO 8601's `PT1H30M`, a number of seconds, or a timedelta

    Returns:
        Between 0 and ten years, to the microsecond.

    Raises:
        ValueError: it is no length of time, a negative one, or one of over ten years
    """
    if isinstance(given, timedelta):
        length = given
    elif isinstance(given, int | float) and not isinstance(given, bool):
        if not 0 <= given <= _LONGEST.total_seconds():  # also refuses nan and inf
            raise ValueError(f"{given!r} is not a duration between 0 and ten years (3650d)")
        length = timedelta(seconds=given)
    elif isinstance(given, str):
        seconds = _seconds(given)
        if not 0 <= seconds <= _LONGEST.total_seconds():
            raise ValueError(f"{given!r} is not a duration between 0 and ten years (3650d)")
        length = timedelta(seconds=seconds)
    else:
        raise ValueError(f"{given!r} is not a duration: write 30s, 5m, 1h30m or 7d")
    if not timedelta(0) <= length <= _LONGEST:
        raise ValueError(f"{given!r} is not a duration between 0 and ten years (3650d)")
    return length


@lru_cache(maxsize=256)  # a thousand rules have a few periods
def _seconds(given: str) -> float:
    """Return the seconds that a text says, however many."""
    text = given.strip().replace(" ", "")
    if len(text) <= 64 and text[:1] in ("P", "p"):
        return _iso(text)
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    if len(text) > 64 or not _WHOLE.fullmatch(text):
        raise ValueError(f"{given!r} is not a duration: write 30s, 5m, 1h30m or 7d")
    return sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))


def _iso(text: str) -> float:
    """Return the seconds of an ISO 8601 duration of weeks and below, as Prefect writes them."""
    found = _ISO.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is not a duration: write 30s, 5m, 1h30m or 7d")
    sizes = (604_800, 86_400, 3600, 60, 1)
    return sum(float(n) * size for n, size in zip(found.groups(), sizes, strict=True) if n)


def format_duration(length: timedelta) -> str:
    """Write `length` as `parse_duration` reads it, largest units first, to the millisecond."""
    left = round(length.total_seconds() * 1000)
    if left == 0:
        return "0s"
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _validate(given: Any) -> timedelta:
    return parse_duration(given)


Duration = Annotated[
    timedelta,
    BeforeValidator(_validate),
    PlainSerializer(format_duration, return_type=str),
    # The pattern lets `prefect deploy` refuse what a run could not read.
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": _WRITTEN,
                },
                {"type": "number", "minimum": 0},
            ],
            "examples": ["5m", "30s"],
        }
    ),
]
"""A pydantic field that takes what `parse_duration` takes and is written back as text."""
