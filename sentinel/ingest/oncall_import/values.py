"""Values of a vendor's JSON, read without trust in their types. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sentinel.errors import ConfigurationError
from sentinel.timing.active_hours import DAYS
from sentinel.timing.local_time import changes_of, local_of

__all__ = [
    "DAY", "WEEK", "changes_clock", "is_address", "length_text", "local_text", "moment", "number",
    "object_of", "objects_of", "text_of", "texts_of", "windows_of", "zone_of",
]  # fmt: skip

DAY, WEEK = 24 * 60, 7 * 24 * 60
"""Minutes."""
_MOST = 10**9
_YEARS = range(1970, 9000)
"""From which turns can be counted, whatever the time zone."""


def object_of(given: object) -> dict[str, Any]:
    """Return an object; an empty one for anything else."""
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def objects_of(given: object) -> list[dict[str, Any]]:
    """Return the objects of a list; none for anything else."""
    items = cast("list[Any]", given) if isinstance(given, list) else []
    return [cast("dict[str, Any]", one) for one in items if isinstance(one, dict)]


def texts_of(given: object) -> list[str]:
    """Return the texts of a list; none for anything else."""
    items = cast("list[Any]", given) if isinstance(given, list) else []
    return [one for one in items if isinstance(one, str)]


def text_of(given: object) -> str:
    """Return a text without space around it; an empty one for what is no text and no number."""
    if isinstance(given, str):
        return given.strip()
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else ""


def is_address(text: str) -> bool:
    """Return whether a text may be an address of mail, and so the name of a person."""
    return bool(text) and not any(one.isspace() or not one.isprintable() for one in text)


def number(given: object, otherwise: int) -> int:
    """Return a whole number; another for anything else, also for what no length or count can be."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= _MOST:
        return otherwise
    return int(given)


def moment(given: object, place: str) -> datetime:
    """Return a moment that a vendor wrote.

    Args:
        given: RFC 3339, the same without a zone (which is UTC), or milliseconds since 1970
        place: of it, for errors

    Returns:
        The moment in UTC.

    Raises:
        ConfigurationError: it is none
    """
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            found = datetime.fromtimestamp(given / 1000, UTC)
        else:
            found = datetime.fromisoformat(text_of(given))
            found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if found.year in _YEARS:
            return found
    except (ValueError, OverflowError, OSError):
        pass
    raise ConfigurationError(f"{place}: {given!r} is no time")


def zone_of(given: object) -> ZoneInfo | None:
    """Return a time zone by its IANA name; None for any other text."""
    try:
        return ZoneInfo(text_of(given))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def length_text(seconds: int) -> str:
    """Return a length as our document has it: 5m, or 90s."""
    return f"{seconds}s" if seconds % 60 else f"{seconds // 60}m"


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return what a clock on the wall shows at a moment, as our document has it."""
    return local_of(at, zone).strftime("%Y-%m-%dT%H:%M")


def changes_clock(zone: ZoneInfo, at: datetime) -> bool:
    """Return whether a zone's clock changes in the year of a moment, or in the next."""
    return any(changes_of(zone, year) for year in (at.year, at.year + 1))


def windows_of(spans: Iterable[tuple[int, int]]) -> list[Mapping[str, Any]]:
    """Return spans of a week as the windows of a layer.

    Args:
        spans: from and up to which minute of the week, counted from Monday 00:00; the second is
            greater than the first and may lie in the next week

    Returns:
        Windows, each within one day; none where the spans are the whole week.
    """
    by_day: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for start, end in spans:
        start, end = start % WEEK, start % WEEK + min(end - start, WEEK)
        while start < end:
            day = start // DAY
            stop = min(end, (day + 1) * DAY)
            by_day[day % 7].append((start - day * DAY, stop - day * DAY))
            start = stop
    days_of: dict[tuple[int, int], list[str]] = {}
    for name, pieces in zip(DAYS, by_day, strict=True):
        for piece in _joined(pieces):
            days_of.setdefault(piece, []).append(name)
    if days_of == {(0, DAY): list(DAYS)}:
        return []
    return [
        {"days": days, "start": _clock(start), "end": _clock(end)}
        for (start, end), days in sorted(days_of.items(), key=lambda one: DAYS.index(one[1][0]))
    ]


def _joined(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
