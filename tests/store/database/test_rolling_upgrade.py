"""Processes of the last release go on writing while the schema is already that of this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, LargeBinary, MetaData, Table
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sentinel.store.database.engine import connect
from tests.databases import sqlite_copy
from tests.store.older_schemas import filled, migrate_to

RELEASED = "0082"
"""The schema of the last release. Raise it with the next one, and empty `EXCEPT`."""
EXCEPT = {
    "slo": "each has the name of its rule now; SLOs are changed by people, who see the refusal",
    "tally": "sums by tenant; the relay of this release makes them, and alerts are read until then",
    "slo_version": "its key has the tenant now; SLOs are changed by people, who see the refusal",
    "slo_count": "its key has the tenant now; the counts are taken again from their metrics",
}
"""Tables into which the last release cannot write any more, and why that loses nothing."""


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> MetaData:
    """The tables of the last release."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('then') / 'then.db'}")
    migrate_to(engine, RELEASED)
    found = MetaData()
    found.reflect(engine)
    engine.dispose()
    return found


def test_what_the_last_release_writes_is_taken_by_this_schema(
    then: MetaData, migrated_sqlite: Path, tmp_path: Path
):
    refused = _refused(then, sqlite_copy(migrated_sqlite, tmp_path / "now.db"))
    assert {name: why for name, why in refused.items() if name not in EXCEPT} == {}
    assert sorted(EXCEPT) == sorted(refused), "what is taken again needs no exception"


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("ALTER TABLE receiver RENAME COLUMN channels TO routes", "receiver"),
        ("ALTER TABLE timeline DROP COLUMN comment", "timeline"),
        ("DROP TABLE held_back", "held_back"),
    ],
)
def test_a_migration_that_drops_or_renames_what_the_last_release_uses_is_refused(
    then: MetaData, migrated_sqlite: Path, tmp_path: Path, change: str, table: str
):
    """So a migration adds first (expands); a later release takes away what none reads any more."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "now.db")
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(change)
    engine.dispose()
    assert _refused(then, url).keys() - EXCEPT.keys() == {table}


def _refused(then: MetaData, url: str) -> dict[str, str]:
    """Why a database does not take what the last release writes and reads, by table."""
    engine = connect(url)
    refused: dict[str, str] = {}
    with engine.connect() as connection, connection.begin() as transaction:
        for table in then.sorted_tables:
            if table.name.startswith(("alembic", "alert_search", "sqlite")):
                continue
            problem = _refusal(connection, table)
            if problem:
                refused[table.name] = problem
        transaction.rollback()
    engine.dispose()
    return refused


def _refusal(connection: Connection, table: Table) -> str:
    """Write a row as the last release does, with its columns alone, and read them all."""
    try:
        with connection.begin_nested():
            blobs = {one.name: b"" for one in table.columns if isinstance(one.type, LargeBinary)}
            connection.execute(table.insert().values(filled(table, **blobs)))
        connection.execute(table.select().limit(1)).first()
    except IntegrityError as error:
        return str(error.orig)
    except SQLAlchemyError as error:
        return str(error).splitlines()[0]
    return ""
