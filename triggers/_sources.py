"""Databases that checks of data ask: an address, a read-only connection, and rows in bounds.

What comes back is rows as mappings. A source that does not answer is a `SourceDown`, which names
the source and not the rule, so that all rules on it become one conversation.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Inspector, create_engine, event, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from sentinel import Context
from sentinel.errors import ConfigurationError, SourceDown, TriggerError
from sentinel.labels.text import storable
from triggers._addresses import Address, address

__all__ = [
    "asked", "check_query", "file_there", "inspected", "quoted", "reading", "rows_of", "shown",
    "table_of",
]  # fmt: skip

_NAME = re.compile(r'[^\W\d][\w$]*|"[^"\0]+"')
_SELECT = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(select|with|values|table|show)\b", re.I | re.S
)


def asked(
    ctx: Context,
    source: str,
    query: str,
    *,
    most: int,
    timeout: float,
    values: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Ask a source a query.

    Args:
        ctx: fills {secret:NAME} in the source, and reads blocks
        source: a SQLAlchemy URL, or a block of prefect-sqlalchemy
        query: one statement that reads; session and transaction are read-only, and rolled back
        most: rows; one more is refused, so that nothing is left out unseen
        timeout: seconds for the statement
        values: of the query's :names

    Returns:
        The rows, at most `most` of them, each as values by column.

    Raises:
        ConfigurationError: the source or the query cannot be used, or there are too many rows
        SourceDown: the source does not answer
        TriggerError: it refuses the query
    """
    where = address(ctx, source)
    check_query(where.url, query)
    with _connected(where, timeout) as connection:
        rows = rows_of(connection, query, most + 1, values)
    if len(rows) > most:
        raise ConfigurationError(
            f"the query answers more than {most:,} rows",
            hint="Group or filter in the query, or raise the limit.",
        )
    return [{str(name): value for name, value in row.items()} for row in rows]


def check_query(url: URL, query: str) -> None:
    """Refuse a query that does not begin as one that reads, and a driver that takes several.

    Args:
        url: of the database
        query: one statement

    Raises:
        ConfigurationError: the query or the driver cannot be used
    """
    if not _SELECT.match(query):
        raise ConfigurationError(
            f"the query must read: {query.strip()[:60]!r}", hint="Write a SELECT."
        )
    if url.get_backend_name() == "postgresql" and url.drivername != "postgresql+psycopg":
        raise ConfigurationError(
            f"{url.drivername} may send several statements as one",
            hint="Write postgresql+psycopg:// in the source.",
        )


def rows_of(
    connection: Connection, query: str, most: int, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Ask one statement.

    Args:
        connection: that only reads, of `reading`
        query: what `check_query` let through, with :names
        most: rows
        values: of the query's :names

    Returns:
        The first rows, each as values by column.

    Raises:
        SQLAlchemyError: the database refuses it, or the connection is lost
    """
    if connection.dialect.driver == "psycopg":
        return _one_statement(connection, query, dict(values or {}), most)
    answer = connection.execute(text(query), dict(values or {}))
    return [dict(row) for row in answer.mappings().fetchmany(most)]


def _one_statement(
    connection: Connection, query: str, values: Mapping[str, Any], most: int
) -> list[dict[str, Any]]:
    """Ask PostgreSQL by its extended protocol, which takes one statement and no second one.

    psycopg sends a query without parameters by the simple protocol, in which `SELECT 1; COMMIT;
    ...` would leave the read-only transaction. `Cursor.stream` always uses the extended one.

    Args:
        connection: of the driver psycopg
        query: the statement, with :names
        values: of its :names
        most: rows

    Returns:
        The first rows, each as values by column.

    Raises:
        DBAPIError: PostgreSQL refuses it, or the connection is lost
    """
    compiled = text(query).compile(dialect=connection.dialect)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor:
            found: list[tuple[Any, ...]] = []
            for row in cursor.stream(compiled.string, compiled.construct_params(values)):
                found.append(row)
                if len(found) >= most:
                    break
            names = [str(column.name) for column in cursor.description or ()]
    except driver_errors() as error:
        lost = bool(driver.broken)
        raise DBAPIError(query, None, error, connection_invalidated=lost) from error
    return [dict(zip(names, row, strict=True)) for row in found]


def driver_errors() -> type[Exception]:
    """Return the class of psycopg's errors, imported only where PostgreSQL is asked."""
    from psycopg import Error

    return Error


@contextmanager
def inspected(ctx: Context, source: str, timeout: float) -> Generator[Inspector]:
    """Inspect the tables of a source while the block lasts; raises as `asked` does."""
    with _connected(address(ctx, source), timeout) as connection:
        yield inspect(connection)


@contextmanager
def reading(where: Address, timeout: float) -> Generator[Connection]:
    """Connect to a database, whose session and transaction only read, while the block lasts.

    Args:
        where: the database; of SQLite, its file must be there, since to open it would make it
        timeout: seconds for connecting, and for each statement

    Yields:
        The connection, which is rolled back.

    Raises:
        NoSuchModuleError: nothing here speaks to such a database
        ModuleNotFoundError: its driver is not installed
        SQLAlchemyError: it cannot be connected to
    """
    url, arguments = where
    engine = create_engine(
        url, poolclass=NullPool, connect_args={**_limits(url, timeout), **arguments}
    )
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _only_read)
        _limit_statements(engine, timeout)
    try:
        with engine.connect() as connection:
            if url.get_backend_name() in ("postgresql", "mysql", "mariadb"):
                connection.execute(text("SET TRANSACTION READ ONLY"))
            if url.get_backend_name() in ("mysql", "mariadb"):
                connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


