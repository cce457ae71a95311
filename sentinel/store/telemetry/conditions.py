"""The tree of a query as a condition of SQL, with every value bound."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from sentinel.store.telemetry.reading import Parameters
from sentinel.telemetry.pattern_shape import LONGEST, WILDCARD, expression_of
from sentinel.telemetry.posted import LEVELS
from sentinel.telemetry.query import Both, Either, Field, Node, Not, Operator, Word

__all__ = ["LEVEL", "SEVERITY", "Template", "condition_of", "patterns_in"]

_WORDS = ", ".join(f"'{word}'" for word in LEVELS)
_NUMBERS = ", ".join(str(number) for number in LEVELS.values())
SEVERITY = (
    "if(SeverityNumber > 0, SeverityNumber, "
    f"transform(lower(SeverityText), [{_WORDS}], [{_NUMBERS}], 0))"
)
"""The severity number of a line; of its word, where the sender gives no number."""
LEVEL = (
    f"multiIf({SEVERITY} >= 21, 'critical', {SEVERITY} >= 17, 'error', {SEVERITY} >= 13, 'warn', "
    f"{SEVERITY} >= 9, 'info', {SEVERITY} >= 5, 'debug', {SEVERITY} >= 1, 'trace', 'unknown')"
)
"""The level of a line, one of six words, or `unknown`."""

_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "logs": {
        "service": "ServiceName", "host": "HostName", "env": "Environment", "trace": "TraceId",
        "span": "SpanId", "event": "EventName", "logger": "ScopeName",
    },
    "spans": {
        "service": "ServiceName", "operation": "SpanName", "kind": "SpanKind", "host": "HostName",
        "env": "Environment", "trace": "TraceId", "span": "SpanId", "peer": "PeerService",
        "http": "HttpStatus", "db": "DatabaseSystem", "status": "StatusCode",
    },
}  # fmt: skip
_REQUESTS = {
    "service": "ServiceName", "consumer": "Consumer", "key": "KeyId", "prefix": "KeyPrefix",
    "plan": "Plan", "method": "Method", "endpoint": "Endpoint", "path": "Path",
    "trace": "TraceId", "address": "Address", "agent": "Agent", "refused": "RefusedBy",
}  # fmt: skip
"""Columns of the request log, and of the counts of it that have them."""
_ATTRIBUTES = {"logs": "LogAttributes", "spans": "SpanAttributes"}
_TOKEN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9}
_MOST = 2**63 - 1


class Template(msgspec.Struct, frozen=True):
    """A pattern as it is stored: whose lines, and their text with `<*>` for what changes."""

    service: str
    text: str


def condition_of(
    node: Node, table: str, parameters: Parameters, templates: Mapping[str, Template] | None = None
) -> str:
    """Return a condition.

    Args:
        node: of a query
        table: `logs`, `spans`, `requests`, or one with counts of requests
        parameters: which its values are added to
        templates: of `patterns_in` the query, by id

    Returns:
        SQL without any text of the query.
    """
    if isinstance(node, Word):
        return _WORDS_OF.get(table, _request_word)(node, parameters)
    if isinstance(node, Field) and node.name == "pattern":
        some = [(templates or {})[one] for one in node.values]
        return " OR ".join(f"({_lines_of(one, parameters)})" for one in some)
    if isinstance(node, Field):
        return _field(node, table, parameters)
    if isinstance(node, Not):
        return f"NOT ({condition_of(node.node, table, parameters, templates)})"
    between = " AND " if isinstance(node, Both) else " OR "
    parts = (condition_of(one, table, parameters, templates) for one in node.nodes)
    return between.join(f"({one})" for one in parts) or "1"


def patterns_in(node: Node) -> set[str]:
    """Return the ids of the patterns that a query names."""
    if isinstance(node, Field):
        return set(node.values) if node.name == "pattern" else set()
    nodes = node.nodes if isinstance(node, (Both, Either)) else ()
    nodes = (node.node,) if isinstance(node, Not) else nodes
    return {one for inner in nodes for one in patterns_in(inner)}


def _lines_of(template: Template, parameters: Parameters) -> str:
    """Return the condition of a pattern's lines, which the text index finds by whole words."""
    # The last word may be cut, since a shape is of the first characters of a line.
    whole = [one for one in template.text.split()[:-1] if WILDCARD not in one]
    tokens = list(dict.fromkeys(token for one in whole for token in _TOKEN.findall(one)))
    expression = parameters.bind(expression_of(template.text))
    parts = [
        f"ServiceName = {parameters.bind(template.service)}",
        *([f"hasAllTokens(Body, {parameters.bind(' '.join(tokens))})"] if tokens else []),
        f"match(leftUTF8(Body, {LONGEST}), {expression})",
    ]
    return " AND ".join(parts)


def _log_word(word: Word, parameters: Parameters) -> str:
    if "*" in word.text and not word.phrase:
        return f"Body ILIKE {parameters.bind(_glob(f'*{word.text}*'))}"
    tokens = _TOKEN.findall(word.text)
    # The text index knows whole words.
    parts = [f"hasAllTokens(Body, {parameters.bind(' '.join(tokens))})"] if tokens else []
    if tokens != [word.text]:
        parts.append(f"positionCaseInsensitiveUTF8(Body, {parameters.bind(word.text)}) > 0")
    return " AND ".join(parts)


