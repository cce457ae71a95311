"""Alert rows as the lifecycle sees them, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select
from sqlalchemy.sql.elements import ColumnElement

from sentinel.alerts.inputs import Status
from sentinel.alerts.state import AlertState
from sentinel.store.database.tables import ALERT

__all__ = ["STATE_COLUMNS", "state_of", "state_query", "state_select", "state_values"]

_COLUMNS = (
    "fingerprint", "source", "title", "id", "status", "severity", "severity_word", "first_bad_at",
    "last_bad_at", "seen_at", "bad_count", "occurrences", "version", "opened_at",
    "acknowledged_at", "acknowledged_by", "acknowledge_comment", "acknowledged_severity",
    "resolved_at", "resolution", "resolved_by", "expires_at", "assignee", "suppressed_until",
    "suppress_reason",
)  # fmt: skip

STATE_COLUMNS = (
    ("status", "text"), ("severity", "int"), ("severity_word", "text"), ("last_bad_at", "moment"),
    ("seen_at", "moment"), ("bad_count", "int"), ("occurrences", "int"), ("version", "int"),
    ("opened_at", "moment"), ("acknowledged_at", "moment"), ("acknowledged_by", "text"),
    ("acknowledge_comment", "text"), ("acknowledged_severity", "int"), ("resolved_at", "moment"),
    ("resolution", "text"), ("resolved_by", "text"), ("expires_at", "moment"), ("assignee", "text"),
    ("suppressed_until", "moment"), ("suppress_reason", "text"), ("first_bad_at", "moment"),
)  # fmt: skip
"""What `state_values` gives after the id, for `bulk.update_many`."""


def state_query(connection: Connection, *where: ColumnElement[bool]) -> list[Row[Any]]:
    """The rows that match, with what `state_of` needs, and their fingerprint and source."""
    # `list()` of a result would ask the driver for each row by itself.
    return list(connection.execute(state_select(*where)).all())


def state_select(*where: ColumnElement[bool]) -> Select[Any]:
    """What `state_query` asks, for those that ask it again and again."""
    return select(*[ALERT.c[name] for name in _COLUMNS]).where(*where)


def state_of(row: Row[Any]) -> AlertState:
    """The lifecycle's view of a row that `state_query` gave."""
    (
        _print, _source, _title, id_, status, severity, word, first, last, seen, bad, times,
        version, opened, acked, acked_by, acked_comment, acked_severity, resolved, resolution,
        resolved_by, expires, assignee, until, why,
    ) = row  # fmt: skip
    return AlertState(
        id=id_, status=Status(status), severity=severity, word=word, first_bad_at=first,
        last_bad_at=last, seen_at=seen, bad_count=bad, occurrences=times, version=version,
        opened_at=opened, acknowledged_at=acked, acknowledged_by=acked_by,
        acknowledge_comment=acked_comment, acknowledged_severity=acked_severity,
        resolved_at=resolved, resolution=resolution, resolved_by=resolved_by,
        expires_at=expires, assignee=assignee, suppressed_until=until, suppress_reason=why,
    )  # fmt: skip


def state_values(state: AlertState) -> tuple[str | int | datetime | None, ...]:
    """The id and a cell per `STATE_COLUMNS`."""
    return (
        state.id, state.status.value, state.severity, state.word, state.last_bad_at,
        state.seen_at, state.bad_count, state.occurrences, state.version, state.opened_at,
        state.acknowledged_at, state.acknowledged_by, state.acknowledge_comment,
        state.acknowledged_severity, state.resolved_at, state.resolution, state.resolved_by,
        state.expires_at, state.assignee, state.suppressed_until, state.suppress_reason,
        state.first_bad_at,
    )  # fmt: skip
