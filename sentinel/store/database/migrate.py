"""Migrations: Alembic, under a lock; older code refuses a newer schema."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
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
    """Bring the schema up to this version; several may call it at once.

    All revisions run in one transaction, so that a start that is killed leaves the schema as it
    was.

    Raises:
        SchemaTooNew: a newer Sentinel has migrated this database
        DatabaseUnreachable: it does not answer
    """
    config = alembic_config()
    with locked(engine) as connection:
        refuse_newer(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_ready(engine: Engine) -> bool:
    """Whether the schema is this version's.

    Raises:
        SchemaTooNew: a newer Sentinel has migrated this database
        DatabaseUnreachable: it does not answer
    """
    config = alembic_config()
    with reading(engine) as connection:
        refuse_newer(connection, config)
        heads = set(MigrationContext.configure(connection).get_current_heads())
        return heads == set(ScriptDirectory.from_config(config).get_heads())


def revision(connection: Connection) -> str:
    """The revision that the schema is at; empty where there is none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def alembic_config() -> Config:
    """What Alembic needs to know to find our migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config


def refuse_newer(connection: Connection, config: Config) -> None:
    """Raise `SchemaTooNew` where the schema is one that this version does not know."""
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    strange = set(MigrationContext.configure(connection).get_current_heads()) - known
    if strange:
        raise SchemaTooNew(
            f"the database is at schema {', '.join(sorted(strange))}, which this Sentinel "
            "does not know: a newer one has migrated it",
            hint="Upgrade this Sentinel, or restore a backup from before.",
        )


@contextmanager
def locked(engine: Engine) -> Generator[Connection]:
    """One writing transaction that holds the lock, and lets go of it with its end."""
    until = time.monotonic() + _PATIENCE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                connection = stack.enter_context(writing(engine))
                break
            except OperationalError as error:
                # SQLite: another starter has just turned the file to WAL, or holds the lock.
                if "locked" not in str(error.orig):
                    raise
                if time.monotonic() > until:
                    raise DatabaseError(
                        "somebody else has been migrating the database for a minute",
                        hint="Look for another Sentinel that is starting, then start again.",
                    ) from error
                time.sleep(0.1)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection
