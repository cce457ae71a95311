"""Counts the messages of a protobuf body before it is parsed: an empty one takes two bytes there,
and more than a hundred once it is parsed.

The format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sentinel.telemetry.bounds import (
    MOST_FIELDS,
    MOST_MESSAGES,
    MOST_RECORDS,
    bounded,
)

__all__ = ["Malformed", "bound_messages"]

_SURE = 500_000
"""Messages that are parsed without a count: of so many bytes, or fewer, no harm can come."""
_DEEPEST = 100
"""Messages within one another, as protobuf bounds them itself."""
_RECORDS = frozenset({
    "LogRecord", "Span", "NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint",
    "SummaryDataPoint",
})  # fmt: skip
"""Messages that hold the most when they are parsed, though they are empty."""
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_Fields = dict[int, "_Kind"]


class Malformed(ValueError):
    """The body is no protobuf message; the text says why, for people."""


class _Kind:
    """What a field of a message holds: messages of a type, or texts of which there may be many."""

    __slots__ = ("fields", "record")

    def __init__(self, fields: _Fields | None, *, record: bool) -> None:
        self.fields = fields
        self.record = record


def bound_messages(body: bytes, descriptor: Any) -> None:
    """Refuse a body that has too many messages, before it is parsed.

    A bound of their number comes from how often the bytes occur that begin one, which takes a
    millisecond for a megabyte; only a body that may have many is walked through.

    Args:
        body: as protobuf has it, unpacked
        descriptor: of its message

    Raises:
        TooLarge: it has too many messages, records or fields
        Malformed: it is no protobuf message
    """
    if len(body) <= 2 * _SURE:
        return
    fields, beginnings = _shape(descriptor)
    if len(body) - len(body.translate(None, beginnings)) > _SURE:
        _walk(body, fields)


def _walk(body: bytes, root: _Fields) -> None:
    at, end, fields = 0, len(body), root
    outer: list[tuple[int, _Fields]] = []
    messages = records = seen = 0
    while True:
        while at >= end:
            if not outer:
                return
            end, fields = outer.pop()
        tag = body[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(body, at - 1, end)
        seen += 1
        kind = tag & 7
        if kind == _VARINT:
            while at < end and body[at] > 0x7F:
                at += 1
            at += 1
        elif kind == _LENGTH:
            if at >= end:
                raise Malformed("a field is cut short")
            length = body[at]
            at += 1
            if length > 0x7F:
                length, at = _varint(body, at - 1, end)
            stop = at + length
            if stop > end:
                raise Malformed("a field is longer than what it is in")
            found = fields.get(tag >> 3)
            if found is None or found.fields is None:
                at = stop
            else:
                if len(outer) >= _DEEPEST:
                    raise Malformed("messages are nested too deeply")
                outer.append((end, fields))
                end, fields = stop, found.fields
            if found is not None:
                messages += 1
                records += found.record
                if messages > MOST_MESSAGES:
                    bounded(messages, MOST_MESSAGES, "attributes and other parts")
                if records > MOST_RECORDS:
                    bounded(records, MOST_RECORDS, "records")
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise Malformed("a field is of a kind that OTLP does not have")
        if at > end:
            raise Malformed("a field is cut short")
        if seen > MOST_FIELDS:
            bounded(seen, MOST_FIELDS, "fields")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number.

    Returns:
        The number, and where the next byte is.

    Raises:
        Malformed: it does not end
    """
    found = shift = 0
    for place in range(at, min(end, at + _LONGEST_VARINT)):
        byte = body[place]
        found |= (byte & 0x7F) << shift
        if byte <= 0x7F:
            return found, place + 1
        shift += 7
    raise Malformed("a number does not end")


@lru_cache(maxsize=8)
def _shape(descriptor: Any) -> tuple[_Fields, bytes]:
    """Return the fields that hold messages, and the first bytes that such a field can have."""
    known: dict[str, _Fields] = {}
    found = _fields(descriptor, known)
    beginnings: set[int] = set()
    for fields in known.values():
        for number in fields:
            first = (number << 3 | _LENGTH) & 0x7F
            beginnings |= {first, first | 0x80}  # with that bit, a longer way to write the same
    return found, bytes(sorted(beginnings))


def _fields(descriptor: Any, known: dict[str, _Fields]) -> _Fields:
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    found = known[descriptor.full_name] = {}
    for one in descriptor.fields:
        if one.message_type is not None:
            record = one.message_type.name in _RECORDS
            found[one.number] = _Kind(_fields(one.message_type, known), record=record)
        elif one.is_repeated and one.type in (one.TYPE_STRING, one.TYPE_BYTES):
            found[one.number] = _Kind(None, record=False)
    return found
