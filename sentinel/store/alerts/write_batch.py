"""The rows of alerts and of their timeline that one transaction writes."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from typing import Any

from sqlalchemy import Connection

from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.store.alerts.alert_rows import (
    ALERT_STATES,
    NEW_ALERT_COLUMNS,
    AlertTexts,
    is_indexed,
    searched,
)
from sentinel.store.database.bulk import cells_of, dumped, id_array, insert_many, update_many
from sentinel.store.database.kinds import kinds_of
from sentinel.store.database.tables import ALERT

__all__ = ["WriteBatch"]


class WriteBatch:
    """Rows of alerts and of their timeline; `write` carries them out, each kind at once.

    Where there are many, those that are there are written while more are collected: the database
    then works at the same time as Python instead of after it, in one transaction.

    Attributes:
        timeline: rows in the order of `_TIMELINE_COLUMNS`
    """

    def __init__(self) -> None:
        self._begun: Future[None] | None = None
        self._empty()

    def _empty(self) -> None:
        self._inserts: list[tuple[Any, ...]] = []
        self._states: list[tuple[Any, ...]] = []
        self._worded: dict[bool, list[tuple[Any, ...]]] = {}
        self._facts: list[tuple[Any, ...]] = []
        self._still: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        self._resolved: dict[tuple[Any, ...], list[str]] = {}
        self._drops: list[str] = []
        self.timeline: list[tuple[Any, ...]] = []

    def __bool__(self) -> bool:
        return bool(
            self._begun is not None
            or self._inserts
            or self._states
            or self._worded
            or self._still
            or self._resolved
            or self._drops
            or self.timeline
        )

    @property
    def new(self) -> int:
        """How many new alerts it has that are not written yet."""
        return len(self._inserts)

    def insert(self, row: tuple[Any, ...]) -> None:
        """Add a new alert, as `NewAlerts.row` gives it."""
        self._inserts.append(row)

    def drop(self, alert_id: str) -> None:
        """Delete a pending alert that never opened."""
        self._drops.append(alert_id)

    def state(self, state: AlertState) -> None:
        """Update an alert to what the lifecycle made of it."""
        self._states.append(ALERT_STATES.cells(state))

    def worded(
        self,
        state: AlertState,
        reading: Reading,
        texts: AlertTexts,
        run: tuple[str | None, str | None, str | None],
        words: str | None = None,
    ) -> None:
        """Update an alert to what the lifecycle made of it, with its value, texts and flow run.

        One statement writes all of it, since each one that touches an indexed column writes every
        index of the row anew. The full-text index costs as much as all the others together.

        Args:
            state: after the evaluation
            reading: that says something new about it
            texts: title, description and annotations
            run: id and name of the flow run, id of the deployment
            words: what the full-text index has of it; None where that is not known
        """
        title, description, annotations = texts
        known = is_indexed(words, title, description)
        more = () if known else (searched(title, description),)
        self._worded.setdefault(known, []).append(
            (
                *ALERT_STATES.cells(state), reading.value, title, description, dumped(annotations),
                dumped(reading.details or {}), *run, *more,
            )
        )  # fmt: skip

    def facts(self, alert_id: str, reading: Reading, texts: AlertTexts) -> None:
        """Update the description, annotations and details of an alert that is still firing."""
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
        """Update an alert that is still firing, at the same severity.

        Args:
            state: after the evaluation
            value: of the reading, in the rule's unit
            title: None where it is the same as before
            words: what the full-text index has of it; None where only numbers changed, so that
                the index has nothing to learn
            again: whether that counts as one more occurrence
        """
        texts = () if title is None else (title,) if words is None else (title, words)
        key = (state.last_bad_at, state.seen_at, state.expires_at, again, len(texts))
        row = (state.id, value, *texts)
        self._still.setdefault(key, []).append(row)

    def resolved(self, state: AlertState) -> None:
        """Update an alert that was open or acknowledged and is resolved."""
        key = (state.resolved_at, state.resolution, state.resolved_by, state.seen_at)
        self._resolved.setdefault(key, []).append(state.id)

    @contextmanager
    def overlapped(self, connection: Connection) -> Generator[None]:
        """Write what is collected so far in another thread, for as long as the block lasts.

        The block must leave `connection` alone, which the other thread uses meanwhile. An error of
        that writing is raised at its end.

        Args:
            connection: the caller's open transaction
        """
        rows = copy(self)
        self._empty()
        with ThreadPoolExecutor(1, "sentinel-writes") as thread:
            self._begun = thread.submit(rows.write, connection)
            yield
        self._begun.result()

    def write(self, connection: Connection) -> None:
        """Execute it. Pending alerts that go make room first, since one live one may be.

        Args:
            connection: the caller's open transaction
        """
        if self._drops:
            subquery, parameter = id_array(connection, self._drops)
            connection.exec_driver_sql(
                f"DELETE FROM alert WHERE status = 'pending' AND id IN ({subquery})",  # noqa: S608 - no user text in it
                (parameter,),
            )
        if self._states:
            update_many(connection, "alert", ALERT_STATES.updated, self._states)
        # What all of them share is written once, in the statement, not once a row.
        for (last_bad_at, seen_at, expires_at, again, texts), rows in self._still.items():
            more = "bad_count=bad_count+1" + (",occurrences=occurrences+1" if again else "")
            same = {"last_bad_at": last_bad_at, "seen_at": seen_at, "expires_at": expires_at}
            columns = _STILL_COLUMNS[: 1 + texts]
            update_many(connection, "alert", columns, rows, add=more, same=same)
        for (resolved_at, resolution, resolved_by, seen_at), ids in self._resolved.items():
            values = {
                "status": "resolved", "resolved_at": resolved_at, "resolution": resolution,
                "resolved_by": resolved_by, "seen_at": seen_at, "expires_at": None,
            }  # fmt: skip
            _update_same(connection, ids, values, more=", version=version+1")
        for known, rows in self._worded.items():
            columns = (*ALERT_STATES.updated, *_WORDING_COLUMNS[: -1 if known else None])
            update_many(connection, "alert", columns, rows, same=_NEW_RUN)
        if self._facts:
            update_many(connection, "alert", _FACT_COLUMNS, self._facts)
        if self._inserts:
            insert_many(connection, "alert", NEW_ALERT_COLUMNS, self._inserts)
        if self.timeline:
            insert_many(connection, "timeline", _TIMELINE_COLUMNS, self.timeline)


def _update_same(connection: Connection, ids: list[str], values: dict[str, Any], more: str) -> None:
    """Give the alerts `ids` the same values."""
    subquery, parameter = id_array(connection, ids)
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sets = ",".join(f"{name}={mark}" for name in values)
    statement = f"UPDATE alert SET {sets}{more} WHERE id IN ({subquery})"  # noqa: S608 - names are ours
    cells = cells_of(connection, tuple(values.values()))
    connection.exec_driver_sql(statement, (*cells, parameter))


_TIMELINE_COLUMNS = (
    "id", "alert_id", "at", "kind", "reason", "actor", "comment", "status", "severity", "value",
    "flow_run_id", "version",
)  # fmt: skip
_WORDING_COLUMNS = kinds_of(
    ALERT, "value", "title", "description", "annotations", "details", "flow_run_id",
    "flow_run_name", "deployment_id", "searched",
)  # fmt: skip
_NEW_RUN = {"flow_run_state": None}  # until `run_states` has followed it to its end
_FACT_COLUMNS = kinds_of(ALERT, "description", "annotations", "details")
_STILL_COLUMNS = kinds_of(ALERT, "value", "title", "searched")
