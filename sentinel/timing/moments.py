"""Read the moment that a timestamp of another system means. Pure.

ISO 8601 and RFC 3339; the time of Go, of Python and of databases with a named zone; RFC 2822 as in
mails and HTTP; the time of web servers' logs; and numbers since 1970 in seconds, milliseconds,
microseconds or nanoseconds, also in quotes.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["parse_moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((1e17, 1_000_000_000), (1e14, 1_000_000), (1e11, 1000))
"""Numbers from so large on count so many to a second: as seconds they lie 3,000 years ahead."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_ZONE = re.compile(r"\s*(?:\bUTC|\bGMT|\bZ|(?<=[0-9])Z)$", re.IGNORECASE)
_GO = re.compile(r" m=[+-][0-9.]+$")
_OFFSET = re.compile(r"\s+([+-][0-9]{2}:?[0-9]{2})(?: [A-Z]{3,5})?$")
_SLASHES = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})(?=[ T]|$)")
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b")
_LOG = "%d/%b/%Y:%H:%M:%S %z"
_LONGEST = 80


def parse_moment(given: str | float) -> datetime:
    """Return the moment that a timestamp means.

    Args:
        given: a text, in UTC where it names no zone, or a number since 1970; a number counts
            milliseconds, microseconds or nanoseconds where it is too large for seconds

    Returns:
        A moment in UTC.

    Raises:
        ValueError: it means none
    """
    try:
        return _of_text(given) if isinstance(given, str) else _of_number(given)
    except (ValueError, OverflowError, TypeError, OSError):
        raise ValueError(
            f"{str(given)[:_LONGEST]!r} is no moment: write 2026-01-31T12:00:00Z, or a number of "
            "seconds, milliseconds, microseconds or nanoseconds since 1970"
        ) from None


def _of_number(given: float) -> datetime:
    if not math.isfinite(given):
        raise ValueError(given)
    unit = next((unit for least, unit in _UNITS if abs(given) >= least), 1)
    seconds, rest = divmod(given, unit)
    return _EPOCH + timedelta(seconds=seconds, microseconds=rest * 1_000_000 / unit)


def _of_text(given: str) -> datetime:
    text = given.strip()
    if len(text) > _LONGEST or not text or (text.isdecimal() and len(text) > 20):
        raise ValueError(text)
    if _NUMBER.fullmatch(text):
        # A year or a date without hyphens is no number of seconds.
        if len(text) in (4, 8) and text.isdecimal():
            return _aware(datetime.fromisoformat(text))
        return _of_number(float(text) if "." in text else int(text))
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        pass
    plain = _SLASHES.sub(r"\1-\2-\3", _OFFSET.sub(r"\1", _ZONE.sub("", _GO.sub("", text))))
    for read in (datetime.fromisoformat, _of_mail, _of_log):
        for form in (plain, text):
            try:
                return _aware(read(form))
            except (ValueError, TypeError):
                continue
    raise ValueError(text)


def _of_mail(text: str) -> datetime:
    if not _MONTH.search(text):  # the parser of mails takes a row of digits for a date
        raise ValueError(text)
    return parsedate_to_datetime(text)


def _of_log(text: str) -> datetime:
    return datetime.strptime(text.strip("[]"), _LOG)  # noqa: DTZ007 - the format has a zone


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
