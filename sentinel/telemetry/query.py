"""The query language of logs and spans: words, phrases, fields and attributes, combined.

```
level:>=error service:payments,checkout "connection refused" -retry @http.route:/buy since:2h
(timeout OR "timed out") -(service:batch OR host:test*)
```

Pure: a text becomes a tree, and what is wrong with it is said with its column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, cast

import msgspec

from sentinel.duration import parse_duration
from sentinel.telemetry.posted import LEVELS
from sentinel.timing.moments import parse_moment

__all__ = [
    "LOG_FIELDS",
    "MOST_CHARACTERS",
    "REQUEST_FIELDS",
    "SPAN_FIELDS",
    "Both",
    "Either",
    "Field",
    "FieldKind",
    "Node",
    "Not",
    "Operator",
    "Query",
    "QueryFault",
    "Word",
    "parse_query",
]

FieldKind = Literal["text", "level", "duration", "status", "code", "pattern"]
Operator = Literal["=", ">", ">=", "<", "<="]

LOG_FIELDS: Mapping[str, FieldKind] = {
    "service": "text", "level": "level", "host": "text", "env": "text", "trace": "text",
    "span": "text", "event": "text", "logger": "text", "pattern": "pattern",
}  # fmt: skip
"""Fields of a log line; attributes are written `@name`."""
SPAN_FIELDS: Mapping[str, FieldKind] = {
    "service": "text", "operation": "text", "kind": "text", "status": "status",
    "duration": "duration", "host": "text", "env": "text", "trace": "text", "span": "text",
    "peer": "text", "http": "text", "db": "text",
}  # fmt: skip
"""Fields of a span."""
REQUEST_FIELDS: Mapping[str, FieldKind] = {
    "service": "text", "consumer": "text", "key": "text", "prefix": "text", "plan": "text",
    "method": "text", "endpoint": "text", "path": "text", "status": "code",
    "duration": "duration", "trace": "text", "address": "text", "agent": "text",
    "refused": "text",
}  # fmt: skip
"""Fields of a request to an API; headers are written `@name`."""

MOST_CHARACTERS, MOST_TERMS, DEEPEST, MOST_VALUES = 2_000, 50, 20, 50
_STATUSES = ("ok", "error", "unset")
_PERIOD = ("since", "until")
_NAME = re.compile(r"(@?[A-Za-z_][\w.\-/]*):(?=\S)")
_BARE = re.compile(r'[^\s()",]+')
_WORD = re.compile(r'[^\s()"]+')
_OPERATOR = re.compile(r">=|<=|>|<")
_OR = re.compile(r"OR(?=[\s(]|$)")
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")
_PATTERN = re.compile(r"[0-9a-f]{16}")
_CODE = re.compile(r"\d{1,3}|[1-5]xx")
_SPACE = re.compile(r"\s*")


class QueryFault(ValueError):
    """The query cannot be read.

    Args:
        column: of the character that is wrong, from 1
        message: what is wrong, for people
    """

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column
        self.message = message


class Word(msgspec.Struct, frozen=True, tag=True):
    """A text that the line has; `phrase` where it was written in quotes."""

    text: str
    phrase: bool = False


class Field(msgspec.Struct, frozen=True, tag=True):
    """A field or, with `@`, an attribute, compared with values, any of which may hold."""

    name: str
    operator: Operator
    values: tuple[str, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """What must not hold."""

    node: Node


class Both(msgspec.Struct, frozen=True, tag=True):
    """All of these must hold; without any, everything is found."""

    nodes: tuple[Node, ...]


class Either(msgspec.Struct, frozen=True, tag=True):
    """One of these must hold."""

    nodes: tuple[Node, ...]


Node = Word | Field | Not | Both | Either


class Query(msgspec.Struct, frozen=True):
    """A query as a tree.

    Attributes:
        where: what a row must satisfy
        since: a length of time before now, or a moment, as written; empty where it is not said
        until: likewise
    """

    where: Node
    since: str = ""
    until: str = ""


def parse_query(text: str, fields: Mapping[str, FieldKind] = LOG_FIELDS) -> Query:
    """Parse a query.

    Args:
        text: as a person wrote it, of at most 2,000 characters
        fields: that there are

    Returns:
        The tree.

    Raises:
        QueryFault: it cannot be read
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryFault(MOST_CHARACTERS + 1, f"longer than {MOST_CHARACTERS:,} characters")
    return _Parser(text, fields).query()


