"""Requests and figures of usage as files: CSV, NDJSON or Parquet, made page by page. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, Literal

import msgspec

from sentinel.api_usage.answers import RequestView, UsageGroup
from sentinel.labels.csv_text import csv_head, csv_lines

__all__ = [
    "MEDIA", "REQUEST_FILE", "USAGE_FILE", "FileFormat", "FileShape", "UsageRow", "file_parts",
]  # fmt: skip

FileFormat = Literal["csv", "ndjson", "parquet"]
MEDIA: Mapping[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}  # fmt: skip
"""Media types: RFC 4180, none registered for NDJSON, and IANA's for Parquet."""
ROW_GROUP = 50_000
"""Rows of a row group in Parquet, which is held in memory until it is full."""

ColumnKind = Literal["text", "whole", "number", "moment", "texts"]


class FileShape(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a file.

    Attributes:
        name: what they are, for the file's name
        columns: names and kinds; `moment` is UTC to the microsecond, `texts` a map of texts
        cells: returns the cells of a row, in the order of `columns`
    """

    name: str
    columns: Mapping[str, ColumnKind]
    cells: Callable[[Any], Sequence[Any]]


class UsageRow(msgspec.Struct, frozen=True):
    """Figures of one value in a part of a period; `start` is ISO 8601, `seconds` its length."""

    start: str
    seconds: float
    figures: UsageGroup


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:26] + "+00:00")


def _of_request(one: RequestView) -> Sequence[Any]:
    return [
        _moment(one.timestamp), one.service, one.consumer, one.key, one.key_prefix, one.plan,
        one.method, one.endpoint, one.path, one.status, one.duration_ms, one.request_bytes,
        one.response_bytes, one.trace_id, one.address, one.agent, one.refused_by, one.headers,
        one.timestamp,
    ]  # fmt: skip


REQUEST_FILE = FileShape(
    name="requests",
    columns={
        "time": "moment", "service": "text", "consumer": "text", "key": "text",
        "key_prefix": "text", "plan": "text", "method": "text", "endpoint": "text",
        "path": "text", "status": "whole", "duration_ms": "number", "request_bytes": "whole",
        "response_bytes": "whole", "trace_id": "text", "address": "text", "agent": "text",
        "refused_by": "text", "headers": "texts", "timestamp": "text",
    },
    cells=_of_request,
)  # fmt: skip
"""`timestamp` has the nanoseconds that `time` leaves out."""


def _of_usage(one: UsageRow) -> Sequence[Any]:
    of = one.figures
    return [
        _moment(one.start), one.seconds, of.value, of.requests, of.errors, of.client_errors,
        of.refused, of.p50_ms, of.p95_ms, of.p99_ms, of.request_bytes, of.response_bytes,
    ]  # fmt: skip


USAGE_FILE = FileShape(
    name="usage",
    columns={
        "start": "moment", "seconds": "number", "value": "text", "requests": "whole",
        "errors": "whole", "client_errors": "whole", "refused": "whole", "p50_ms": "number",
        "p95_ms": "number", "p99_ms": "number", "request_bytes": "whole",
        "response_bytes": "whole",
    },
    cells=_of_usage,
)  # fmt: skip


def file_parts(
    shape: FileShape, kind: FileFormat, pages: Iterable[Sequence[Any]]
) -> Generator[bytes]:
    """Write a file as its rows come.

    Args:
        shape: what the rows are
        kind: of the file
        pages: the rows

    Yields:
        Its parts. In CSV a text that a spreadsheet would run as a formula has an apostrophe.
    """
    if kind == "csv":
        yield from _csv(shape, pages)
    elif kind == "ndjson":
        yield from _ndjson(shape, pages)
    else:
        yield from _parquet(shape, pages)


def _csv(shape: FileShape, pages: Iterable[Sequence[Any]]) -> Generator[bytes]:
    yield csv_head(shape.columns).encode()
    for page in pages:
        if page:
            rows = (map(_in_csv, shape.cells(one)) for one in page)
            yield csv_lines([list(row) for row in rows]).encode()


def _in_csv(cell: Any) -> Any:
    return msgspec.json.encode(cell).decode() if isinstance(cell, dict) else cell


def _ndjson(shape: FileShape, pages: Iterable[Sequence[Any]]) -> Generator[bytes]:
    encoder = msgspec.json.Encoder()
    for page in pages:
        if page:
            yield encoder.encode_lines(
                [dict(zip(shape.columns, shape.cells(one), strict=True)) for one in page]
            )


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken: a Parquet file is only ever added to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, part: Any) -> int:
        kept = bytes(part)
        self._parts.append(kept)
        self._size += len(kept)
        return len(kept)

    def taken(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found


def _parquet(shape: FileShape, pages: Iterable[Sequence[Any]]) -> Generator[bytes]:
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    kinds: dict[ColumnKind, Any] = {
        "text": pa.string(), "whole": pa.int64(), "number": pa.float64(),
        "moment": pa.timestamp("us", "UTC"), "texts": pa.map_(pa.string(), pa.string()),
    }  # fmt: skip
    schema = pa.schema([(name, kinds[kind]) for name, kind in shape.columns.items()])
    sink, waiting = _Sink(), list[Sequence[Any]]()

    def group() -> Any:
        columns = list(zip(*waiting, strict=True)) or [()] * len(shape.columns)
        arrays = [
            pa.array([list(cell.items()) for cell in column] if kind == "texts" else column,
                     kinds[kind])
            for column, kind in zip(columns, shape.columns.values(), strict=True)
        ]  # fmt: skip
        waiting.clear()
        return pa.Table.from_arrays(arrays, schema=schema)

    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for page in pages:
            waiting.extend(map(shape.cells, page))
            if len(waiting) >= ROW_GROUP:
                writer.write_table(group())
                yield sink.taken()
        if waiting:
            writer.write_table(group())
    yield sink.taken()
