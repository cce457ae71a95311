"""The system log: what Sentinel itself did, or could not do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, or_, select

from sentinel.audit.actions import words_of
from sentinel.schema.columns import new_id
from sentinel.schema.notifications import SystemLog
from sentinel.store.audit.queries import AuditFilter, AuditItem, page
from sentinel.store.database.tables import model_of, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Log"]

LOG = table_of(SystemLog)
CONFIGURATION = (
    "rule", "deployment", "receiver", "channel", "event_pack", "database", "settings", "key",
    "person",
)  # fmt: skip
"""Kinds of objects whose changes the log shows too; the audit trail has them."""


class Log:
    """The rows that the system log page shows. They never hold secrets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        connection: Connection,
        level: str,
        what: str,
        message: str,
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Write one row in the caller's transaction.

        Args:
            connection: the caller's open transaction
            level: info, warning or error
            what: a dotted word such as `rule.switched`
            message: one sentence, cut to 2000 characters
            details: further values that JSON can hold

        Returns:
            The id of the row.
        """
        row_id = new_id()
        connection.execute(
            LOG.insert().values(
                id=row_id, at=self._store.now(), level=level, what=what,
                message=message[:2000], details=dict(details or {}),
            )
        )  # fmt: skip
        return row_id

    def write(
        self, level: str, what: str, message: str, details: Mapping[str, Any] | None = None
    ) -> str:
        """Write one row in a transaction of its own, and return its id."""
        with self._store.write() as connection:
            return self.add(connection, level, what, message, details)

    def reword(self, row_id: str, message: str, details: Mapping[str, Any]) -> None:
        """Replace what a row says, in a transaction of its own: it happened again.

        Args:
            row_id: of the row; nothing happens where it was deleted
            message: one sentence, cut to 2000 characters
            details: further values that JSON can hold
        """
        change = LOG.update().where(LOG.c.id == row_id)
        with self._store.write() as connection:
            connection.execute(change.values(message=message[:2000], details=dict(details)))

    def page(
        self, limit: int = 100, *, words: str = "", levels: Sequence[str] = (),
        before: datetime | None = None,
    ) -> list[SystemLog]:  # fmt: skip
        """Return the newest rows, with the changes of what is configured.

        Args:
            limit: at most this many rows
            words: each must occur in the message or in `what`, in upper or lower case
            levels: only these; empty for all
            before: only those before this moment

        Returns:
            The rows, newest first.
        """
        query = select(LOG).order_by(LOG.c.at.desc(), LOG.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(LOG.c.at < before)
        if levels:
            query = query.where(LOG.c.level.in_(levels))
        for word in words.replace("\0", "").lower().split():
            query = query.where(
                or_(
                    func.lower(LOG.c.message).contains(word, autoescape=True),
                    func.lower(LOG.c.what).contains(word, autoescape=True),
                )
            )
        with self._store.read() as connection:
            own = [model_of(SystemLog, row) for row in connection.execute(query)]
        if levels and "info" not in levels:
            return own
        wanted = AuditFilter(words=words, object_kinds=CONFIGURATION, until=before)
        changes = [_line(one) for one in page(self._store, wanted, limit=limit).items]
        return sorted([*own, *changes], key=lambda one: (one.at, one.id), reverse=True)[:limit]


def _line(change: AuditItem) -> SystemLog:
    """Return a change of what is configured as a line of the log: it is recorded once."""
    sides = {"before": change.before, "after": change.after, "note": change.note}
    details = {name: value for name, value in sides.items() if value}
    done = f"{change.actor} {words_of(change.action)} {change.object_name}"
    return SystemLog(
        id=change.id, at=change.at, level="info", what=change.action, message=done,
        details={"actor": change.actor, **details},
    )  # fmt: skip
