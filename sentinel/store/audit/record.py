"""Audit rows: each written in the transaction of the change that it records."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select

from sentinel.audit.chain import pseudonym
from sentinel.audit.change import Change, Recorded, canonical, not_done, redacted
from sentinel.audit.origin import present
from sentinel.schema.columns import new_id
from sentinel.store.database.bulk import insert_many
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import AUDIT, AUDIT_PERSON

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["SYSTEM", "Audit", "person_of"]

SYSTEM = "sentinel"
"""Who acts where no person or key does."""
_LONGEST_NAME = 200
_GIVEN = tuple(
    column.name
    for column in AUDIT.columns
    if column.name not in ("actor", "seq", "chained_at", "previous", "hash")
)
# Made once: SQLAlchemy compiles each statement object by itself. The pseudonym is looked up by the
# insert itself, so that a change costs one more statement and not two.
_INSERT = (
    AUDIT.insert()
    .from_select(
        ["actor", *_GIVEN],
        select(
            AUDIT_PERSON.c.id,
            *(bindparam(f"new_{name}", type_=AUDIT.c[name].type) for name in _GIVEN),
        ).where(AUDIT_PERSON.c.name == bindparam("who")),
    )
    .returning(AUDIT.c.id)
)
_PERSON = select(AUDIT_PERSON.c.id).where(AUDIT_PERSON.c.name == bindparam("who"))


class Audit:
    """Writes audit rows.

    Args:
        store: the shared database, whose `origin` says by which door changes come
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, connection: Connection, change: Change, *, actor: str) -> None:
        """Write one row in the caller's transaction, before it raises the change number.

        Args:
            connection: the transaction that makes the change
            change: what it changes
            actor: who does it; empty for Sentinel itself
        """
        who = _kept(actor)[:_LONGEST_NAME] or SYSTEM
        if named := _people(change):
            self._know(connection, {who, *named})
        row = self._row(connection, Recorded(change, actor))
        values = {f"new_{field}": value for field, value in row.items()} | {"who": who}
        if connection.execute(_INSERT, values).first() is None:
            person_of(self._store, connection, who)
            connection.execute(_INSERT, values)

    def add_all(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Write a row for each change, as `add` does.

        Args:
            connection: the transaction that makes the changes
            recorded: the changes, each with who made it
        """
        if len(recorded) == 1 and recorded[0].origin is None:
            return self.add(connection, recorded[0].change, actor=recorded[0].actor)
        names = {_kept(one.actor)[:_LONGEST_NAME] or SYSTEM for one in recorded}
        named = {name for one in recorded for name in _people(one.change)}
        people = self._know(connection, names | named)
        rows: list[tuple[Any, ...]] = []
        for one in recorded:
            row = self._row(connection, one)
            who = people[_kept(one.actor)[:_LONGEST_NAME] or SYSTEM]
            rows.append((who, *(row[field] for field in _GIVEN)))
        if rows:
            insert_many(connection, "audit", ("actor", *_GIVEN), rows)
        return None

    def _know(self, connection: Connection, names: set[str]) -> dict[str, str]:
        """Return the pseudonyms of names."""
        # In one order, so that two transactions that make the same ones cannot deadlock.
        return {name: person_of(self._store, connection, name) for name in sorted(names)}

    def _row(self, connection: Connection, recorded: Recorded) -> dict[str, Any]:
        """Return the cells of a row by column, but for the pseudonym of who made the change."""
        change = recorded.change
        origin = recorded.origin or present(self._store.origin)
        name, object_id = change.object_name, change.object_id
        if change.object_kind == "person":
            name, object_id = "", person_of(self._store, connection, name)
        return {
            "id": new_id(), "at": self._store.now(),
            "kind": origin.kind if _kept(recorded.actor) else "system", "door": origin.door,
            "tenant": change.tenant, "action": change.action, "object_kind": change.object_kind,
            "object_id": object_id, "object_name": _kept(name), "note": _kept(change.note),
            "before": self._text(connection, change.before, change.people),
            "after": self._text(connection, change.after, change.people),
        }  # fmt: skip

    def write(self, changes: Sequence[Change], *, actor: str) -> None:
        """Write rows in a transaction of their own, for changes outside this database."""

        def work(connection: Connection) -> None:
            for change in changes:
                self.add(connection, change, actor=actor)

        self._store.in_transaction(work)

    @contextmanager
    def outside(self, changes: Sequence[Change], *, actor: str) -> Generator[None]:
        """Record changes outside this database that the block makes.

        The rows are written first, so that no change is without one; where the block fails, a
        second row of each object says so.

        Args:
            changes: what the block changes
            actor: who does it

        Yields:
            Nothing.
        """
        self.write(changes, actor=actor)
        try:
            yield
        except BaseException as error:
            self.write([not_done(one, error) for one in changes], actor=actor)
            raise

    def truncate(self) -> int:
        """Delete rows that are older than the options say; see `retention.truncate`."""
        from sentinel.store.audit.retention import truncate

        return truncate(self._store)

    def _text(
        self, connection: Connection, fields: Any, people: tuple[str, ...]
    ) -> str | None:  # fmt: skip
        """Return the canonical JSON of one side, with pseudonyms for the people it names."""
        if fields is None:
            return None
        told = redacted(fields)
        for field in people:
            if told.get(field):
                told[field] = {"person": person_of(self._store, connection, told[field])}
        return canonical(told)


def _people(change: Change) -> set[str]:
    """Return the names, as they are kept, of those whom a change is about or names."""
    names = {change.object_name} if change.object_kind == "person" else set[str]()
    if change.people:
        for side in (change.before, change.after):
            told: dict[str, Any] = {} if side is None else redacted(side)
            names.update(told[field] for field in change.people if told.get(field))
    return {_kept(name)[:_LONGEST_NAME] or SYSTEM for name in names}


def person_of(store: Store, connection: Connection, name: str) -> str:
    """Return the pseudonym of a name, made now where there is none.

    Args:
        store: whose dialect holds
        connection: an open writing transaction
        name: of a person, a key or a program

    Returns:
        64 hex digits that commit to the name and a random salt.
    """
    who = _kept(name)[:_LONGEST_NAME] or SYSTEM
    known = connection.execute(_PERSON, {"who": who}).scalar()
    if known is not None:
        return known
    salt = secrets.token_hex(16)
    made = insert_into(store.dialect, AUDIT_PERSON).values(
        id=pseudonym(who, salt), name=who, salt=salt
    )
    connection.execute(made.on_conflict_do_nothing(index_elements=["name"]))
    return connection.execute(_PERSON, {"who": who}).scalar_one()


def _kept(text: str) -> str:
    """Return a text without what PostgreSQL does not keep."""
    return text.replace("\0", "").strip()
