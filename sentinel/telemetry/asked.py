"""What somebody asks for: a query or plain words, and a period. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from sentinel.duration import parse_duration
from sentinel.telemetry.plain_words import is_plain, query_of_words
from sentinel.telemetry.query import Both, Field, FieldKind, Node, Query, QueryFault, parse_query
from sentinel.timing.moments import parse_moment

__all__ = [
    "Asked", "BadParameter", "Language", "ask", "compared_lengths", "moment_of", "nanoseconds_of",
]  # fmt: skip

Language = Literal["auto", "query", "words"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_COMPARED = timedelta(days=7)


class BadParameter(ValueError):
    """What was given beside the query is wrong; `field` is its name, such as `since`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Asked(msgspec.Struct, frozen=True):
    """What is looked for.

    Attributes:
        query: the text of the query; made of the words, where they were plain
        from_words: whether it was
        where: the tree of it and of the fields given beside
        since, until: nanoseconds since 1970; `until` itself is not in the period
    """

    query: str
    from_words: bool
    where: Node
    since: int
    until: int


def ask(
    text: str,
    fields: Mapping[str, FieldKind],
    now: datetime,
    *,
    also: Sequence[tuple[str, str]] = (),
    since: str = "1h",
    until: str = "",
    language: Language = "query",
) -> Asked:
    """Read what somebody asks for.

    Args:
        text: a query, or plain words
        fields: of what is searched
        now: the present moment
        also: fields, and the text that each must be equal to, or a comparison of a duration;
            empty ones are left out
        since: a length of time before now, or a moment; what the text says goes before
        until: likewise; empty for now
        language: of the text; `auto` for plain words where it begins as a sentence

    Returns:
        What is looked for.

    Raises:
        QueryFault: the text cannot be read
        BadParameter: the period is none, or empty; or a field has no such value
    """
    from_words = language == "words" or (language == "auto" and is_plain(text))
    query = query_of_words(text, now) if from_words else text.strip()
    found = parse_query(query, fields)
    more = [_equal(name, value, fields) for name, value in also if value]
    first = _moment("since", found.since or since, now)
    last = _moment("until", found.until or until or "0s", now)
    if first >= last:
        raise BadParameter("since", "the period ends before it begins")
    return Asked(query, from_words, _all(found, more), nanoseconds_of(first), nanoseconds_of(last))


def _equal(name: str, value: str, fields: Mapping[str, FieldKind]) -> Node:
    """Return the condition of a field given beside the text, which is checked as a query is."""
    if fields[name] == "text":
        return Field(name, "=", (value,))
    written = value if fields[name] == "duration" else f'"{value.strip()}"'
    try:
        return parse_query(f"{name}:{written}", {name: fields[name]}).where
    except QueryFault as fault:
        raise BadParameter(name, fault.message) from None


def _all(query: Query, more: list[Node]) -> Node:
    return Both((query.where, *more)) if more else query.where


def _moment(field: str, given: str, now: datetime) -> datetime:
    try:
        return now - parse_duration(given)
    except ValueError:
        pass
    try:
        found = parse_moment(given)
    except ValueError as error:
        raise BadParameter(field, f"{error}; or a length of time before now, such as 15m") from None
    if not _EPOCH <= found <= now + timedelta(days=3_650):
        raise BadParameter(field, f"{given[:40]!r} lies before 1970 or far in the future")
    return found


def nanoseconds_of(moment: datetime) -> int:
    """Return a moment as nanoseconds since 1970."""
    length = moment - _EPOCH
    return (length.days * 86_400 + length.seconds) * 10**9 + length.microseconds * 1_000


def moment_of(nanoseconds: int) -> str:
    """Return nanoseconds since 1970 as ISO 8601, with all nine digits."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def compared_lengths(history: str, season: str) -> tuple[timedelta, timedelta]:
    """Return with how much of the past a rate is compared.

    Args:
        history: before the end of the period, such as `2d`
        season: so long before, such as `1d`; `0s` for none

    Returns:
        Both.

    Raises:
        BadParameter: one is no length of time, or both together are more than seven days
    """
    found: list[timedelta] = []
    for field, given in (("history", history), ("season", season)):
        try:
            length = parse_duration(given)
        except ValueError as error:
            raise BadParameter(field, str(error)) from None
        if length > _MOST_COMPARED:
            raise BadParameter(field, "it is more than 7 days")
        found.append(length)
    if sum(found, timedelta()) > _MOST_COMPARED:
        raise BadParameter("history", "together with season it is more than 7 days")
    return found[0], found[1]
