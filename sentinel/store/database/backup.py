"""Backups: all of Sentinel's own tables in one file that either database can read.

The file is gzipped JSON lines and describes itself: a header, then for each table its columns and
rows, then the number of rows by table. It is written from one snapshot while everything runs, and
read back before it replaces another. A restore is one transaction: all of it, or nothing.

Prefect's own database (deployments, runs, blocks) belongs to Prefect and is not included.
"""

from __future__ import annotations

import base64
import gzip
import logging
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import orjson
from alembic import command
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from sentinel import schema
from sentinel.audit.chain import Head
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, DatabaseError, SchemaTooNew
from sentinel.printable import counted
from sentinel.store.database.after_restore import end_what_waited
from sentinel.store.database.backup_file import Backup, BackupFile, TableColumns, look_into
from sentinel.store.database.component_reports import report
from sentinel.store.database.migrate import (
    alembic_config,
    locked,
    refuse_newer,
    revision,
    schema_ready,
)
from sentinel.store.database.tables import AUDIT, AUDIT_HEAD, CHANGE, NOT_MODELS
from sentinel.store.migrations.audit_triggers import create_triggers, drop_triggers
from sentinel.store.migrations.review_triggers import create_review_triggers, drop_review_triggers

if TYPE_CHECKING:
    from alembic.config import Config

    from sentinel.store import Store

__all__ = ["backup", "restore", "tables"]

log = logging.getLogger(__name__)

_BATCH = 1000


_DERIVED = (schema.Rollup, schema.RollupHour, schema.RollupMark, schema.RollupState)
"""Derived from the alerts, and computed again from them."""
_REVIEWS = schema.AccessReview.__tablename__
_ENDS = (
    schema.PersonSession, schema.FailedLogin, schema.LoginAddress, schema.AcknowledgeLink,
    schema.LinkKey, schema.PushKey, schema.PushSubscription, schema.ComponentReport,
    schema.ConsumerKeySigner, schema.ConsumerSession, schema.DoorCanary,
)  # fmt: skip
"""Not kept: a session that ended since must not begin again with a restored backup, and one that
began since is of an account that the restore replaces. Nor are the keys of acknowledge links, by
which whoever reads a backup could act, of browsers, by which they could be notified, and of
tokens of consumers. What components reported, and canaries at doors found, was so only then."""


def tables() -> list[Table]:
    """Return Sentinel's tables as this version knows them, without what backups leave out."""
    ours = {
        model.__tablename__
        for model in vars(schema).values()
        if _is_table(model) and model not in (*_DERIVED, *_ENDS)
    }
    return [table for table in SQLModel.metadata.sorted_tables if table.name in ours]


def _is_table(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, SQLModel) and hasattr(model, "__table__")


def backup(store: Store, path: Path, *, replace: bool = False) -> Backup:
    """Write all rows to the file `path`, which only this user may read.

    Args:
        store: the shared database; it may be in use
        path: of the file
        replace: overwrite a file that exists

    Returns:
        The header, with the rows counted while the written file was read back.

    Raises:
        Conflict: the file exists and `replace` is false.
        ConfigurationError: the file cannot be written.
        DatabaseError: the schema is not this version's, or the database cannot be read.
    """
    if path.exists() and not replace:
        raise Conflict(f"the file {path} exists", hint="Use another name, or add --replace.")
    if not schema_ready(store.engine):
        raise DatabaseError(
            "the database is not at this version's schema", hint="Run: sentinel db migrate"
        )
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _write(store, file)
            file.flush()
            os.fsync(file.fileno())
        made = look_into(own)
        own.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"the file {path} cannot be written: {error.strerror or error}"
        ) from error
    finally:
        own.unlink(missing_ok=True)
    try:
        report(
            store,
            "backup",
            "ok",
            f"{counted(sum(made.rows.values()), 'row was', 'rows were')} written",
        )
    except (DatabaseError, SQLAlchemyError) as error:  # the file is whole
        log.warning("the backup was written, and the database cannot keep when: %s", error)
    return made


def _write(store: Store, file: IO[bytes]) -> None:
    with (
        gzip.GzipFile(fileobj=file, mode="wb", filename="", compresslevel=6) as out,
        store.snapshot() as connection,
    ):
        head = Backup(created_at=store.now(), dialect=store.dialect, schema=revision(connection))
        out.write(msgspec.json.encode(head) + b"\n")
        rows: dict[str, int] = {}
        for table in tables():
            kinds = {str(column.name): _kind(column) for column in table.columns}
            out.write(
                msgspec.json.encode(TableColumns(table=str(table.name), columns=kinds)) + b"\n"
            )
            rows[str(table.name)] = 0
            found = connection.execution_options(yield_per=_BATCH).execute(select(table))
            for some in found.partitions():
                out.write(b"".join(orjson.dumps(list(row), default=_text) + b"\n" for row in some))
                rows[str(table.name)] += len(some)
        out.write(orjson.dumps({"rows": rows}) + b"\n")


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, schema.Moment):
        return "moment"
    if isinstance(column.type, LargeBinary):
        return "bytes"
    return "json" if isinstance(column.type, JSON) else "plain"


def _text(cell: object) -> str:
    """Return bytes as base64; JSON has a form of its own for every other cell."""
    if not isinstance(cell, bytes):
        raise TypeError(f"{type(cell).__name__} in a backup")
    return base64.b64encode(cell).decode()


