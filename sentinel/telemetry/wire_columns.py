"""Reads many protobuf messages of one type at once: a step of all of them, field by field.

An object of Python for each field costs more than all else that intake does. Here all messages of a
batch are read in step by numpy: their first fields, then their second ones. What is rare is not
understood: a field that comes twice, an unknown one, a message that is cut short. The caller then
has protobuf read the whole batch, which says what is wrong, so that a body has one meaning.

The format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "Index", "Kind", "NotSimple", "Read", "Spans", "read_all", "spans_in"]

Bytes = NDArray[np.uint8]
Index = NDArray[np.int64]
Kind = Literal["number", "fixed64", "fixed32", "bytes", "many"]

_MOST_STEPS = 200
_LONGEST_VARINT = 10
_EIGHT = np.arange(8)


class NotSimple(Exception):
    """Protobuf has to read the body."""


class Spans(msgspec.Struct, frozen=True):
    """Parts of a body, in their order: where each begins and ends, and of which message it is."""

    begin: Index
    end: Index
    of: Index


class Read(msgspec.Struct, frozen=True):
    """The fields of all messages.

    Attributes:
        numbers: by tag, the value of each message; 0 where it has none
        parts: by tag, the bytes of each message; empty at its beginning where it has none
        many: by tag, the bytes of a repeated field, ordered by message and place
    """

    numbers: Mapping[int, NDArray[np.uint64]]
    parts: Mapping[int, Spans]
    many: Mapping[int, Spans]


def spans_in(body: bytes, begin: int, end: int, tag: int, most: int) -> tuple[list[int], int]:
    """Return where messages are that follow one another under one tag.

    Args:
        body: the bytes
        begin: of the first tag
        end: of the message that they are in
        tag: of one byte
        most: messages; more are not simple

    Returns:
        Begin and end of each, one after the other, and where something else begins.

    Raises:
        NotSimple: one is cut short, or there are too many
    """
    found: list[int] = []
    at = begin
    while at < end and body[at] == tag:
        place = at + 1
        length = shift = 0
        while True:
            if place >= end or shift > 28:
                raise NotSimple
            byte = body[place]
            place += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        at = place + length
        found.append(place)
        found.append(at)
    if at > end or len(found) > 2 * most:
        raise NotSimple
    return found, at


def read_all(data: Bytes, begin: Index, end: Index, kinds: Mapping[int, Kind], most: int) -> Read:
    """Read the fields of messages.

    Args:
        data: the bytes of the body
        begin: of each message
        end: of each message
        kinds: by tag, which is two bytes, the second first, where its first has the upper bit
        most: parts of repeated fields together

    Returns:
        The fields.

    Raises:
        NotSimple: a field is unknown or comes twice, or a message is cut short
    """
    number = len(begin)
    numbers = {
        tag: np.zeros(number, np.uint64) for tag, kind in kinds.items() if kind not in _PARTS
    }
    parts = {tag: (begin.copy(), begin.copy()) for tag, kind in kinds.items() if kind == "bytes"}
    seen = {tag: np.zeros(number, np.bool_) for tag, kind in kinds.items() if kind != "many"}
    many: dict[int, list[tuple[Index, Index, Index]]] = {
        tag: [] for tag, kind in kinds.items() if kind == "many"
    }
    at, active, found = begin.copy(), np.flatnonzero(begin < end), 0
    for _ in range(_MOST_STEPS):
        if not len(active):
            break
        places = at[active]
        tags = data[places]
        for tag in np.flatnonzero(np.bincount(tags, minlength=256)).tolist():
            chosen = tags == tag
            some = chosen.all()
            ids, place = (active, places) if some else (active[chosen], places[chosen])
            place = place + 1
            if tag > 0x7F:
                second = _at(data, place)
                if (second != second[0]).any():
                    raise NotSimple
                tag = int(second[0]) << 8 | tag
                place = place + 1
            kind = kinds.get(tag)
            if kind is None:
                raise NotSimple
            if kind in _PARTS:
                length, place = _varints(data, place)
                stop = place + length.astype(np.int64)
                if (length > np.uint64(len(data))).any():
                    raise NotSimple
                if kind == "many":
                    found += len(ids)
                    many[tag].append((place, stop, ids))
                else:
                    parts[tag][0][ids], parts[tag][1][ids] = place, stop
                place = stop
            elif kind == "number":
                numbers[tag][ids], place = _varints(data, place)
            else:
                width = 8 if kind == "fixed64" else 4
                numbers[tag][ids] = _fixed(data, place, width)
                place = place + width
            if kind != "many":
                if seen[tag][ids].any():
                    raise NotSimple
                seen[tag][ids] = True
            at[ids] = place
        if found > most or (at[active] > end[active]).any():
            raise NotSimple
        active = active[at[active] < end[active]]
    if len(active):
        raise NotSimple
    own = np.arange(number)
    return Read(
        numbers,
        {tag: Spans(*both, own) for tag, both in parts.items()},
        {tag: _ordered(pieces) for tag, pieces in many.items()},
    )


_PARTS = ("bytes", "many")


def _ordered(pieces: list[tuple[Index, Index, Index]]) -> Spans:
    if not pieces:
        nothing = np.zeros(0, np.int64)
        return Spans(nothing, nothing, nothing)
    begin, end, of = (np.concatenate(one) for one in zip(*pieces, strict=True))
    order = np.argsort(begin, kind="stable")
    return Spans(begin[order], end[order], of[order])


def _at(data: Bytes, place: Index) -> Bytes:
    """Return bytes; of what lies behind the body, its last one, which the bounds then refuse."""
    return data[np.minimum(place, len(data) - 1)]


def _fixed(data: Bytes, place: Index, width: int) -> NDArray[Any]:
    found = _at(data, place[:, None] + _EIGHT[:width])
    return np.ascontiguousarray(found).view(np.uint64 if width == 8 else np.uint32)[:, 0]


def _varints(data: Bytes, place: Index) -> tuple[NDArray[np.uint64], Index]:
    """Read a number at each place.

    Args:
        data: the bytes
        place: of each

    Returns:
        The numbers, and where the next byte of each is.

    Raises:
        NotSimple: one does not end
    """
    byte = _at(data, place)
    value = (byte & 0x7F).astype(np.uint64)
    after = place + 1
    going = np.flatnonzero(byte > 0x7F)
    for number in range(1, _LONGEST_VARINT):
        if not len(going):
            return value, after
        byte = _at(data, after[going])
        if number == _LONGEST_VARINT - 1 and (byte > 1).any():  # more than 64 bits
            raise NotSimple
        value[going] |= (byte & 0x7F).astype(np.uint64) << np.uint64(7 * number)
        after[going] += 1
        going = going[byte > 0x7F]
    if len(going):
        raise NotSimple
    return value, after
