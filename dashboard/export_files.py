"""Exported files: CSV, Excel or Parquet, written to the disk page by page, however many rows.

Spreadsheets run a cell that begins like a formula; in CSV such a text gets an apostrophe before it
(OWASP, CSV injection). In an Excel file every text is written as a text cell, which is never run;
Parquet has no formulas. Both keep texts as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from sentinel.labels.csv_text import csv_head, csv_lines
from sentinel.labels.workbook import Sheet, write_workbook

__all__ = [
    "MOMENT",
    "NUMBER",
    "TEXT",
    "WHOLE",
    "Shape",
    "as_csv",
    "as_excel",
    "as_ndjson",
    "as_parquet",
]

# pyarrow comes with Streamlit and has no types to check against.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()
MOMENT = pa.timestamp("us", "UTC")
Progress = Callable[[int], None]
"""Called after each page with the number of rows written so far."""
ROW_GROUP = 50_000
"""Rows of a row group in Parquet."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a file.

    Attributes:
        name: what they are, as `alerts`
        columns: names and Arrow types
        cells: returns the cells of a row, in the order of `columns`
        widths: of columns on a sheet, in characters, where not the default
    """

    name: str
    columns: dict[str, Any]
    cells: Callable[[Any], Sequence[Any]]
    widths: dict[str, int] = {}


def as_csv(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """Write CSV with a head in UTF-8, with the byte order mark that Excel needs.

    Times are in ISO 8601, UTC.

    Args:
        path: of the file
        shape: what the rows are
        pages: the rows
        progress: called after each page

    Returns:
        a remark for people; empty for this format
    """
    written = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(csv_head(shape.columns))
        for page in pages:
            out.write(csv_lines(map(shape.cells, page)))
            written += len(page)
            progress(written)
    return ""


def as_ndjson(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """Write one JSON object a line; times are in ISO 8601, UTC.

    Args:
        path: of the file
        shape: what the rows are
        pages: the rows
        progress: called after each page

    Returns:
        a remark for people; empty for this format
    """
    written, encoder = 0, msgspec.json.Encoder()
    with path.open("wb") as out:
        for page in pages:
            if page:
                rows = (zip(shape.columns, shape.cells(one), strict=True) for one in page)
                out.write(encoder.encode_lines([dict(row) for row in rows]))
            written += len(page)
            progress(written)
    return ""


def as_parquet(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """Write Parquet with typed columns.

    Args:
        path: of the file
        shape: what the rows are
        pages: the rows
        progress: called after each page

    Returns:
        a remark for people; empty for this format
    """
    schema = pa.schema(list(shape.columns.items()))
    waiting: list[Any] = []
    written = kept = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for page in pages:
            if page:
                columns = zip(*map(shape.cells, page), strict=True)
                arrays = [
                    pa.array(column, type=kind)
                    for column, kind in zip(columns, shape.columns.values(), strict=True)
                ]
                waiting.append(pa.Table.from_arrays(arrays, schema=schema))
            written += len(page)
            if written - kept >= ROW_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting, kept = [], written
            progress(written)
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return ""


def as_excel(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """Write an Excel workbook, as `write_workbook` does.

    Args:
        path: of the file
        shape: what the rows are
        pages: the rows
        progress: called after each page

    Returns:
        a remark for people: how many sheets it has, where there are several
    """
    sheet = Sheet(
        name=shape.name, columns=list(shape.columns), cells=shape.cells, widths=shape.widths,
        moments=frozenset(name for name, kind in shape.columns.items() if kind == MOMENT),
    )  # fmt: skip
    return write_workbook(path, sheet, pages, progress)