@contextmanager
def _connected(source: Address, timeout: float) -> Generator[Connection]:
    where = shown(source.url)
    if not file_there(source.url):
        raise SourceDown(where, f"{where} does not answer: there is no such file")
    try:
        with reading(source, timeout) as connection:
            yield connection
    except NoSuchModuleError:
        raise ConfigurationError(
            f"nothing here speaks {source.url.drivername}", hint="Install a driver for it."
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{where}: its driver {error.name} is not installed", hint="Install it."
        ) from None
    except DBAPIError as error:
        cause = storable(" ".join(str(error.orig).split())) or type(error.orig).__name__
        if error.connection_invalidated or error.statement is None:
            raise SourceDown(where, f"{where} does not answer: {cause[:300]}") from None
        raise TriggerError(f"{where} refuses the query: {cause[:300]}") from None
    except SQLAlchemyError as error:
        raise TriggerError(f"{where}: {storable(str(error))[:300]}") from None
    except OSError as error:
        raise SourceDown(where, f"{where} does not answer: {error}") from None


def shown(url: URL) -> str:
    """Return a source without its password and options, the same for everybody who asks it."""
    plain = url.set(drivername=url.get_backend_name(), query={}, username=None, password=None)
    return plain.render_as_string(hide_password=True)


def file_there(url: URL) -> bool:
    """Return False for a file of SQLite that is not there, which to open would make."""
    if url.get_backend_name() != "sqlite":
        return True
    return url.database in (None, "", ":memory:") or Path(str(url.database)).is_file()


def _limits(url: URL, timeout: float) -> dict[str, Any]:
    """Return arguments by which a driver gives up itself, so that no statement is left behind."""
    seconds = max(1, round(timeout))
    match url.get_backend_name():
        case "postgresql" if "psycopg" in url.drivername:
            milliseconds = max(1, round(timeout * 1000))
            return {
                "connect_timeout": seconds,
                "options": f"-c statement_timeout={milliseconds} "
                "-c default_transaction_read_only=on",
            }
        case "mysql" | "mariadb" if "pymysql" in url.drivername:
            return {"connect_timeout": seconds, "read_timeout": seconds}
        case "sqlite":
            return {"timeout": timeout}
        case _:
            return {}


def _limit_statements(engine: Engine, timeout: float) -> None:
    """Have SQLite, whose own timeout counts for locks alone, interrupt a statement."""
    until = math.inf

    def before(*_: object) -> None:
        nonlocal until
        until = time.monotonic() + timeout

    def connected(connection: Any, _record: object) -> None:
        connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "connect", connected)


def _only_read(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON").close()


def table_of(name: str) -> tuple[str | None, str]:
    """Split `orders` or `shop.orders` into schema and name.

    Args:
        name: of a table, each part perhaps in double quotes

    Returns:
        The schema, None where none is given, and the name, both without quotes.

    Raises:
        ConfigurationError: it is no name of a table
    """
    parts = re.findall(r'"[^"]*"|[^.]+', name)
    if not 1 <= len(parts) <= 2 or any(not _NAME.fullmatch(part) for part in parts):
        raise ConfigurationError(
            f"{name!r} is no name of a table", hint="Write orders, or shop.orders."
        )
    plain = [part.strip('"') for part in parts]
    return (plain[0] if len(plain) == 2 else None), plain[-1]


def quoted(names: Sequence[str]) -> str:
    """Write names of columns or tables as SQL.

    Args:
        names: plain or in double quotes

    Returns:
        The names as they were given, with commas between them.

    Raises:
        ConfigurationError: one is no name; so no text of a form ever becomes SQL
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no name of a column or table",
                hint='Put a name with other signs in double quotes: "order date".',
            )
    return ", ".join(names)
