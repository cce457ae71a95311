"""Connections: one engine per database, and settings that make each dialect durable and fast."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.store.database.alive import check_when_taken
from sentinel.store.database.lifecycle_numbers import forget_changes, number_changes
from sentinel.store.database.written_along import write_notes

__all__ = ["connect", "glancing", "one_snapshot", "reading", "writing"]

BUSY_MILLISECONDS = 30_000
KEPT_CONNECTIONS, MOST_CONNECTIONS = 10, 15
"""Connections to PostgreSQL that one process keeps, and has at most. One beyond those that are kept
is closed after its use: making another costs both sides more than most transactions do. A busy API
uses some ten at once."""


def connect(url: str) -> Engine:
    """Return an engine for `url`, without opening a connection.

    Args:
        url: `postgresql+psycopg://…` (`postgresql://…` too) or `sqlite:///path`

    Returns:
        The engine, with its pool and its settings per connection.

    Raises:
        ConfigurationError: `url` cannot be parsed or names another database system.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "the database URL cannot be read",
            hint="Write postgresql+psycopg://user@host/name or sqlite:///path/to/file.db",
        ) from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=KEPT_CONNECTIONS,
            max_overflow=MOST_CONNECTIONS - KEPT_CONNECTIONS,
            pool_use_lifo=True,  # statements stay prepared on those in use
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
        )
        check_when_taken(engine)
        event.listen(engine, "connect", _read_json)
        return engine
    if backend != "sqlite":
        raise ConfigurationError(
            f"{backend!r} databases are not supported", hint="Use PostgreSQL or SQLite."
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
        json_deserializer=_json,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(text: str | bytes) -> Any:
    """Return what a JSON column holds; a page of alerts has 150 such cells."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # a number that is too large for it, or NaN, which SQLite keeps
        return json.loads(text)


class _JsonLoader(Loader):
    """Reads JSON cells of PostgreSQL, without the steps of psycopg's own for each of them."""

    def load(self, data: Buffer) -> Any:
        """Return what a cell holds."""
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError:
            return json.loads(bytes(data))


def _read_json(connection: psycopg.Connection[Any], _record: object) -> None:
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, _JsonLoader)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy's begin event then decides how a transaction starts, not the driver.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # A commit is on the disk before the caller continues.
        f"busy_timeout={BUSY_MILLISECONDS}",
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: taking it later, as an upgrade, cannot wait and fails.
    writes = connection.get_execution_options().get("sentinel_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """Run one transaction that writes: committed as a whole, or not at all.

    Args:
        engine: from `connect`

    Yields:
        The open connection; it commits when the block ends without an error.

    Raises:
        DatabaseUnreachable: the database does not answer.
    """
    with _opened(engine, {"sentinel_writes": True}) as connection, connection.begin():
        forget_changes(connection)
        yield connection
        write_notes(connection)
        number_changes(connection)


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """Run one transaction that only reads, on one snapshot where the dialect has them.

    Args:
        engine: from `connect`

    Yields:
        The open connection.

    Raises:
        DatabaseUnreachable: the database does not answer.
    """
    with _opened(engine, {}) as connection, connection.begin():
        yield connection


@contextmanager
def glancing(engine: Engine) -> Generator[Connection]:
    """Open a connection for short queries that need not be of one moment.

    On PostgreSQL each query is a transaction by itself, so that beginning and ending one costs no
    messages of its own.

    Args:
        engine: from `connect`

    Yields:
        The open connection.

    Raises:
        DatabaseUnreachable: the database does not answer.
    """
    # Of the connection: an engine with options of its own costs more than such a query.
    options = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}
    with _opened(engine, options) as connection:
        yield connection


def one_snapshot(engine: Engine) -> Engine:
    """Return the engine with transactions that read one snapshot, taken at their first query.

    SQLite always does so. On PostgreSQL this is REPEATABLE READ, in which the later of two
    transactions that write one row fails and may be run again.

    Args:
        engine: from `connect`

    Returns:
        An engine over the same pool.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine


@contextmanager
def _opened(engine: Engine, options: dict[str, Any]) -> Generator[Connection]:
    try:
        connection = engine.connect()
    except OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        why = str(error.orig).strip().splitlines()[0]
        hint = "Start it, or set SENTINEL_DATABASE_URL to one that runs."
        if "SSL" in why or "certificate" in why:
            hint = (
                "See sslmode and sslrootcert in SENTINEL_DATABASE_URL: docs/how-to/postgresql.md."
            )
        raise DatabaseUnreachable(
            f"the database {where} does not answer: {why}", hint=hint
        ) from error
    try:
        yield connection.execution_options(**options)
    finally:
        connection.close()
