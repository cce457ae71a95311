"""The rows that one transaction changes about alerts, collected first and written in bulk."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from typing import Any

from sqlalchemy import Connection

from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.schema.columns import new_id
from sentinel.store.alerts.alert_rows import (
    ALERT_STATES,
    NEW_ALERT_COLUMNS,
    AlertTexts,
    kinds_of,
    searched,
)
from sentinel.store.database.bulk import cells_of, dumped, id_array, insert_many, update_many
from sentinel.store.database.tables import ALERT, TIMELINE_COLUMNS

__all__ = ["WriteBatch"]


class WriteBatch:
    """Alert and timeline rows to write; `write` carries them out, each kind at once.

    Where there are many, those that are there are written `beside` the collecting of more: the
    database then works at the same time as Python instead of after it, in one transaction.
    """

    def __init__(self) -> None:
        self._begun: Future[None] | None = None
        self._empty()

    def _empty(self) -> None:
        self._inserts: list[tuple[Any, ...]] = []
        self._states: list[tuple[Any, ...]] = []
        self._wordings: list[tuple[Any, ...]] = []
        self._facts: list[tuple[Any, ...]] = []
        self._still: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        self._over: dict[tuple[Any, ...], list[str]] = {}
        self._drops: list[str] = []
        self._timeline: list[tuple[Any, ...]] = []

    def __bool__(self) -> bool:
        return bool(
            self._begun is not None
            or self._inserts
            or self._states
            or self._still
            or self._over
            or self._drops
            or self._timeline
        )

    def insert(self, row: tuple[Any, ...]) -> None:
        """A new alert, as `NewAlerts.row` gives it."""
        self._inserts.append(row)

    def drop(self, alert_id: str) -> None:
        """A pending alert that never opened."""
        self._drops.append(alert_id)

    def state(self, state: AlertState) -> None:
        """What the lifecycle made of an alert."""
        self._states.append(ALERT_STATES.cells(state))

    def wording(
        self,
        alert_id: str,
        reading: Reading,
        texts: AlertTexts,
        run: tuple[str | None, str | None, str | None],
    ) -> None:
        """What a reading says anew about an alert, and the run that said it."""
        title, description, annotations = texts
        self._wordings.append(
            (
                alert_id, reading.value, title, description, searched(title, description),
                dumped(annotations),
                dumped(reading.details or {}), *run,
            )
        )  # fmt: skip

    def facts(self, alert_id: str, reading: Reading, texts: AlertTexts) -> None:
        """What is told beside the title of an alert that is as bad as before."""
        _, description, annotations = texts
        details = dumped(reading.details or {})
        self._facts.append((alert_id, description, dumped(annotations), details))

    def still(
        self,
        state: AlertState,
        value: float | None,
        title: str | None,
        words: str | None = None,
        *,
        again: bool,
    ) -> None:
        """An alert that is as bad as before; `again` where that counts as one more occurrence.

        `title` is None where it is the same as before, `words` where it says the same but for
        numbers, so that the index of words has nothing to learn.
        """
        texts = () if title is None else (title,) if words is None else (title, words)
        key = (state.last_bad_at, state.seen_at, state.expires_at, again, len(texts))
        row = (state.id, value, *texts)
        self._still.setdefault(key, []).append(row)

    def over(self, state: AlertState) -> None:
        """An alert that was open or acknowledged and is over."""
        key = (state.resolved_at, state.resolution, state.resolved_by, state.seen_at)
        self._over.setdefault(key, []).append(state.id)

    def entry(self, state: AlertState, **cells: Any) -> None:
        """A row of the timeline: at, kind, reason; actor, comment, value, flow_run_id may come."""
        row: dict[str, Any] = {
            "id": new_id(), "alert_id": state.id, "actor": "", "comment": "",
            "status": state.status.value, "severity": state.severity, "value": None,
            "flow_run_id": None, "version": state.version, **cells,
        }  # fmt: skip
        self._timeline.append(tuple([row[name] for name in TIMELINE_COLUMNS]))

    @contextmanager
    def beside(self, connection: Connection) -> Generator[None]:
        """For as long as the block lasts, what is collected so far is being written.

        The block must leave `connection` alone, which another thread uses meanwhile. An error of
        that writing is raised at its end.
        """
        rows = copy(self)
        self._empty()
        with ThreadPoolExecutor(1, "sentinel-writes") as thread:
            self._begun = thread.submit(rows.write, connection)
            yield
        self._begun.result()

    def write(self, connection: Connection) -> None:
        """Carry it out. Pending alerts that go make room first, since one live one may be."""
        if self._drops:
            subquery, parameter = id_array(connection, self._drops)
            connection.exec_driver_sql(
                f"DELETE FROM alert WHERE status = 'pending' AND id IN ({subquery})",  # noqa: S608 - no user text in it
                (parameter,),
            )
        update_many(connection, "alert", ALERT_STATES.updated, self._states)
        self._write_still(connection)
        self._write_over(connection)
        update_many(connection, "alert", _WORDING_COLUMNS, self._wordings)
        update_many(connection, "alert", _FACT_COLUMNS, self._facts)
        insert_many(connection, "alert", NEW_ALERT_COLUMNS, self._inserts)
        insert_many(connection, "timeline", TIMELINE_COLUMNS, self._timeline)

    def _write_still(self, connection: Connection) -> None:
        """What all of them share is written once, in the statement, not once a row."""
        for (last_bad_at, seen_at, expires_at, again, texts), rows in self._still.items():
            more = "bad_count=bad_count+1" + (",occurrences=occurrences+1" if again else "")
            same = {"last_bad_at": last_bad_at, "seen_at": seen_at, "expires_at": expires_at}
            columns = _STILL_COLUMNS[: 1 + texts]
            update_many(connection, "alert", columns, rows, add=more, same=same)

    def _write_over(self, connection: Connection) -> None:
        for (resolved_at, resolution, resolved_by, seen_at), ids in self._over.items():
            values = {
                "status": "resolved", "resolved_at": resolved_at, "resolution": resolution,
                "resolved_by": resolved_by, "seen_at": seen_at, "expires_at": None,
            }  # fmt: skip
            self._same(connection, ids, values, more=", version=version+1")

    def _same(
        self, connection: Connection, ids: list[str], values: dict[str, Any], more: str = ""
    ) -> None:
        """Give all of `ids` the same values."""
        subquery, parameter = id_array(connection, ids)
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        sets = ",".join(f"{name}={mark}" for name in values)
        statement = f"UPDATE alert SET {sets}{more} WHERE id IN ({subquery})"  # noqa: S608 - names are ours
        cells = cells_of(connection, tuple(values.values()))
        connection.exec_driver_sql(statement, (*cells, parameter))


_WORDING_COLUMNS = kinds_of(
    ALERT, "value", "title", "description", "searched", "annotations", "details", "flow_run_id",
    "flow_run_name", "deployment_id",
)  # fmt: skip
_FACT_COLUMNS = kinds_of(ALERT, "description", "annotations", "details")
_STILL_COLUMNS = kinds_of(ALERT, "value", "title", "searched")