class _Parser:
    """Reads a text from left to right."""

    def __init__(self, text: str, fields: Mapping[str, FieldKind]) -> None:
        self._text = text
        self._fields = fields
        self._at = 0
        self._terms = 0
        self._period: dict[str, str] = {}

    def query(self) -> Query:
        self._skip()
        where: Node = Both(()) if self._ended else self._either(0)
        if not self._ended:
            raise self._fault("this ) closes nothing")
        return Query(where, self._period.get("since", ""), self._period.get("until", ""))

    @property
    def _ended(self) -> bool:
        return self._at >= len(self._text)

    def _fault(self, message: str, at: int | None = None) -> QueryFault:
        return QueryFault((self._at if at is None else at) + 1, message)

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _keyword(self, word: str) -> bool:
        found = re.compile(rf"{word}(?=[\s(]|$)").match(self._text, self._at)
        if found is None:
            return False
        self._at = found.end()
        self._skip()
        return True

    def _either(self, depth: int) -> Node:
        nodes = [self._both(depth)]
        while self._keyword("OR"):
            nodes.append(self._both(depth))
        return nodes[0] if len(nodes) == 1 else Either(tuple(nodes))

    def _both(self, depth: int) -> Node:
        nodes: list[Node] = []
        read = 0
        while not self._ended and self._text[self._at] != ")":
            if read and _OR.match(self._text, self._at):
                break
            if read:
                self._keyword("AND")
            node = self._unary(depth)
            read += 1
            if node is not None:
                nodes.append(node)
        if not read:
            raise self._fault("a term is missing here")
        return nodes[0] if len(nodes) == 1 else Both(tuple(nodes))

    def _unary(self, depth: int) -> Node | None:
        if depth > DEEPEST:
            raise self._fault(f"nested more than {DEEPEST} deep")
        if self._ended:
            raise self._fault("a term is missing here")
        at = self._at
        minus = self._text[at] == "-" and len(self._text) > at + 1
        if minus:
            self._at += 1
        if minus or self._keyword("NOT"):
            node = self._unary(depth + 1)
            if node is None:
                raise self._fault("a period cannot be negated", at)
            return Not(node)
        if self._text[at] == "(":
            self._at += 1
            self._skip()
            inner = self._either(depth + 1)
            if self._ended:
                raise self._fault("this ( is not closed", at)
            self._at += 1
            self._skip()
            return inner
        return self._term(depth)

    def _term(self, depth: int) -> Node | None:
        at = self._at
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._fault(f"more than {MOST_TERMS} terms")
        if self._text[at] == '"':
            phrase = self._quoted()
            self._skip()
            return Word(phrase, phrase=True)
        named = _NAME.match(self._text, at)
        if named is not None:
            self._at = named.end()
            return self._field(named.group(1), at, depth)
        found = _WORD.match(self._text, at)
        if found is None:
            raise self._fault(f"{self._text[at]!r} is not expected here")
        self._at = found.end()
        self._skip()
        return Word(found.group())

    def _field(self, written: str, at: int, depth: int) -> Node | None:
        is_attribute = written.startswith("@")
        name = written if is_attribute else written.lower()
        if name in _PERIOD:
            return self._limit(name, at, depth)
        if not is_attribute and name not in self._fields:
            near = get_close_matches(name, [*self._fields, *_PERIOD], 1)
            hint = f"did you mean {near[0]}?" if near else (
                f"fields are {', '.join(self._fields)}; write an attribute as @{written}, "
                "and a text with a colon in quotes"
            )  # fmt: skip
            raise self._fault(f"there is no field {written}: {hint}", at)
        kind = "text" if is_attribute else self._fields[name]
        operator = self._operator()
        values = [self._value(kind)]
        while not self._ended and self._text[self._at] == ",":
            if operator != "=":
                raise self._fault("a comparison has one value")
            self._at += 1
            values.append(self._value(kind))
            if len(values) > MOST_VALUES:
                raise self._fault(f"more than {MOST_VALUES} values")
        if operator != "=" and is_attribute and self._fields is REQUEST_FIELDS:
            raise self._fault(f"{written} is a header, which {operator} does not compare", at)
        if operator != "=" and is_attribute and not _NUMBER.fullmatch(values[0]):
            raise self._fault(f"{values[0]!r} is no number, which {operator} compares with", at)
        self._skip()
        if operator != "=" and not values[0].isdigit() and kind == "code":
            raise self._fault(f"{operator} compares with one status, such as 500", at)
        if operator != "=" and not is_attribute and kind in ("text", "status", "pattern"):
            raise self._fault(f"{name} is a text, which {operator} does not compare", at)
        return Field(name, operator, tuple(values))

    def _operator(self) -> Operator:
        found = _OPERATOR.match(self._text, self._at)
        if found is None:
            return "="
        self._at = found.end()
        return cast("Operator", found.group())

    def _value(self, kind: FieldKind) -> str:
        at = self._at
        if not self._ended and self._text[at] == '"':
            value = self._quoted()
        else:
            found = _BARE.match(self._text, at)
            if found is None:
                raise self._fault("a value is missing here")
            self._at = found.end()
            value = found.group()
        if kind == "level":
            value = value.lower()
            if value not in LEVELS:
                levels = "trace, debug, info, warn, error, critical"
                raise self._fault(f"{value!r} is no level: write one of {levels}", at)
        elif kind == "status":
            value = value.lower()
            if value not in _STATUSES:
                raise self._fault(f"{value!r} is no status: write ok, error or unset", at)
        elif kind == "pattern":
            value = value.lower()
            if _PATTERN.fullmatch(value) is None:
                raise self._fault(
                    f"{value!r} is no id of a pattern, which has 16 hex digits: see the list of "
                    "patterns", at
                )  # fmt: skip
        elif kind == "code":
            value = value.lower()
            if _CODE.fullmatch(value) is None:
                raise self._fault(f"{value!r} is no status of HTTP: write 404, or 4xx", at)
        elif kind == "duration":
            _check_duration(value, at)
        return value

    def _limit(self, name: str, at: int, depth: int) -> None:
        if depth:
            raise self._fault(f"{name}: holds for the whole query, so it is in no parentheses", at)
        if name in self._period:
            raise self._fault(f"{name}: is given twice", at)
        found = _BARE.match(self._text, self._at)
        value = found.group() if found else ""
        try:
            parse_duration(value)
        except ValueError:
            try:
                parse_moment(value)
            except ValueError:
                raise self._fault(
                    f"{value!r} is neither a length of time, such as 15m, nor a moment, "
                    "such as 2026-01-31T12:00:00Z", self._at,
                ) from None  # fmt: skip
        self._at += len(value)
        self._skip()
        self._period[name] = value

    def _quoted(self) -> str:
        start = self._at
        out: list[str] = []
        self._at += 1
        while not self._ended:
            sign = self._text[self._at]
            if sign == "\\" and self._at + 1 < len(self._text):
                out.append(self._text[self._at + 1])
                self._at += 2
                continue
            self._at += 1
            if sign == '"':
                if not "".join(out).strip():
                    raise self._fault("there is nothing between these quotes", start)
                return "".join(out)
            out.append(sign)
        raise self._fault("this quote is not closed", start)


def _check_duration(value: str, at: int) -> None:
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?(ns|us|ms|s|m|h)?", value) is None:
        raise QueryFault(at + 1, f"{value!r} is no duration: write it as 250ms or 1.5s")
