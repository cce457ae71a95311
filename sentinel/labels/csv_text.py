"""Rows as CSV, for spreadsheets: no text of them runs as a formula there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sentinel.labels.spreadsheet_text import spreadsheet_text
from sentinel.printable import printable

__all__ = ["csv_head", "csv_lines"]

_MARK = "\ufeff"
"""The byte order mark, without which Excel does not read UTF-8."""


def csv_head(columns: Iterable[str]) -> str:
    """Return the first line of a file, with the byte order mark that Excel needs."""
    return _MARK + csv_lines([list(columns)])


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as lines of CSV.

    Args:
        rows: of cells: texts, numbers, moments or None

    Returns:
        The lines. Moments are in ISO 8601; texts have no control characters, and an apostrophe
        where a spreadsheet would run them.
    """
    out = io.StringIO(newline="")
    csv.writer(out).writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue()


def _written(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return spreadsheet_text(printable(cell)) if isinstance(cell, str) else cell
