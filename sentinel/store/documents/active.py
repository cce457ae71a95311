"""The active version of a document, as every transaction reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, func, select

from sentinel.schema.document_version import DocumentVersion
from sentinel.store.database.tables import table_of

__all__ = ["ActiveDocument"]

T = TypeVar("T")
_MOST = 8
"""So many documents a process keeps as they were read, of all its databases."""


class ActiveDocument(Generic[T]):
    """The active version of one kind of document, whose text a process reads once.

    Args:
        model: the table of its versions
        read: turns a text that is not empty into what decisions use
    """

    def __init__(self, model: type[DocumentVersion], read: Callable[[str], T]) -> None:
        self._read = read
        self._known: dict[str, T] = {}
        self._table = table = table_of(model)
        # Built once, since SQLAlchemy compiles a statement once for each object.
        self._newest = (
            select(table.c.number, table.c.digest, func.length(table.c.document).label("length"))
            .order_by(table.c.number.desc())
            .limit(1)
        )

    def row(self, connection: Connection) -> Row[Any] | None:
        """Return the row of the active version without its text.

        Args:
            connection: an open transaction

        Returns:
            Number, digest and length; None where there never was a version.
        """
        return connection.execute(self._newest).first()

    def of(self, connection: Connection) -> T | None:
        """Return the active document as an open transaction reads it.

        The text itself is read only where this process has not read it yet.

        Args:
            connection: an open transaction

        Returns:
            What `read` made of it; None for no document.
        """
        row = self.row(connection)
        if row is None or not row.length:
            return None
        known = self._known.get(row.digest)
        if known is None:
            query = select(self._table.c.document).where(self._table.c.number == row.number)
            known = self._read(connection.execute(query).scalar_one())
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[row.digest] = known
        return known
