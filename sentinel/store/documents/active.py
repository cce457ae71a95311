"""The active version of a document, as every transaction reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, bindparam, func, select

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
        scope: columns beside the number that say whose version it is; none for an instance's
    """

    def __init__(
        self, model: type[DocumentVersion], read: Callable[[str], T], scope: Sequence[str] = ()
    ) -> None:
        self._read = read
        self._known: dict[str, T] = {}
        self._table = table = table_of(model)
        # Built once, since SQLAlchemy compiles a statement once for each object.
        self._newest = (
            select(table.c.number, table.c.digest, func.length(table.c.document).label("length"))
            .where(*(table.c[name] == bindparam(f"of_{name}") for name in scope))
            .order_by(table.c.number.desc())
            .limit(1)
        )

    def row(self, connection: Connection, scope: Mapping[str, str] = {}) -> Row[Any] | None:
        """Return the row of the active version without its text.

        Args:
            connection: an open transaction
            scope: whose, a text for each column of the scope

        Returns:
            Number, digest and length; None where there never was a version.
        """
        return connection.execute(self._newest, _parameters(scope)).first()

    def of(self, connection: Connection, scope: Mapping[str, str] = {}) -> T | None:
        """Return the active document as an open transaction reads it.

        The text itself is read only where this process has not read it yet.

        Args:
            connection: an open transaction
            scope: as of `row`

        Returns:
            What `read` made of it; None for no document.
        """
        row = self.row(connection, scope)
        return None if row is None or not row.length else self.read(connection, row, scope)

    def read(self, connection: Connection, row: Row[Any], scope: Mapping[str, str] = {}) -> T:
        """Return the document of a row that `row` returned; arguments as of `of`."""
        known = self._known.get(row.digest)
        if known is None:
            of_scope = [self._table.c[name] == text for name, text in scope.items()]
            query = select(self._table.c.document).where(
                self._table.c.number == row.number, *of_scope
            )
            known = self._read(connection.execute(query).scalar_one())
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[row.digest] = known
        return known


def _parameters(scope: Mapping[str, str]) -> dict[str, str]:
    return {f"of_{name}": text for name, text in scope.items()}
