"""Read the tables that orchestration enriches from, where they are in other databases."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Thread
from typing import Any

from sentinel.errors import ConfigurationError, SentinelError, SourceDown
from sentinel.labels.text import storable
from sentinel.orchestration.tables import MOST_LETTERS, csv_of, table_of
from sentinel.schema.orchestration import OrchestrationTable
from sentinel.store import Store
from sentinel.store.orchestration.cached_tables import due_tables, keep_rows, keep_trouble

__all__ = ["Ask", "TableWatch"]

log = logging.getLogger(__name__)

Ask = Callable[[str, str], Sequence[Mapping[str, Any]]]
"""Takes a block and a query, and returns rows by column; raises `SentinelError`."""
_PATIENCE = 30.0
"""Seconds for a table, where its database or its driver knows no limit of its own."""
_MOST_STUCK = 8


class TableWatch:
    """Reads what is due.

    Args:
        store: the shared database
        ask: asks a database through a read-only connection, in bounds of rows and time
        patience: seconds after which a query that goes beyond these bounds is left to itself
    """

    def __init__(self, store: Store, ask: Ask, patience: float = _PATIENCE) -> None:
        self._store, self._ask, self._patience = store, ask, patience
        self._stuck: dict[tuple[str, str], Thread] = {}

    def evaluate(self, now: datetime) -> None:
        """Read the tables that are due; one that cannot be read keeps its rows.

        Args:
            now: the present moment
        """
        for table in due_tables(self._store, now):
            try:
                text = _text(table, self._rows(table))
            except Exception as error:  # noqa: BLE001 - of a driver too; one table holds up no other
                known = isinstance(error, SentinelError)
                said = error.message if known else f"{type(error).__name__}: {error}"
                log.warning("the table %s of %s cannot be read: %s", table.name, table.tenant, said)
                keep_trouble(self._store, table, storable(said), now)
            else:
                keep_rows(self._store, table, text, now)

    def _rows(self, table: OrchestrationTable) -> Sequence[Mapping[str, Any]]:
        """Ask in a thread, which is left to itself when the database takes too long."""
        key = table.tenant, table.name
        self._stuck = {one: thread for one, thread in self._stuck.items() if thread.is_alive()}
        if key in self._stuck:
            raise SourceDown(table.block, "the database has not answered the query before yet")
        if len(self._stuck) >= _MOST_STUCK:
            raise SourceDown(table.block, f"{len(self._stuck)} other queries have not ended yet")
        answer: queue.Queue[Sequence[Mapping[str, Any]] | Exception] = queue.Queue()

        def ask() -> None:
            try:
                answer.put(self._ask(table.block, table.query))
            except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
                answer.put(error)

        thread = Thread(target=ask, name=f"table {table.name}", daemon=True)
        thread.start()
        try:
            found = answer.get(timeout=self._patience)
        except queue.Empty:
            self._stuck[key] = thread
            said = f"the database did not answer within {self._patience:g} s"
            raise SourceDown(table.block, said) from None
        if isinstance(found, Exception):
            raise found
        return found


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
