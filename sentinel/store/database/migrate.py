"""Migrations: Alembic, under a lock; older code refuses a newer schema."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from sentinel.errors import DatabaseError, SchemaTooNew
from sentinel.store.database.engine import reading, writing

__all__ = ["alembic_config", "locked", "migrate", "refuse_newer", "revision", "schema_ready"]

_LOCK = 0x5E471E1
"""Key of PostgreSQL's advisory lock; any number, as long as it never changes."""

_PATIENCE_SECONDS = 60.0


def migrate(engine: Engine) -> None:
    """Bring the schema to this version's revision; several processes may call it at once.

    All revisions run in one transaction, so that a start that is killed leaves the schema as it
    was.

    Args:
        engine: of the database

    Raises:
        SchemaTooNew: a newer Sentinel has migrated this database.
        DatabaseUnreachable: the database does not answer.
        DatabaseError: another process has been migrating it for a minute.
    """
    config = alembic_config()
    with locked(engine) as connection:
        refuse_newer(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_ready(engine: Engine) -> bool:
    """Return whether the schema is at this version's revision.

    Args:
        engine: of the database

    Returns:
        True where it is; False where it is older or empty.

    Raises:
        SchemaTooNew: a newer Sentinel has migrated this database.
        DatabaseUnreachable: the database does not answer.
    """
    with reading(engine) as connection:
        refuse_newer(connection)
        return _heads() == frozenset(MigrationContext.configure(connection).get_current_heads())


def revision(connection: Connection) -> str:
    """Return the revision that the schema is at, empty where there is none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def alembic_config() -> Config:
    """Return the configuration with which Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    """Read the migrations, once in a process: a probe of `/health` asks for them each time."""
    return ScriptDirectory.from_config(alembic_config())


@cache
def _heads() -> frozenset[str]:
    return frozenset(_scripts().get_heads())


@cache
def _known() -> frozenset[str]:
    return frozenset(one.revision for one in _scripts().walk_revisions())


def refuse_newer(connection: Connection) -> None:
    """Raise where the schema is at a revision that this version does not know.

    Args:
        connection: an open connection

    Raises:
        SchemaTooNew: a newer Sentinel has migrated this database.
    """
    strange = set(MigrationContext.configure(connection).get_current_heads()) - _known()
    if strange:
        raise SchemaTooNew(
            f"the database is at schema {', '.join(sorted(strange))}, which this version of "
            "Sentinel does not know: a newer one migrated it",
            hint="Upgrade Sentinel, or restore an older backup.",
        )


@contextmanager
def locked(engine: Engine) -> Generator[Connection]:
    """Run one writing transaction that holds the migration lock until it ends.

    Args:
        engine: of the database

    Yields:
        The open connection.

    Raises:
        DatabaseError: another process has held the lock for a minute (SQLite).
        OperationalError: the transaction cannot begin for another reason.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                connection = stack.enter_context(writing(engine))
                break
            except OperationalError as error:
                # SQLite: another process is switching the file to WAL, or holds the lock.
                if "locked" not in str(error.orig):
                    raise
                if time.monotonic() > until:
                    raise DatabaseError(
                        "another process has been migrating the database for a minute",
                        hint="Look for another Sentinel that is starting, then start again.",
                    ) from error
                time.sleep(0.1)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection
