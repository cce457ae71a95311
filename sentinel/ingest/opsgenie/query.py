"""Opsgenie's search: `status: open AND (priority: P1 OR tag: "payments") AND NOT owner: ada`. Pure.

A query holds for an alert as Opsgenie shows it (`shown(…, whole=True)`). What the database can
answer of it (`Known`) narrows what is read; the rest is looked at alert by alert.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from sentinel.errors import SampleError
from sentinel.metrics.sample import moment_of

__all__ = ["MOST_LETTERS", "MOST_TERMS", "Known", "Query", "read_query"]

MOST_LETTERS = 1000
MOST_TERMS = 50
_MOST_DEEP = 20
_TOKEN = re.compile(r'\s*(?:([()])|"((?:[^"\\]|\\.)*)"|(<=|>=|[<>:=])|([^\s()<>:="]+))')
_TEXTS = ("message", "description", "alias", "entity", "source", "owner", "status", "priority")
_LISTS = {"tag": "tags", "tags": "tags", "actions": "actions"}
_FLAGS = {"acknowledged": "acknowledged", "snoozed": "snoozed", "isseen": "isSeen"}
_MOMENTS = {
    "createdat": "createdAt", "updatedat": "updatedAt", "lastoccurredat": "lastOccurredAt",
    "snoozeduntil": "snoozedUntil",
}  # fmt: skip
_TEAMS = ("teams", "team", "responders")
_WITHIN = ("message", "description", "source")
"""Fields in which a word may be anywhere; elsewhere it is the whole, but for `*`."""
_NAMES = (*_TEXTS, "tag", "details.KEY", "teams", *_FLAGS.values(), *_MOMENTS.values(), "count")
_Compare = Literal[":", "=", "<", ">", "<=", ">="]
Holds = Callable[[Mapping[str, Any]], bool]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What of a query the database can answer: it holds of every alert that the query finds.

    Attributes:
        closed: whether only closed or only open alerts match; None for both
        priorities: of the alerts that match; empty for all
        alias: of the alerts that match, which were created here; empty for any
        since: they were created at or after
    """

    closed: bool | None = None
    priorities: tuple[str, ...] = ()
    alias: str = ""
    since: datetime | None = None


class Query(msgspec.Struct, frozen=True):
    """A query: whether it holds of an alert, and what of it the database can answer."""

    holds: Holds
    known: Known


class _Token(msgspec.Struct, frozen=True):
    kind: Literal["(", ")", "compare", "word", "text", "end"]
    text: str
    at: int


class _Term(msgspec.Struct, frozen=True):
    """A part of a query, and what it alone says to the database."""

    holds: Holds
    known: Known = Known()


def read_query(text: str) -> Query:
    """Read a query.

    Args:
        text: at most `MOST_LETTERS` characters and `MOST_TERMS` terms; empty for all alerts

    Returns:
        The query.

    Raises:
        SampleError: it cannot be read; says where and why
    """
    if len(text) > MOST_LETTERS:
        raise SampleError(
            f"has {len(text):,} characters; {MOST_LETTERS:,} are allowed", field="query"
        )
    if not text.strip():
        return Query(lambda _: True, Known())
    reader = _Reader([*_tokens(text)])
    term = reader.any_of("", 0)
    if reader.next.kind != "end":
        at = reader.next.at + 1
        raise SampleError(f"has a parenthesis too many at character {at}", field="query")
    return Query(term.holds, term.known)


def _wrong(message: str) -> SampleError:
    return SampleError(message, field="query", hint="See Opsgenie's 'Alerts search query'.")


def _tokens(text: str) -> Iterator[_Token]:
    at = terms = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(f"has a quotation mark without its other half at character {at + 1}")
        bracket, quoted, compare, word = found.groups()
        at = found.end()
        terms += bracket is None and compare is None
        if terms > MOST_TERMS:
            raise _wrong(f"has more than {MOST_TERMS} words")
        if bracket == "(":
            yield _Token("(", bracket, found.start(1))
        elif bracket:
            yield _Token(")", bracket, found.start(1))
        elif compare:
            yield _Token("compare", compare, found.start(3))
        elif word:
            yield _Token("word", word, found.start(4))
        else:
            yield _Token("text", re.sub(r"\\(.)", r"\1", quoted), found.start(2))
    yield _Token("end", "", len(text))


class _Reader:
    """Reads terms from left to right; NOT binds closest, then AND, then OR."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self.next
        self._at += token.kind != "end"
        return token

    def _is_word(self) -> bool:
        return self.next.kind == "word"

    def _word(self, *words: str) -> bool:
        token = self.next
        if token.kind == "word" and token.text.upper() in words:
            self._take()
            return True
        return False

    def any_of(self, field: str, depth: int) -> _Term:
        """Read alternatives; inside `field: ( … )`, plain words are values of the field."""
        if depth > _MOST_DEEP:
            raise _wrong(f"has more than {_MOST_DEEP} parentheses within each other")
        parts = [self._all_of(field, depth)]
        while self._word("OR"):
            parts.append(self._all_of(field, depth))
        if len(parts) == 1:
            return parts[0]
        holds = [one.holds for one in parts]
        return _Term(lambda alert: any(one(alert) for one in holds), _either(parts))

    def _all_of(self, field: str, depth: int) -> _Term:
        parts = [self._one(field, depth)]
        while True:
            self._word("AND")
            token = self.next
            ends = token.kind in ("end", ")")
            if ends or (token.kind == "word" and token.text.upper() == "OR"):
                break
            parts.append(self._one(field, depth))
        if len(parts) == 1:
            return parts[0]
        holds = [one.holds for one in parts]
        return _Term(lambda alert: all(one(alert) for one in holds), _both(parts))

    def _one(self, field: str, depth: int) -> _Term:
        if self._word("NOT"):
            if depth > _MOST_DEEP:
                raise _wrong("has too many NOT before each other")
            inner = self._one(field, depth + 1).holds
            return _Term(lambda alert: not inner(alert))
        token = self._take()
        if token.kind == "(":
            return self._closed(field, depth)
        if token.kind not in ("word", "text"):
            what = "ends" if token.kind == "end" else f"has {token.text!r}"
            raise _wrong(f"{what} where a word is missing, at character {token.at + 1}")
        if token.kind == "word" and not field and self.next.kind == "compare":
            return self._field(token, self._take(), depth)
        return _term(field, ":", token.text, token.at)

    def _closed(self, field: str, depth: int) -> _Term:
        term = self.any_of(field, depth + 1)
        if self._take().kind != ")":
            raise _wrong("has a parenthesis that is not closed")
        return term

    def _field(self, name: _Token, compare: _Token, depth: int) -> _Term:
        field = name.text
        value = self._take()
        if compare.text == ":" and value.kind == "compare" and value.text in "<=>=":
            compare, value = value, self._take()  # `count: > 3`
        if value.kind == "(" and compare.text in ":=":
            return self._closed(field, depth)
        if value.kind not in ("word", "text"):
            raise _wrong(f"names no value of {field}, at character {value.at + 1}")
        text = value.text
        while value.kind == "word" and self.next.text == ":" and self.next.kind == "compare":
            # A bare moment has colons: `createdAt < 2026-01-31T12:00:00Z`.
            text += self._take().text + (self._take().text if self._is_word() else "")
        return _term(field, compare.text, text, name.at)  # pyright: ignore[reportArgumentType] - the pattern of tokens has these alone


def _term(field: str, compare: _Compare, value: str, at: int) -> _Term:
    """Return one comparison; without a field, a word is searched in what people read."""
    name = field.lower()
    if not name:
        pattern = _pattern(value, whole=False)
        return _Term(lambda alert: any(pattern(_text(alert, one)) for one in _TEXTS[:5]))
    if name in _MOMENTS or name == "count":
        return _ordered(name, compare, value)
    if compare not in (":", "="):
        raise _wrong(f"{field} has no order, at character {at + 1}")
    if name in _FLAGS:
        flag = _FLAGS[name]
        if value.lower() not in ("true", "false"):
            raise _wrong(f"{field} is true or false, and not {value!r}")
        wanted = value.lower() == "true"
        return _Term(lambda alert: alert[flag] is wanted)
    if name in _LISTS:
        of, pattern = _LISTS[name], _pattern(value, whole=True)
        return _Term(lambda alert: any(map(pattern, alert[of])))
    if name in _TEAMS:
        pattern = _pattern(value, whole=True)
        return _Term(
            lambda alert: any(pattern(text) for one in alert["responders"] for text in one.values())
        )
    if name.startswith("details."):
        of, pattern = field[len("details.") :], _pattern(value, whole=False)
        return _Term(lambda alert: of in alert["details"] and pattern(alert["details"][of]))
    if name not in _TEXTS:
        raise _wrong(f"{field!r} is no field that can be searched; there are {', '.join(_NAMES)}")
    return _of_text(name, value)


def _of_text(name: str, value: str) -> _Term:
    pattern = _pattern(value, whole=name not in _WITHIN)
    known = Known()
    if name == "alias" and "*" not in value:
        return _Term(lambda alert: alert["alias"] == value, Known(alias=value))
    if name == "status":
        if value.lower() not in ("open", "closed"):
            raise _wrong(f"status is open or closed, and not {value!r}")
        known = Known(closed=value.lower() == "closed")
    elif name == "priority":
        if value.upper() not in ("P1", "P2", "P3", "P4", "P5"):
            raise _wrong(f"priority is P1 to P5, and not {value!r}")
        known = Known(priorities=(value.upper(),))
    return _Term(lambda alert: pattern(_text(alert, name)), known)


def _ordered(name: str, compare: _Compare, value: str) -> _Term:
    if name == "count":
        if not value.isdecimal() or len(value) > 12:
            raise _wrong(f"count is a whole number, and not {value!r}")
        count = int(value)
        return _Term(lambda alert: _compared(alert["count"], compare, count))
    of = _MOMENTS[name]
    try:
        # Opsgenie writes milliseconds since 1970.
        moment = moment_of(int(value) if value.isdecimal() and len(value) < 16 else value)
    except SampleError:
        raise _wrong(f"{of} is milliseconds since 1970 or RFC 3339, and not {value!r}") from None
    known = Known(since=moment) if of == "createdAt" and compare in (">", ">=", ":", "=") else None
    written = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _Term(
        lambda alert: of in alert and _compared(alert[of], compare, written), known or Known()
    )


def _compared(one: Any, compare: _Compare, other: Any) -> bool:
    match compare:
        case "<":
            return one < other
        case ">":
            return one > other
        case "<=":
            return one <= other
        case ">=":
            return one >= other
        case _:
            return one == other


def _text(alert: Mapping[str, Any], name: str) -> str:
    return str(alert.get(name) or "")


def _pattern(value: str, *, whole: bool) -> Callable[[str], bool]:
    """Return what finds a value in a text, upper or lower case; `*` stands for anything.

    No regular expression: with several `*`, one could take long to find out that it matches not.

    Args:
        value: as it was written
        whole: whether the text must be the value, instead of having it somewhere

    Returns:
        Whether a text matches.
    """
    parts = value.casefold().split("*")

    def found(text: str) -> bool:
        text = text.casefold()
        if len(parts) == 1:
            return text == parts[0] if whole else parts[0] in text
        first, *middle, last = parts
        if whole and not (text.startswith(first) and len(text) >= len(first) + len(last)):
            return False
        at = len(first) if whole else 0
        for part in middle if whole else [first, *middle, last]:
            place = text.find(part, at)
            if place < 0:
                return False
            at = place + len(part)
        return not whole or (text.endswith(last) and at <= len(text) - len(last))

    return found


def _both(parts: list[_Term]) -> Known:
    """Return what holds where all parts hold: what one part says, where no other says otherwise."""
    whole = Known()
    for name in Known.__struct_fields__:
        said = [v for one in parts if (v := getattr(one.known, name)) != getattr(Known(), name)]
        if said:
            whole = msgspec.structs.replace(whole, **{name: said[0]})
    return whole


def _either(parts: list[_Term]) -> Known:
    """Return what holds where one part holds: of priorities all, of the rest what all parts say."""
    first = parts[0].known
    whole = Known()
    for name in ("closed", "since"):
        if all(getattr(one.known, name) == getattr(first, name) for one in parts):
            whole = msgspec.structs.replace(whole, **{name: getattr(first, name)})
    if all(one.known.priorities for one in parts):
        every = dict.fromkeys(word for one in parts for word in one.known.priorities)
        whole = msgspec.structs.replace(whole, priorities=tuple(every))
    return whole
