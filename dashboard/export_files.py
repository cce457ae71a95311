"""Rows as a file: CSV, Excel or Parquet, written to the disk page by page, however many there are.

Excel and its like run what begins as a formula; a text that does gets an apostrophe before it in
CSV (OWASP, CSV injection). In an Excel file every text is written as a text cell, which is never
run; Parquet has no formulas. Both keep texts as they are.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from sentinel.errors import SentinelError

__all__ = ["MOMENT", "NUMBER", "TEXT", "WHOLE", "Shape", "as_csv", "as_excel", "as_parquet", "safe"]

# pyarrow comes with Streamlit and has no types to check against.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")
xlsxwriter: Any = import_module("xlsxwriter")  # has no types either
xlsx_errors: Any = import_module("xlsxwriter.exceptions")

TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()
MOMENT = pa.timestamp("us", "UTC")
Progress = Callable[[int], None]
"""Told how many rows were written so far, after each page."""
MOST_ROWS = 1_048_575
"""Excel takes one more row on a sheet, which is the head's."""
MOST_LETTERS = 32_767
"""Excel takes no longer text in a cell."""
CUT = f" … [cut here: a cell of Excel takes {MOST_LETTERS:,} letters]"
ROW_GROUP = 50_000
"""Rows that are packed together in Parquet."""

# At the beginning, and where a spreadsheet of a country that parts cells by semicolons begins
# another: it does not see that the text is quoted, and takes quotes of the text for its own.
_RUNS = re.compile(r"(^|[;\t\r\n])(?=(?:[^\S\t\r\n]|\")*[=+\-@＝＋－＠])")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a file are.

    Attributes:
        name: what they are called, as `alerts`
        columns: names and types
        cells: the cells of one, in the order of `columns`
        widths: of columns on a sheet, in letters, where it is not the usual
    """

    name: str
    columns: dict[str, Any]
    cells: Callable[[Any], Sequence[Any]]
    widths: dict[str, int] = {}


def safe(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula."""
    if text.isalnum():  # most are, and this takes no time
        return text
    guarded = _RUNS.sub(r"\1'", text)
    return f"'{guarded}" if text[:1] in ("\t", "\r", "\n") else guarded


def as_csv(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """CSV with a head, in UTF-8 with the mark that Excel needs; moments in ISO 8601, UTC.

    Returns:
        what people have to know of the file; here nothing
    """
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(shape.columns)
        for page in pages:
            writer.writerows([_written(cell) for cell in shape.cells(one)] for one in page)
            written += len(page)
            progress(written)
    return ""


def _written(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return safe(cell) if isinstance(cell, str) else cell


def as_parquet(path: Path, shape: Shape, pages: Iterable[Sequence[Any]], progress: Progress) -> str:
    """Parquet with typed columns.

    Returns:
        what people have to know of the file; here nothing
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
    """An Excel workbook; rows go to the disk as they come, moments are in UTC.

    What does not fit on a sheet goes on on the next one, and a text that does not fit in a cell
    ends with words that say so.

    Returns:
        what people have to know of the file: that it has several sheets, if so

    Raises:
        SentinelError: it is too much for a workbook
        OSError: the disk does not take it
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
                    f"{written:,} {shape.name} with such long texts are too much for a workbook",
                    hint="Take CSV or Parquet, or narrow the search.",
                ) from None
            except xlsx_errors.FileCreateError as error:
                raise OSError(*error.args[0].args) from error
        finally:
            for sheet in book.worksheets():  # where it was not finished, it has not closed these
                sheet.row_data_fh.close()
        sheets = len(book.worksheets())
    return f"on {sheets} sheets, since Excel takes {MOST_ROWS:,} on one" if sheets > 1 else ""


def _sheet(book: Any, shape: Shape, head: Any) -> Any:
    sheet = book.add_worksheet(f"{shape.name.capitalize()} {len(book.worksheets()) + 1}")
    sheet.freeze_panes(1, 0)
    for column, (name, kind) in enumerate(shape.columns.items()):
        sheet.set_column(column, column, shape.widths.get(name, 19))
        sheet.write_string(0, column, f"{name} (UTC)" if kind == MOMENT else name, head)
    return sheet


def _put(sheet: Any, row: int, column: int, cell: Any, moment: Any) -> None:
    """Write by type: `write` would take a text that begins as a formula for one."""
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
