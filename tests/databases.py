"""Databases for tests: migrated once and copied, emptied between tests, without waiting for disks.

A test that kills processes loses nothing by that: what a process has written, the machine keeps.
Only a machine that loses power would notice.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import Pool

from sentinel.store import Store
from tests.kept_connections import kept_connections

__all__ = [
    "BOTH",
    "KeptPostgres",
    "both_databases",
    "cheap_connections",
    "database",
    "databases_of",
    "migrate",
    "never_waits_for_disks",
    "sqlite_alone",
    "sqlite_copy",
]

BOTH = ("sqlite", "postgresql")
_STORE = Path(__file__).parent / "store"
both_databases = pytest.mark.both_databases
"""Runs a test on both kinds of database although it is none of `tests/store`."""
sqlite_alone = pytest.mark.sqlite_alone
"""Runs a test of `tests/store` on SQLite alone: what it is about is decided without SQL, and others
run the statements of its way on PostgreSQL."""


def never_waits_for_disks() -> None:
    """From now on no SQLite database of this process waits until a commit is on the disk."""
    event.listen(Pool, "checkout", _no_sync)


def _no_sync(connection: Any, record: Any, _proxy: object) -> None:
    # Not at "connect": the product's own settings of the connection come after ours there.
    if "no_sync" not in record.info and isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF").close()
        record.info["no_sync"] = True


def migrate(url: str) -> None:
    """Bring a database up to this version's schema."""
    store = Store(url)
    store.migrate()
    store.close()


def sqlite_copy(migrated: Path, path: Path) -> str:
    """Copy a migrated database to `path`; gives the copy's URL."""
    shutil.copy(migrated, path)
    return f"sqlite:///{path}"


@contextmanager
def database(base: str, template: str = "template1") -> Generator[str]:
    """A database of its own on the server of `base`, as long as a block lasts; gives its URL."""
    name = f"test_{secrets.token_hex(6)}"
    url = make_url(base)
    with _connection(url) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with _connection(url) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def databases_of(metafunc: pytest.Metafunc) -> list[str]:
    """The kinds of database that a test is run on: both where SQL is spoken, which is in the store.

    Tests of whatever calls the store are run on SQLite alone, unless marked `both_databases`: what
    they call has tests of its own, on both. Marked are tests of processes and threads that meet in
    a transaction or die in one, and of what no test of the store does.
    """
    test = metafunc.definition
    if _STORE in test.path.parents:
        both = test.get_closest_marker("sqlite_alone") is None
    else:
        both = test.get_closest_marker("both_databases") is not None
    return list(BOTH if both else BOTH[:1])


class KeptPostgres:
    """One migrated database that test after test gets, empty and as a user of its own.

    A copy for each would cost a third of a second. As the user has a new name, whoever still serves
    an earlier test cannot connect any more; what closed stores of this process had is kept.

    Args:
        base: URL of another database of the same server, of a superuser with `cheap_connections`
        migrated: the name of a migrated database, to be copied once
    """

    def __init__(self, base: str, migrated: str) -> None:
        self._url = make_url(base)
        name, user = (f"test_{secrets.token_hex(6)}" for _ in range(2))
        with _connection(self._url) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(migrated)
                )
            )
        self._url = self._url.set(database=name)
        # Kept, since a new connection opens a hundred tables in 50 ms.
        self._inside = _connection(self._url)
        self._inside.execute(
            sql.SQL("{}; CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
                sql.SQL(_CHEAP), sql.Identifier(user), sql.Literal(self._url.password)
            )
        )
        self._url = self._url.set(username=user)
        self._inserted: dict[str, int] = {}

    def emptied(self) -> str:
        """Its URL, with the schema and no row."""
        user = f"test_{secrets.token_hex(6)}"
        self._inside.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)",
            (kept_connections.backends(),),
        )
        self._inside.execute(
            sql.SQL("ALTER ROLE {} RENAME TO {}").format(
                sql.Identifier(str(self._url.username)), sql.Identifier(user)
            )
        )
        self._url = self._url.set(username=user)
        kept_connections.of(self._url)
        self._empty(self._inside)
        return self._url.render_as_string(hide_password=False)

    def _empty(self, connection: psycopg.Connection[Any]) -> None:
        """Delete the rows of the tables that got some since the last time.

        A test fills a few of a hundred. Whoever has left the server has reported what it inserted,
        also where it was rolled back or ended.
        """
        inserted = dict[str, int](connection.execute(_INSERTED).fetchall())
        filled = [name for name, count in inserted.items() if self._inserted.get(name) != count]
        self._inserted = inserted
        # Without the checks of foreign keys the order does not matter.
        statements = [sql.SQL("SET session_replication_role = replica"), sql.SQL(_RESTART)]
        statements += [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in filled]
        connection.execute(sql.SQL("; ").join(statements))

    def close(self) -> None:
        """Leave the server."""
        kept_connections.close_all()
        self._inside.close()


def cheap_connections(url: str) -> None:
    """Store the password of a server's user so that who connects need not hash it 4,096 times."""
    parsed = make_url(url)
    with _connection(parsed) as admin:
        admin.execute(
            sql.SQL("{}; ALTER ROLE {} PASSWORD {}").format(
                sql.SQL(_CHEAP),
                sql.Identifier(str(parsed.username)),
                sql.Literal(parsed.password),
            )
        )


_CHEAP = "SET scram_iterations = 1"
_INSERTED = (
    "SELECT relname, pg_stat_get_tuples_inserted(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND relname <> 'alembic_version'"
)
_RESTART = (
    "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
    " WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"
)


def _connection(url: URL) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password,
        dbname=url.database, autocommit=True,
    )  # fmt: skip
