"""Rows as an Excel workbook, written to the disk page by page, however many rows.

Every text is written as a text cell, which Excel never runs as a formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec

from sentinel.errors import SentinelError

__all__ = ["CUT", "MOST_LETTERS", "MOST_ROWS", "Sheet", "write_workbook"]

# They have no types to check against.
xlsxwriter: Any = import_module("xlsxwriter")
xlsx_errors: Any = import_module("xlsxwriter.exceptions")

MOST_ROWS = 1_048_575
"""Rows of an Excel sheet below its head."""
MOST_LETTERS = 32_767
"""The longest text of a cell in Excel, in characters."""
CUT = f" … [cut here: a cell of Excel holds {MOST_LETTERS:,} characters]"
_WIDTH = 19


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a workbook.

    Attributes:
        name: what they are, as `alerts`
        columns: names of the columns
        cells: returns the cells of a row, in the order of `columns`
        moments: columns that hold moments, which Excel has without a zone
        widths: of columns, in characters, where not the default
    """

    name: str
    columns: Sequence[str]
    cells: Callable[[Any], Sequence[Any]]
    moments: frozenset[str] = frozenset()
    widths: dict[str, int] = {}


def write_workbook(
    file: Path | IO[bytes], sheet: Sheet, pages: Iterable[Sequence[Any]],
    progress: Callable[[int], None] = lambda _: None,
) -> str:  # fmt: skip
    """Write an Excel workbook; rows go to the disk as they come, times are in UTC.

    Rows that do not fit on a sheet continue on the next one, and a text that does not fit in a cell
    is cut and says so.

    Args:
        file: its path, or where it is written
        sheet: what the rows are
        pages: the rows
        progress: called after each page with the number of rows written so far

    Returns:
        A remark for people: how many sheets it has, where there are several.

    Raises:
        SentinelError: the rows are too much for a workbook
        OSError: the disk is full or cannot be written
    """
    with TemporaryDirectory() as folder:
        book = xlsxwriter.Workbook(
            str(file) if isinstance(file, Path) else file,
            {"constant_memory": True, "tmpdir": folder, "remove_timezone": True},
        )
        try:
            head = book.add_format({"bold": True})
            moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            current = _begun(book, sheet, head)
            row = written = 0
            for page in pages:
                for one in page:
                    if row >= MOST_ROWS:
                        current, row = _begun(book, sheet, head), 0
                    row += 1
                    for column, cell in enumerate(sheet.cells(one)):
                        _put(current, row, column, cell, moment)
                written += len(page)
                progress(written)
            try:
                book.close()
            except xlsx_errors.FileSizeError:
                raise SentinelError(
                    f"{written:,} {sheet.name} with such long texts do not fit in a workbook",
                    hint="Export CSV or Parquet, or narrow the search.",
                ) from None
            except xlsx_errors.FileCreateError as error:
                raise OSError(*error.args[0].args) from error
        finally:
            for one in book.worksheets():  # an unfinished workbook has not closed these
                one.row_data_fh.close()
        sheets = len(book.worksheets())
    return f"on {sheets} sheets, as one holds {MOST_ROWS:,} rows" if sheets > 1 else ""


def _begun(book: Any, sheet: Sheet, head: Any) -> Any:
    made = book.add_worksheet(f"{sheet.name.capitalize()} {len(book.worksheets()) + 1}")
    made.freeze_panes(1, 0)
    for column, name in enumerate(sheet.columns):
        made.set_column(column, column, sheet.widths.get(name, _WIDTH))
        shown = f"{name} (UTC)" if name in sheet.moments else name
        made.write_string(0, column, shown, head)
    return made


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
