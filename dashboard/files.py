"""Alerts as a file: CSV, Excel or Parquet, written page by page, however many there are.

Excel and its like run what begins as a formula; a text that does gets an apostrophe before it in
CSV (OWASP, CSV injection). In an Excel file every text is written as a text cell, which is never
run; Parquet has no formulas. Both keep texts as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from sentinel.alert import AlertView

__all__ = ["COLUMNS", "as_csv", "as_excel", "as_parquet", "safe"]

# pyarrow comes with Streamlit and has no types to check against.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")
xlsxwriter: Any = import_module("xlsxwriter")  # has no types either

COLUMNS: dict[str, Any] = {
    "id": pa.string(), "status": pa.string(), "severity": pa.string(), "rule": pa.string(),
    "title": pa.string(), "description": pa.string(), "category": pa.string(),
    "team": pa.string(), "assignee": pa.string(), "value": pa.float64(), "unit": pa.string(),
    "labels": pa.string(), "opened_at": pa.timestamp("us", "UTC"),
    "acknowledged_at": pa.timestamp("us", "UTC"), "acknowledged_by": pa.string(),
    "acknowledge_comment": pa.string(), "resolved_at": pa.timestamp("us", "UTC"),
    "resolved_by": pa.string(), "resolution": pa.string(), "occurrences": pa.int64(),
    "flow_run_id": pa.string(), "tenant": pa.string(),
}  # fmt: skip
_RUNS = re.compile(r"\s*[=+\-@]|[\t\r\n]")
Progress = Callable[[int], None]
MOST_ROWS = 1_048_575
"""Excel takes one more row on a sheet, which is the head's."""
MOST_LETTERS = 32_767
"""Excel takes no longer text in a cell."""
_WIDTHS = {"title": 48, "description": 40, "labels": 32, "acknowledge_comment": 28}


def safe(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if _RUNS.match(text) else text


def _cells(alert: AlertView) -> dict[str, Any]:
    """The cells in the order of `COLUMNS`."""
    labels = orjson.dumps(alert.labels, option=orjson.OPT_SORT_KEYS).decode()
    return {name: labels if name == "labels" else getattr(alert, name) for name in COLUMNS}


def as_csv(pages: Iterator[Sequence[AlertView]], progress: Progress) -> bytes:
    """CSV with a head, in UTF-8 with the mark that Excel needs; moments in ISO 8601, UTC.

    Args:
        pages: the alerts
        progress: told how many were written so far, after each page
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    written = 0
    for page in pages:
        for alert in page:
            writer.writerow([_written(value) for value in _cells(alert).values()])
        written += len(page)
        progress(written)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return safe(value) if isinstance(value, str) else value


def as_parquet(pages: Iterator[Sequence[AlertView]], progress: Progress) -> bytes:
    """Parquet with typed columns, one row group a page."""
    schema = pa.schema(list(COLUMNS.items()))
    written = 0
    with TemporaryDirectory() as folder:
        path = Path(folder) / "alerts.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for page in pages:
                writer.write_table(
                    pa.Table.from_pylist([_cells(alert) for alert in page], schema=schema)
                )
                written += len(page)
                progress(written)
        return path.read_bytes()


def as_excel(pages: Iterator[Sequence[AlertView]], progress: Progress) -> bytes:
    """An Excel workbook; rows go to the disk as they come, moments are in UTC.

    What does not fit on a sheet goes on on the next one.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "alerts.xlsx"
        book = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "tmpdir": folder, "remove_timezone": True}
        )
        head = book.add_format({"bold": True})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet: Any = None
        row = written = 0
        for page in pages:
            for alert in page:
                if sheet is None or row >= MOST_ROWS:
                    sheet, row = _sheet(book, head), 0
                row += 1
                for column, cell in enumerate(_cells(alert).values()):
                    _put(sheet, row, column, cell, moment)
            written += len(page)
            progress(written)
        if sheet is None:
            _sheet(book, head)
        book.close()
        return path.read_bytes()


def _sheet(book: Any, head: Any) -> Any:
    sheet = book.add_worksheet(f"Alerts {len(book.worksheets()) + 1}")
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 19))
        sheet.write_string(0, column, f"{name} (UTC)" if name.endswith("_at") else name, head)
    return sheet


def _put(sheet: Any, row: int, column: int, cell: Any, moment: Any) -> None:
    """Write by type: `write` would take a text that begins as a formula for one."""
    if isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell.astimezone(UTC).replace(tzinfo=None), moment)
    elif isinstance(cell, str):
        if cell:
            sheet.write_string(row, column, cell[:MOST_LETTERS])
    elif cell is not None:
        sheet.write_number(row, column, cell)
