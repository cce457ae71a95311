"""The name of a person in the archive: found, and erased by writing each file anew.

A file with the name is replaced by one without it; the transaction that erases the name from the
database lets the new one count and the old one no more. The old file is removed after that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, Table, select

from sentinel.audit.erased_names import ErasedName
from sentinel.errors import ArchiveError, Conflict
from sentinel.store.archive.files import (
    FILE,
    HOLD,
    KEPT,
    LEAVING,
    TAKEN,
    checked,
    clear,
    count,
    files,
    intend,
    locked,
    taken_of,
    writing_alone,
)
from sentinel.store.archive.parquet import FORMAT, read_records, written
from sentinel.store.archive.place import Place, place_of
from sentinel.store.archive.records import Record, Rows, encoded

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Named", "erasing", "named_rows"]

Named = Sequence[tuple[Table, str]]
"""Tables, and their columns that hold the name of a person."""
_ERRORS = ("error", "answer")
"""Columns of what providers answered, in which a name may stand."""
_LABEL = "erased-00000000"


class _Copy:
    """A file that is replaced, and the one that replaces it."""

    def __init__(self, store: Store, file: Row[Any]) -> None:
        self.old = file
        self.id, self.path = intend(
            store, file.kind, file.tenant, file.first_at, file.last_at, file.revision, FORMAT
        )


@contextmanager
def erasing(store: Store, name: str, named: Named) -> Generator[Callable[[Connection, str], None]]:
    """Prepare the erasure of a name from the archive.

    Args:
        store: the shared database
        name: of the person
        named: the columns that hold names

    Yields:
        A function for the transaction of the erasure, which takes it and the pseudonym.

    Raises:
        ArchiveError: a file cannot be read; nothing is erased
        Conflict: the name is in what is on legal hold, or somebody writes the archive just now
    """
    with store.read() as connection:
        any_file = connection.execute(select(FILE.c.id).limit(1)).first()
    if any_file is None and not store.options.archive_url:
        yield lambda _connection, _label: None
        return
    place = place_of(store.options.archive_url)
    with writing_alone(store) as holder:
        clear(store, place)
        before, found = _files_with(store, place, name, named)
        with store.read() as connection:
            _refuse_held(connection, name, {one.tenant for one in found})
        copies = [_Copy(store, one) for one in found]

        def rewrite(connection: Connection, label: str) -> None:
            locked(connection, holder)
            _refuse_held(connection, name, {one.old.tenant for one in copies})
            if _counting(connection) != before:
                raise Conflict("the archive changed meanwhile", hint="Erase the name again.")
            for one in copies:
                _rewrite(connection, place, one, name, label, named)

        yield rewrite
        clear(store, place)


def named_rows(store: Store, name: str, named: Named) -> dict[str, list[dict[str, Any]]]:
    """Return the archived rows that hold a name, by table.

    Args:
        store: the shared database
        name: of the person
        named: the columns that hold names

    Returns:
        The rows as JSON can hold them.

    Raises:
        ArchiveError: a file cannot be read
    """
    columns = _by_table(named)
    rows: dict[str, list[dict[str, Any]]] = {}
    with store.read() as connection:
        there = [*files(connection, "alert"), *files(connection, "group")]
    for file in there:
        for record in _counted(store, place_of(store.options.archive_url), file, name):
            for table, some in record.rows.items():
                mine = [
                    row for row in some
                    if any(_is(row.get(column), name) for column in columns.get(table, ()))
                ]  # fmt: skip
                if mine:
                    rows.setdefault(table, []).extend(mine)
    return rows


def _files_with(
    store: Store, place: Place, name: str, named: Named
) -> tuple[set[str], list[Row[Any]]]:
    """Return the ids of all files that count, and the files in which the name is."""
    with store.read() as connection:
        there = [*files(connection, "alert"), *files(connection, "group")]
    found = [
        file for file in there
        if any(
            encoded(one.rows) != encoded(_erased(one, name, _LABEL, named).rows)
            for one in _counted(store, place, file, name, taken=True)
        )
    ]  # fmt: skip
    return {one.id for one in there}, found


def _counted(
    store: Store, place: Place, file: Row[Any], name: str, *, taken: bool = False
) -> list[Record]:
    """Return the records of a file in which the name may be."""
    with store.read() as connection:
        out = set[str]() if taken else taken_of(connection, file.id)
    word = encoded(cast("Rows", name))[1:-1]
    return [
        one for one in read_records(checked(place, file), file.path)
        if one.id not in out and word in encoded(one.rows)
    ]  # fmt: skip


def _counting(connection: Connection) -> set[str]:
    return set(connection.execute(select(FILE.c.id).where(FILE.c.state == KEPT)).scalars())


def _refuse_held(connection: Connection, name: str, tenants: set[str]) -> None:
    held = set(connection.execute(select(HOLD.c.tenant)).scalars()) & tenants
    if held:
        raise Conflict(
            f"{name} is in archived alerts of {', '.join(sorted(held))}, which is on legal hold",
            hint="Release it first: sentinel archive release TENANT",
        )


def _rewrite(
    connection: Connection, place: Place, copy: _Copy, name: str, label: str, named: Named
) -> None:
    out = taken_of(connection, copy.old.id)
    records = [
        _erased(one, name, label, named)
        for one in read_records(checked(place, copy.old), copy.old.path)
        if one.id not in out
    ]
    connection.execute(FILE.update().where(FILE.c.id == copy.old.id).values(state=LEAVING))
    if not records:  # all of them are in the database; the new file never counts
        return
    made = written(records)
    place.write(copy.path, made.data)
    if place.read(copy.path) != made.data:
        raise ArchiveError(f"{copy.path} does not read back as it was written")
    count(connection, copy.id, made.sha256, len(records), len(made.data))
    moved = TAKEN.update().where(TAKEN.c.file_id == copy.old.id)
    connection.execute(moved.values(file_id=copy.id))


def _erased(record: Record, name: str, label: str, named: Named) -> Record:
    columns, erased = _by_table(named), ErasedName(name, label)
    rows: Rows = {
        table: [
            {
                column: _cell(table, column, value, row, columns, erased, name, label)
                for column, value in row.items()
            }
            for row in some
        ]
        for table, some in record.rows.items()
    }
    return Record(record.id, record.kind, rows)


def _cell(
    table: str, column: str, value: Any, row: dict[str, Any], columns: dict[str, set[str]],
    erased: ErasedName, name: str, label: str,
) -> Any:  # fmt: skip
    """Return a cell as the erasure from the database leaves it."""
    if column in columns.get(table, ()):
        return label if _is(value, name) else value
    match table, column:
        case "timeline", "comment":
            return label if row["kind"] == "assigned" and value == name else value
        case "escalation", "snapshot":
            return _without_person(value, name, label)
        case "escalation", "acknowledgements":
            return [label if one == name else one for one in value]
        case ("escalation", "missing") | ("escalation_page", "why"):
            lines = str(value).split("\n")
            return "\n".join(f"person {label}" if one == f"person {name}" else one for one in lines)
        case _, _ if column in _ERRORS and isinstance(value, str):
            return erased.in_text(value)
        case _:
            return value


def _without_person(value: Any, name: str, label: str) -> Any:
    if isinstance(value, list):
        return [_without_person(one, name, label) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        if given == {"kind": "person", "name": name}:
            return {**given, "name": label}
        return {key: _without_person(one, name, label) for key, one in given.items()}
    return value


def _by_table(named: Named) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in named:
        found.setdefault(table.name, set()).add(column)
    return found


def _is(value: Any, name: str) -> bool:
    return isinstance(value, str) and (value == name or value.startswith(f"{name} via "))
