"""Tables that enrich alerts: read from CSV, bounded, and looked up by their columns. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from sentinel.errors import ConfigurationError

__all__ = ["MOST_CELL", "MOST_COLUMNS", "MOST_LETTERS", "MOST_ROWS", "Table", "csv_of", "table_of"]

MOST_LETTERS = 2_000_000
"""Characters of a table as CSV."""
MOST_ROWS = 50_000
MOST_COLUMNS = 50
MOST_CELL = 1000
_HINT = "The first line names the columns: host,owner,service"


class Table:
    """Rows of texts, looked up by some of their columns.

    Args:
        columns: names, each once
        rows: as many texts each
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.columns = tuple(columns)
        self.rows = rows
        self._by: dict[tuple[str, ...], dict[tuple[str, ...], Sequence[str]]] = {}

    def find(self, wanted: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return the first row that has these texts.

        Args:
            wanted: texts by column

        Returns:
            The row by column; None where none has them, or a column is not there.
        """
        names = tuple(sorted(wanted))
        if not set(names) <= set(self.columns):
            return None
        if names not in self._by:
            self._by[names] = self._index(names)
        row = self._by[names].get(tuple(wanted[name] for name in names))
        return None if row is None else dict(zip(self.columns, row, strict=True))

    def _index(self, names: tuple[str, ...]) -> dict[tuple[str, ...], Sequence[str]]:
        places = [self.columns.index(name) for name in names]
        index: dict[tuple[str, ...], Sequence[str]] = {}
        for row in self.rows:
            index.setdefault(tuple(row[place] for place in places), row)
        return index


def table_of(text: str, where: str = "the table") -> Table:
    """Read a table from CSV (RFC 4180) whose first line names the columns.

    Args:
        text: the CSV
        where: what errors call it

    Returns:
        The table.

    Raises:
        ConfigurationError: it is no such table or too large; names the line
    """
    if len(text) > MOST_LETTERS:
        raise ConfigurationError(
            f"{where}: {len(text):,} characters are too many; {MOST_LETTERS:,} are allowed"
        )
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    columns: list[str] | None = None
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not row:
                continue
            if columns is None:
                columns = _columns(row, where)
                continue
            _check(row, columns, f"{where}, line {reader.line_num}")
            rows.append(row)
            if len(rows) > MOST_ROWS:
                raise ConfigurationError(f"{where}: more than {MOST_ROWS:,} rows are too many")
    except csv.Error as error:
        raise ConfigurationError(
            f"{where}, line {reader.line_num}: no CSV: {error}", hint=_HINT
        ) from None
    if columns is None:
        raise ConfigurationError(f"{where}: it is empty", hint=_HINT)
    return Table(columns, rows)


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV that `table_of` reads."""
    written = io.StringIO(newline="")
    # Python 3.11 puts no quotes around a text that is a carriage return, unless around all.
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(rows)
    return written.getvalue()


def _columns(row: list[str], where: str) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) > MOST_COLUMNS:
        raise ConfigurationError(f"{where}: {len(names)} columns; at most {MOST_COLUMNS} are read")
    _check(names, names, f"{where}, line 1")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(names):
        said = f"the column {twice[0]!r} is there twice" if twice else "a column has no name"
        raise ConfigurationError(f"{where}, line 1: {said}", hint=_HINT)
    return names


def _check(row: Sequence[str], columns: Sequence[str], where: str) -> None:
    if len(row) != len(columns):
        raise ConfigurationError(
            f"{where}: {len(row)} values, but there are {len(columns)} columns",
            hint='Put a text that has a comma in double quotes: "a, b"',
        )
    for text in row:
        if len(text) > MOST_CELL:
            raise ConfigurationError(
                f"{where}: a text of {len(text):,} characters; {MOST_CELL:,} are allowed"
            )
        if "\0" in text:
            raise ConfigurationError(f"{where}: a text has a NUL character")