def _span_word(word: Word, parameters: Parameters) -> str:
    if "*" in word.text and not word.phrase:
        bound = parameters.bind(_glob(f"*{word.text}*"))
        return f"SpanName ILIKE {bound} OR StatusMessage ILIKE {bound}"
    bound = parameters.bind(word.text)
    return " OR ".join(
        f"positionCaseInsensitiveUTF8({column}, {bound}) > 0"
        for column in ("SpanName", "StatusMessage")
    )


def _request_word(word: Word, parameters: Parameters) -> str:
    if "*" in word.text and not word.phrase:
        bound = parameters.bind(_glob(f"*{word.text}*"))
        return " OR ".join(f"{column} ILIKE {bound}" for column in _REQUEST_TEXTS)
    bound = parameters.bind(word.text)
    return " OR ".join(
        f"positionCaseInsensitiveUTF8({column}, {bound}) > 0" for column in _REQUEST_TEXTS
    )


_REQUEST_TEXTS = ("Path", "Endpoint", "Consumer")
_WORDS_OF = {"logs": _log_word, "spans": _span_word}


def _code(field: Field, parameters: Parameters) -> str:
    if field.operator != "=":
        return f"Status {field.operator} {parameters.bind(int(field.values[0]), 'UInt16')}"
    classes = [int(one[0]) for one in field.values if one.endswith("xx")]
    codes = [int(one) for one in field.values if not one.endswith("xx")]
    parts = [f"intDiv(Status, 100) IN {parameters.bind(classes, 'Array(UInt16)')}"] * bool(classes)
    parts += [f"Status IN {parameters.bind(codes, 'Array(UInt16)')}"] * bool(codes)
    return " OR ".join(parts)


def _field(field: Field, table: str, parameters: Parameters) -> str:
    is_request = table not in _COLUMNS
    if field.name.startswith("@") and is_request:
        header = f"Headers[{parameters.bind(field.name[1:].lower())}]"
        return (
            f"{header} != ''"
            if field.values == ("*",)
            else _is_any(header, field.values, parameters)
        )
    if is_request and field.name == "status":
        return _code(field, parameters)
    if field.name.startswith("@"):
        return _attribute(field, _ATTRIBUTES[table], parameters)
    if field.name == "level":
        return " OR ".join(f"({_level(field.operator, one)})" for one in field.values)
    if field.name == "duration":
        return " OR ".join(
            f"Duration {field.operator} {parameters.bind(_nanoseconds(one), 'UInt64')}"
            for one in field.values
        )
    column, values = _COLUMNS.get(table, _REQUESTS)[field.name], field.values
    if is_request and values == ("*",):
        return f"{column} != ''"
    if field.name in ("trace", "span"):
        values = tuple(one.replace("-", "").lower() for one in values)
    if field.name in ("kind", "status"):
        values = tuple(one.capitalize() for one in values)
    return _is_any(column, values, parameters)


def _is_any(column: str, values: tuple[str, ...], parameters: Parameters) -> str:
    plain = [one for one in values if "*" not in one]
    parts = [
        f"{column} ILIKE {parameters.bind(_glob(one))}" for one in values if "*" in one
    ]  # fmt: skip
    if plain:
        parts.append(f"{column} IN {parameters.bind(plain, 'Array(String)')}")
    return " OR ".join(parts)


def _attribute(field: Field, own: str, parameters: Parameters) -> str:
    name = parameters.bind(field.name[1:])
    maps = (f"{own}[{name}]", f"ResourceAttributes[{name}]")
    if field.operator == "=":
        if field.values == ("*",):
            return f"mapContains({own}, {name}) OR mapContains(ResourceAttributes, {name})"
        return " OR ".join(f"({_is_any(one, field.values, parameters)})" for one in maps)
    bound = parameters.bind(float(field.values[0]), "Float64")
    # No text that is no number is larger or smaller than one.
    return " OR ".join(
        f"ifNull(toFloat64OrNull({one}) {field.operator} {bound}, 0)" for one in maps
    )


def _level(operator: Operator, word: str) -> str:
    first = 1 + (LEVELS[word] - 1) // 4 * 4
    last = 24 if first == 21 else first + 3
    low, high = {
        "=": (first, last), ">=": (first, 24), ">": (last + 1, 24), "<=": (1, last),
        "<": (1, first - 1),
    }[operator]  # fmt: skip
    words = ", ".join(f"'{one}'" for one, number in LEVELS.items() if low <= number <= high)
    by_number = f"SeverityNumber BETWEEN {low} AND {high}"
    by_word = f"SeverityNumber = 0 AND lower(SeverityText) IN ({words})"
    return f"{by_number} OR ({by_word})" if words else by_number


def _nanoseconds(written: str) -> int:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]*)", written).groups()  # type: ignore[union-attr]  # parse_query has checked it
    return min(round(float(number) * _UNITS[unit or "ms"]), _MOST)


def _glob(text: str) -> str:
    """Return a pattern of LIKE in which `*` is any text."""
    plain = re.sub(r"([\\%_])", r"\\\1", text)
    return re.sub(r"\*+", "%", plain)