def restore(store: Store, path: Path, *, replace: bool = False, actor: str = "") -> Backup:
    """Make the database what it was when the backup was written, in one transaction.

    An older backup is migrated to this version's schema.

    Args:
        store: the database; an empty one need not be migrated
        path: the backup, of either kind of database
        replace: restore into a database that has rows, which are then lost
        actor: who does it

    Returns:
        The header of the backup.

    Raises:
        ConfigurationError: the file is no complete backup.
        SchemaTooNew: a newer Sentinel has written it, or has migrated the database.
        Conflict: the database has rows and `replace` is false.
    """
    wanted = look_into(path)
    config = alembic_config()
    with locked(store.engine) as connection:
        refuse_newer(connection)
        present = _present(connection)
        filled = {name: count for name, count in present.items() if count}
        if filled and not replace:
            counts = ", ".join(f"{count:,} in {name}" for name, count in sorted(filled.items()))
            raise Conflict(
                f"the database has rows already ({counts})",
                hint="Restore into an empty one, or add --replace to lose them.",
            )
        config.attributes["connection"] = connection
        number = _change_number(connection) if CHANGE.name in present else 0
        # Whoever kept this end finds here why it is gone: nobody tampered with the trail.
        head = _audit_head(connection) if AUDIT_HEAD.name in present else Head()
        _empty(connection, config, list(present), wanted.schema)
        _fill(connection, BackupFile(path))
        command.upgrade(config, "head")
        _move_sequences(connection)
        end_what_waited(connection, store.now())
        _count_anew(connection)
        # Open dashboards then reload everything. A number of before the restore never comes back:
        # answers that were read under it are of other rows.
        connection.execute(
            update(CHANGE)
            .where(CHANGE.c.name == "alerts", CHANGE.c.number < number)
            .values(number=number)
        )
        change = Change(
            action="database.restored", object_kind="database", object_name=path.name,
            before={"rows": sum(present.values()), "audit_head": str(head)},
            after={"created_at": wanted.created_at, "rows": sum(wanted.rows.values())},
        )  # fmt: skip
        store.audit.add(connection, change, actor=actor)
        store.changed(connection)
    return wanted


def _change_number(connection: Connection) -> int:
    found = connection.execute(select(CHANGE.c.number).where(CHANGE.c.name == "alerts"))
    return found.scalar() or 0


def _audit_head(connection: Connection) -> Head:
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)).first()
    return Head() if row is None else Head(row.seq, row.hash)


def _count_anew(connection: Connection) -> None:
    """Update PostgreSQL's statistics, which autovacuum would do minutes later.

    Until then it plans a full-text search as if the tables had a handful of rows.
    """
    if connection.dialect.name == "postgresql":
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"ANALYZE {table}"))


def _present(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each of Sentinel's tables that exists."""
    there = set(inspect(connection).get_table_names())
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables()
        if table.name in there
    }


def _empty(connection: Connection, config: Config, present: list[str], schema: str) -> None:
    """Empty the tables and bring them to the backup's revision."""
    there = set(inspect(connection).get_table_names())
    if AUDIT.name in there:
        drop_triggers(connection)
    reviews = _REVIEWS in there
    if reviews:
        drop_review_triggers(connection)
    # Last, since deleted alerts leave marks there.
    left_out = [model.__tablename__ for model in (*_ENDS, *_DERIVED)]
    names = [*present, *(name for name in left_out if name in there)]
    if revision(connection) == schema:
        for name in names:
            connection.execute(Table(name, MetaData()).delete())
        if AUDIT.name in there:
            create_triggers(connection)
        if reviews:
            create_review_triggers(connection)
        return
    words = [name for name in NOT_MODELS if name in there]
    for name in [*names, *words, "alembic_version"]:
        Table(name, MetaData()).drop(connection, checkfirst=True)
    if connection.dialect.name == "postgresql":  # the triggers were dropped with their table
        for what in ("insert", "update", "delete"):
            connection.execute(text(f"DROP FUNCTION IF EXISTS alert_words_{what}()"))
    try:
        command.upgrade(config, schema)
    except command.util.CommandError:
        raise SchemaTooNew(
            f"the backup is of schema {schema}, which this version of Sentinel does not know: a "
            "newer one wrote it",
            hint="Upgrade Sentinel.",
        ) from None


def _fill(connection: Connection, file: BackupFile) -> None:
    table: Table | None = None
    kinds: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for one in file.lines():
        if not isinstance(one, TableColumns):
            rows.append(_row(kinds, one))
            if len(rows) < _BATCH:
                continue
        if rows and table is not None:
            connection.execute(table.insert(), rows)
            rows = []
        if isinstance(one, TableColumns):
            kinds = one.columns
            table = _table_of(one)
    if rows and table is not None:
        connection.execute(table.insert(), rows)


def _table_of(one: TableColumns) -> Table:
    """Return the table as the backup describes it, which may be older than this version's."""
    types: dict[str, Any] = {
        "moment": schema.Moment(),
        "bytes": LargeBinary(),
        "json": JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
    }
    columns = [Column(name, types.get(kind)) for name, kind in one.columns.items()]
    return Table(one.table, MetaData(), *columns)


def _row(kinds: dict[str, str], values: list[Any]) -> dict[str, Any]:
    row = dict(zip(kinds, values, strict=True))
    for name, kind in kinds.items():
        if kind == "moment" and row[name] is not None:
            row[name] = datetime.fromisoformat(row[name])
        elif kind == "bytes" and row[name] is not None:
            row[name] = base64.b64decode(row[name])
    return row


def _move_sequences(connection: Connection) -> None:
    """Set sequences to continue after the highest restored number."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables():
        column = table.autoincrement_column
        if column is None:
            continue
        last = connection.execute(select(func.max(column))).scalar()
        if last is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"),
                {"table": table.name, "column": column.name, "last": last},
            )
