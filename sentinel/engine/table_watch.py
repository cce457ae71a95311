"""Read the tables that orchestration enriches from, where they are in other databases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sentinel.errors import ConfigurationError, SentinelError
from sentinel.labels.text import storable
from sentinel.orchestration.tables import MOST_LETTERS, csv_of, table_of
from sentinel.schema.orchestration import OrchestrationTable
from sentinel.store import Store
from sentinel.store.orchestration.cached_tables import due_tables, keep_rows, keep_trouble

__all__ = ["Ask", "TableWatch"]

log = logging.getLogger(__name__)

Ask = Callable[[str, str], Sequence[Mapping[str, Any]]]
"""Takes a block and a query, and returns rows by column; raises `SentinelError`."""


class TableWatch:
    """Reads what is due.

    Args:
        store: the shared database
        ask: asks a database through a read-only connection, in bounds of rows and time
    """

    def __init__(self, store: Store, ask: Ask) -> None:
        self._store, self._ask = store, ask

    def evaluate(self, now: datetime) -> None:
        """Read the tables that are due; one that cannot be read keeps its rows.

        Args:
            now: the present moment
        """
        for table in due_tables(self._store, now):
            try:
                text = _text(table, self._ask(table.block, table.query))
            except SentinelError as error:
                said = error.message
                log.warning("the table %s of %s cannot be read: %s", table.name, table.tenant, said)
                keep_trouble(self._store, table, said, now)
            else:
                keep_rows(self._store, table, text, now)


def _text(table: OrchestrationTable, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the CSV of a table.

    Args:
        table: that they are of
        rows: by column

    Returns:
        What `table_of` reads.

    Raises:
        ConfigurationError: there are none, or they are no table
    """
    if not rows:
        raise ConfigurationError("the query answers no rows, so the rows before stay")
    columns = list(rows[0])
    text = csv_of(columns, ([_cell(row[name]) for name in columns] for row in rows))
    if len(text) > MOST_LETTERS:
        raise ConfigurationError(f"the rows have more than {MOST_LETTERS:,} characters")
    table_of(text, f"the table {table.name}")
    return text


def _cell(value: object) -> str:
    return "" if value is None else storable(str(value))
