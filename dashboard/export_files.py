"""Exported files: CSV, Excel or Parquet, written to the disk page by page, however many rows.

Spreadsheets run a cell that begins like a formula; in CSV such a text gets an apostrophe before it
(OWASP, CSV injection). In an Excel file every text is written as a text cell, which is never run;
Parquet has no formulas. Both keep texts as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from sentinel.errors import SentinelError
from sentinel.labels.csv_text import csv_head, csv_lines

__all__ = ["MOMENT", "NUMBER", "TEXT", "WHOLE", "Shape", "as_csv", "as_excel", "as_parquet"]

# pyarrow comes with Streamlit and has no types to check against.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")
xlsxwriter: Any = import_module("xlsxwriter")  # has no types either
xlsx_errors: Any = import_module("xlsxwriter.exceptions")

TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()
MOMENT = pa.timestamp("us", "UTC")
Progress = Callable[[int], None]
"""Called after each page with the number of rows written so far."""
MOST_ROWS = 1_048_575
"""Rows of an Excel sheet below its head."""
MOST_LETTERS = 32_767
"""The longest text of a cell in Excel, in characters."""
CUT = f" … [cut here: a cell of Excel holds {MOST_LETTERS:,} characters]"
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
    """Write an Excel workbook; rows go to the disk as they come, times are in UTC.

    Rows that do not fit on a sheet continue on the next one, and a text that does not fit in a cell
    is cut and says so.

    Args:
        path: of the file
        shape: what the rows are
        pages: the rows
        progress: called after each page

    Returns:
        a remark for people: how many sheets it has, where there are several

    Raises:
        SentinelError: the rows are too much for a workbook
        OSError: the disk is full or cannot be written
    """
    with TemporaryDirectory() as folder:
        book = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "tmpdir": folder, "remove_timezone": True}
        )
        try:
            head = book.add_format({"bold": True})
            moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            sheet = _sheet(book, shape, head)
            row = written = 0
            for page in pages:
                for one in page:
                    if row >= MOST_ROWS:
                        sheet, row = _sheet(book, shape, head), 0
                    row += 1
                    for column, cell in enumerate(shape.cells(one)):
                        _put(sheet, row, column, cell, moment)
                written += len(page)
                progress(written)
            try:
                book.close()
            except xlsx_errors.FileSizeError:
                raise SentinelError(
                    f"{written:,} {shape.name} with such long texts do not fit in a workbook",
                    hint="Export CSV or Parquet, or narrow the search.",
                ) from None
            except xlsx_errors.FileCreateError as error:
                raise OSError(*error.args[0].args) from error
        finally:
            for sheet in book.worksheets():  # an unfinished workbook has not closed these
                sheet.row_data_fh.close()
        sheets = len(book.worksheets())
    return f"on {sheets} sheets, as one holds {MOST_ROWS:,} rows" if sheets > 1 else ""


def _sheet(book: Any, shape: Shape, head: Any) -> Any:
    sheet = book.add_worksheet(f"{shape.name.capitalize()} {len(book.worksheets()) + 1}")
    sheet.freeze_panes(1, 0)
    for column, (name, kind) in enumerate(shape.columns.items()):
        sheet.set_column(column, column, shape.widths.get(name, 19))
        sheet.write_string(0, column, f"{name} (UTC)" if kind == MOMENT else name, head)
    return sheet


def _put(sheet: Any, row: int, column: int, cell: Any, moment: Any) -> None:
    """Write by type: `write` would turn a text that begins like a formula into one."""
    if isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell.astimezone(UTC).replace(tzinfo=None), moment)
    elif isinstance(cell, str):
        if len(cell) > MOST_LETTERS:
            cell = cell[: MOST_LETTERS - len(CUT)] + CUT
        if cell:
            sheet.write_string(row, column, cell)
    elif cell is not None and math.isfinite(cell):
        sheet.write_number(row, column, cell)
    elif cell is not None:  # Excel has no such number
        sheet.write_string(row, column, str(cell))
