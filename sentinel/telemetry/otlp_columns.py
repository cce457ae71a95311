"""Logs and spans of OTLP as columns, straight from the bytes of a request.

What is read here is what `logs_of` and `spans_of` make of the same body; a body that is not simple
is theirs. Only resources, scopes, events, links and values that are no texts or integers are read
as messages, one by one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sentinel.telemetry.arrow_columns import hexes, texts
from sentinel.telemetry.attributes import text_of
from sentinel.telemetry.batch import ArrowAttributes, Batch, Origin
from sentinel.telemetry.bounds import MOST_ATTRIBUTES, MOST_RECORDS, TooLarge
from sentinel.telemetry.otlp_origin import MOST_COPIED, bytes_of, origin_of
from sentinel.telemetry.otlp_spans import KINDS, LONGEST, STATUSES, events_of, links_of
from sentinel.telemetry.times import place
from sentinel.telemetry.wire_columns import Bytes, Index, Kind, NotSimple, Read, Spans, read_all
from sentinel.telemetry.wire_columns import spans_in as messages_in

__all__ = ["columns_of"]

_RESOURCE, _SCOPES, _SCHEMA = 10, 18, 26
"""Tags of a `ResourceLogs` and a `ScopeLogs`, and of the same messages for spans."""
_MOST_ORIGINS, _MOST_OF_ONE = 500, 100_000
"""Resources and scopes, and the bytes of one; the rest is read by protobuf."""
_LOG: dict[int, Kind] = {
    9: "fixed64", 16: "number", 26: "bytes", 42: "bytes", 50: "many", 56: "number", 69: "fixed32",
    74: "bytes", 82: "bytes", 89: "fixed64", 98: "bytes",
}  # fmt: skip
_SPAN: dict[int, Kind] = {
    10: "bytes", 18: "bytes", 26: "bytes", 34: "bytes", 42: "bytes", 48: "number", 57: "fixed64",
    65: "fixed64", 74: "many", 80: "number", 90: "many", 96: "number", 106: "many", 112: "number",
    122: "bytes", 0x0185: "fixed32",
}  # fmt: skip
"""Tags of `LogRecord` and `Span`: the number of a field times eight, and the kind of its bytes."""
_PAIR: dict[int, Kind] = {10: "bytes", 18: "bytes"}
_STATUS: dict[int, Kind] = {18: "bytes", 24: "number"}
_VALUE_TEXT, _VALUE_BOOL, _VALUE_INT = 10, 16, 24
_ENUM = np.uint64(2**31)


def columns_of(
    signal: Literal["logs", "traces"], body: bytes, *, now: int, oldest: int
) -> Batch | None:
    """Read a request, where it is simple and each record has a time.

    Args:
        signal: of the request
        body: of protobuf
        now: nanoseconds since 1970, the moment of arrival
        oldest: records from before it are refused

    Returns:
        What `logs_of` or `spans_of` return; None where protobuf has to read the body, as with
        records whose time lies far ahead, and with more of anything than may be.
    """
    try:
        begin, end, origins, of = _records(signal, body)
        if not len(begin):
            return None
        data = np.frombuffer(body, np.uint8)
        kinds = _LOG if signal == "logs" else _SPAN
        read = read_all(data, begin, end, kinds, MOST_ATTRIBUTES)
        made = (_logs if signal == "logs" else _spans)(body, data, read, now, oldest)
    except (NotSimple, TooLarge):  # too large, which the reader of messages says better
        return None
    made.origins, made.origin_of = origins, of
    return made


def _logs(body: bytes, data: Bytes, read: Read, now: int, oldest: int) -> Batch:
    first, observed = read.numbers[9], read.numbers[89]
    placed = place(first, observed, now, oldest)
    if placed.moved.any() or not (first | observed).all():
        raise NotSimple
    severity = read.numbers[16]
    if (severity >= _ENUM).any():
        raise NotSimple
    times = place(observed, placed.times, now, 0).times
    batch = Batch(
        signal="logs",
        times=placed.times,
        columns={
            "ObservedTimestamp": times,
            "TraceId": hexes(data, read.parts[74], 16)[0],
            "SpanId": hexes(data, read.parts[82], 8)[0],
            "TraceFlags": (read.numbers[69] & np.uint64(0xFF)).astype(np.uint8),
            "SeverityText": texts(body, read.parts[26]),
            "SeverityNumber": np.where(severity < 25, severity, 0).astype(np.uint8),
            "Body": _values(body, data, read.parts[42]),
            "EventName": texts(body, read.parts[98]),
        },
        origins=[],
        origin_of=[],
        attributes=_attributes(body, data, read.many[50], len(first)),
    )  # fmt: skip
    batch.refuse(placed.late, "too_old")
    return batch


def _spans(body: bytes, data: Bytes, read: Read, now: int, oldest: int) -> Batch:
    start, stop = read.numbers[57], read.numbers[65]
    placed = place(start, stop, now, oldest)
    if placed.moved.any():
        raise NotSimple
    traces, traced = hexes(data, read.parts[10], 16)
    ids, named = hexes(data, read.parts[18], 8)
    length = np.where((start > 0) & (stop > start), stop - start, 0)
    status = read.parts[122]
    found = read_all(data, status.begin, status.end, _STATUS, 0)
    number = len(start)
    batch = Batch(
        signal="spans",
        times=placed.times,
        columns={
            "Duration": np.minimum(length, LONGEST).astype(np.uint64),
            "TraceId": traces,
            "SpanId": ids,
            "ParentSpanId": hexes(data, read.parts[34], 8)[0],
            "TraceState": texts(body, read.parts[26]),
            "SpanName": texts(body, read.parts[42]),
            "SpanKind": _words(KINDS, read.numbers[48]),
            "StatusCode": _words(STATUSES, found.numbers[24]),
            "StatusMessage": texts(body, found.parts[18]),
            **events_of(_messages("Event", body, read.many[90], number)),
            **links_of(_messages("Link", body, read.many[106], number)),
        },
        origins=[],
        origin_of=[],
        attributes=_attributes(body, data, read.many[74], number),
    )
    batch.refuse(~(traced & named), "no_id")
    batch.refuse(placed.late, "too_old")
    return batch


def _words(words: tuple[str, ...], numbers: NDArray[np.uint64]) -> Any:
    pa: Any = import_module("pyarrow")
    if (numbers >= _ENUM).any():
        raise NotSimple
    known = np.where(numbers < len(words), numbers, 0).astype(np.int32)
    present = np.unique(known)  # ClickHouse takes each word of a dictionary for one that is there
    index = np.searchsorted(present, known).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(index), [words[one] for one in present.tolist()])


def _messages(name: str, body: bytes, parts: Spans, rows: int) -> list[list[Any]]:
    """Parse events or links, which most spans have none of, one by one."""
    found: list[list[Any]] = [[]] * rows
    if not len(parts.begin):
        return found
    kind: Any = getattr(import_module("opentelemetry.proto.trace.v1.trace_pb2").Span, name)
    found = [[] for _ in range(rows)]
    spans = zip(parts.begin.tolist(), parts.end.tolist(), parts.of.tolist(), strict=True)
    for begin, end, row in spans:
        found[row].append(_parsed(kind, body[begin:end]))
    return found


def _parsed(kind: Any, data: bytes) -> Any:
    error: Any = import_module("google.protobuf.message").DecodeError
    try:
        return kind.FromString(data)
    except error:
        raise NotSimple from None


def _attributes(body: bytes, data: Bytes, pairs: Spans, rows: int) -> ArrowAttributes:
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(pairs.of, minlength=rows), out=offsets[1:])
    read = read_all(data, pairs.begin, pairs.end, _PAIR, 0)
    keys, values = read.parts[10], read.parts[18]
    return ArrowAttributes(texts(body, keys), _values(body, data, values), offsets)


def _values(body: bytes, data: Bytes, values: Spans) -> Any:
    """Return `AnyValue` messages as texts: those with one field quickly, the others one by one."""
    pa: Any = import_module("pyarrow")
    pc: Any = import_module("pyarrow.compute")
    some = values.end > values.begin
    tags = np.where(some, data[np.minimum(values.begin, len(data) - 1)], 0)
    is_text = tags == _VALUE_TEXT
    begin, end = values.begin.copy(), values.begin.copy()
    rows = np.flatnonzero(is_text)
    single, part_of = _only_field(data, values, rows, _VALUE_TEXT)
    begin[rows[single]] = part_of.begin[single]
    end[rows[single]] = part_of.end[single]
    slow = some.copy()
    slow[rows[single]] = False
    made = texts(body, Spans(begin, end, values.of))
    numbered = np.flatnonzero((tags == _VALUE_INT) | (tags == _VALUE_BOOL))
    if len(numbered):
        made = _with_numbers(data, values, tags, numbered, made, slow)
    if slow.any():
        kind: Any = import_module("opentelemetry.proto.common.v1.common_pb2").AnyValue
        rest = np.flatnonzero(slow).tolist()
        said = [
            text_of(_parsed(kind, body[int(values.begin[row]) : int(values.end[row])]))
            for row in rest
        ]
        made = pc.replace_with_mask(made, pa.array(slow), pa.array(said, pa.string()))
    return made


def _only_field(
    data: Bytes, values: Spans, rows: Index, tag: int
) -> tuple[NDArray[np.bool_], Spans]:
    """Return which messages are one field of bytes alone, and where these are."""
    begin, end = values.begin[rows] + 1, values.end[rows]
    first = data[np.minimum(begin, len(data) - 1)].astype(np.int64)
    second = data[np.minimum(begin + 1, len(data) - 1)].astype(np.int64)
    long = first > 0x7F
    length = np.where(long, (first & 0x7F) | (second << 7), first)
    begin = begin + np.where(long, 2, 1)
    right = (begin + length == end) & ~(long & (second > 0x7F))
    return right, Spans(begin, end, rows)


def _with_numbers(
    data: Bytes, values: Spans, tags: NDArray[Any], rows: Index, made: Any, slow: NDArray[np.bool_]
) -> Any:
    """Put integers and booleans in the place of their texts, and take them off `slow`."""
    pa: Any = import_module("pyarrow")
    pc: Any = import_module("pyarrow.compute")
    integers = rows[tags[rows] == _VALUE_INT]
    for some, tag in ((integers, _VALUE_INT), (rows[tags[rows] == _VALUE_BOOL], _VALUE_BOOL)):
        if not len(some):
            continue
        read = read_all(data, values.begin[some], values.end[some], {tag: "number"}, 0)
        number = read.numbers[tag]
        if tag == _VALUE_INT:
            said = pa.array(number.view(np.int64)).cast(pa.string())
        else:
            said = pc.if_else(pa.array(number > 0), "true", "false")
        mask = np.zeros(len(slow), np.bool_)
        mask[some] = True
        made = pc.replace_with_mask(made, pa.array(mask), said)
        slow[some] = False
    return made


def _records(
    signal: Literal["logs", "traces"], body: bytes
) -> tuple[Index, Index, list[Origin], list[int]]:
    """Find the records of a request, and where each comes from."""
    folder, name = {"logs": ("logs", "Logs"), "traces": ("trace", "Spans")}[signal]
    module: Any = import_module(f"opentelemetry.proto.{folder}.v1.{folder}_pb2")
    places: list[int] = []
    origins: list[Origin] = []
    of: list[int] = []
    copied = 0
    resources, stop = messages_in(body, 0, len(body), _RESOURCE, _MOST_ORIGINS)
    if stop != len(body):
        raise NotSimple
    for begin, end in zip(resources[0::2], resources[1::2], strict=True):
        about, scopes = _split(body, begin, end)
        resource = _parsed(getattr(module, f"Resource{name}"), about)
        for first, last in zip(scopes[0::2], scopes[1::2], strict=True):
            about, found = _split(body, first, last)
            scope = _parsed(getattr(module, f"Scope{name}"), about)
            number = len(found) // 2
            of += [len(origins)] * number
            origin = origin_of(resource, scope)
            origins.append(origin)
            copied += number * bytes_of(origin)
            places += found
            if len(of) > MOST_RECORDS or len(origins) > _MOST_ORIGINS or copied > MOST_COPIED:
                raise NotSimple
    both = np.array(places, np.int64)
    return both[0::2], both[1::2], origins, of


def _split(body: bytes, begin: int, end: int) -> tuple[bytes, list[int]]:
    """Return the fields of a resource or scope without what it holds, and where that is."""
    about = bytearray()
    inner: list[int] = []
    at = begin
    while at < end:
        tag = body[at]
        if tag not in (_RESOURCE, _SCOPES, _SCHEMA):
            raise NotSimple
        found, after = messages_in(body, at, end, tag, MOST_RECORDS)
        if tag == _SCOPES:
            inner += found
        else:
            about += body[at:after]
        if len(about) > _MOST_OF_ONE or after == at:
            raise NotSimple
        at = after
    return bytes(about), inner
