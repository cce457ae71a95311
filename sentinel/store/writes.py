"""The rows that one transaction changes about alerts, collected first and written in bulk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from sentinel.lifecycle import AlertState
from sentinel.models import new_id
from sentinel.reading import Reading
from sentinel.store.bulk import dumped, id_array, insert_many, update_many
from sentinel.store.states import STATE_COLUMNS, state_values
from sentinel.store.tables import ALERT_COLUMNS, TIMELINE_COLUMNS

__all__ = ["Writes"]


class Writes:
    """Alert and timeline rows to write; `write` carries them out, each kind at once."""

    def __init__(self) -> None:
        self._inserts: list[tuple[Any, ...]] = []
        self._states: list[tuple[Any, ...]] = []
        self._wordings: list[tuple[Any, ...]] = []
        self._still: list[tuple[Any, ...]] = []
        self._drops: list[str] = []
        self._timeline: list[tuple[Any, ...]] = []

    def __bool__(self) -> bool:
        return bool(self._inserts or self._states or self._still or self._drops or self._timeline)

    def insert(self, cells: Mapping[str, Any]) -> None:
        """A new alert; `cells` has every column, JSON as text."""
        self._inserts.append(tuple([cells[name] for name in ALERT_COLUMNS]))

    def drop(self, alert_id: str) -> None:
        """A pending alert that never opened."""
        self._drops.append(alert_id)

    def state(self, state: AlertState) -> None:
        """What the lifecycle made of an alert."""
        self._states.append(state_values(state))

    def wording(
        self,
        alert_id: str,
        reading: Reading,
        texts: tuple[str, str, dict[str, str]],
        run: tuple[str | None, str | None, str | None],
    ) -> None:
        """What a reading says anew about an alert, and the run that said it."""
        title, description, annotations = texts
        self._wordings.append(
            (
                alert_id, reading.value, title, description, dumped(annotations),
                dumped(reading.details or {}), *run,
            )
        )  # fmt: skip

    def still(self, state: AlertState, value: float | None, title: str) -> None:
        """An alert that is as bad as before."""
        self._still.append(
            (
                state.id, value, title, state.last_bad_at, state.seen_at, state.bad_count,
                state.occurrences, state.expires_at,
            )
        )  # fmt: skip

    def entry(self, state: AlertState, **cells: Any) -> None:
        """A row of the timeline: at, kind, reason; actor, comment, value, flow_run_id may come."""
        row: dict[str, Any] = {
            "id": new_id(), "alert_id": state.id, "actor": "", "comment": "",
            "status": state.status.value, "severity": state.severity, "value": None,
            "flow_run_id": None, "version": state.version, **cells,
        }  # fmt: skip
        self._timeline.append(tuple([row[name] for name in TIMELINE_COLUMNS]))

    def write(self, connection: Connection) -> None:
        """Carry it out. Pending alerts that go make room first, since one live one may be."""
        if self._drops:
            subquery, parameter = id_array(connection, self._drops)
            connection.exec_driver_sql(
                f"DELETE FROM alert WHERE status = 'pending' AND id IN ({subquery})",  # noqa: S608 - no user text in it
                (parameter,),
            )
        update_many(connection, "alert", STATE_COLUMNS, self._states)
        update_many(connection, "alert", _STILL_COLUMNS, self._still)
        update_many(connection, "alert", _WORDING_COLUMNS, self._wordings)
        insert_many(connection, "alert", ALERT_COLUMNS, self._inserts)
        insert_many(connection, "timeline", TIMELINE_COLUMNS, self._timeline)


_WORDING_COLUMNS = (
    ("value", "float"), ("title", "text"), ("description", "text"), ("annotations", "json"),
    ("details", "json"), ("flow_run_id", "text"), ("flow_run_name", "text"),
    ("deployment_id", "text"),
)  # fmt: skip
_STILL_COLUMNS = (
    ("value", "float"), ("title", "text"), ("last_bad_at", "moment"), ("seen_at", "moment"),
    ("bad_count", "int"), ("occurrences", "int"), ("expires_at", "moment"),
)  # fmt: skip
