"""Errors of the database itself, which every transaction meets, against those of one row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from sentinel.errors import DatabaseUnreachable, NotFound
from sentinel.store import Store
from sentinel.store.database.engine import connect, writing
from sentinel.store.database.failures import of_the_database


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def failing(engine: Engine, *statements: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:
        run(engine, *statements)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Engine:
    """A SQLite file whose locks are not waited for."""
    engine = create_engine(
        f"sqlite:///{tmp_path / 'some.db'}", poolclass=NullPool, connect_args={"timeout": 0}
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE some (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
    return engine


def test_a_locked_file_is_the_database_s(file: Engine, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert of_the_database(failing(file, "INSERT INTO some VALUES (1, 'a')"))
    other.close()


def test_a_full_disk_is_the_database_s(file: Engine):
    error = failing(
        file, "PRAGMA max_page_count=2", "INSERT INTO some VALUES (1, hex(zeroblob(9000)))"
    )
    assert "full" in str(error.orig)
    assert of_the_database(error)


def test_a_file_that_cannot_be_read_is_the_database_s(tmp_path: Path):
    (tmp_path / "other.db").write_bytes(b"no database" * 200)
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}", poolclass=NullPool)
    assert of_the_database(failing(engine, "SELECT * FROM some"))


@pytest.mark.parametrize(
    "statement", ["INSERT INTO some VALUES (1, NULL)", "INSERT INTO none VALUES (1)"]
)
def test_what_one_statement_causes_is_not_the_database_s(file: Engine, statement: str):
    assert not of_the_database(failing(file, statement))


@pytest.mark.parametrize(
    ("state", "ours"),
    [
        ("53100", True), ("57P01", True), ("55P03", True), ("08006", True), ("25006", True),
        ("40001", True), ("58030", True), ("54000", False), ("23505", False), ("22021", False),
    ],
)  # fmt: skip
def test_postgresql_says_by_its_code_whose_error_it_is(postgres_url: str, state: str, ours: bool):
    engine = connect(postgres_url)
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
    assert of_the_database(failing(engine, raised)) is ours
    engine.dispose()


def test_a_connection_that_was_cut_is_the_database_s(postgres_url: str):
    engine = connect(postgres_url)
    error = failing(engine, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert of_the_database(error)
    engine.dispose()


def test_a_database_that_does_not_answer_and_a_pool_in_use_are_the_database_s(tmp_path: Path):
    nobody = connect("postgresql://127.0.0.1:1/none")
    with pytest.raises(DatabaseUnreachable) as caught, writing(nobody):
        raise AssertionError("unreachable")
    assert of_the_database(caught.value)
    engine = create_engine(
        f"sqlite:///{tmp_path / 'x.db'}", poolclass=QueuePool, pool_size=1, max_overflow=0,
        pool_timeout=0.01,
    )  # fmt: skip
    with engine.connect(), pytest.raises(Exception, match="QueuePool") as full, engine.connect():
        raise AssertionError("unreachable")
    assert of_the_database(full.value)


def test_other_errors_are_not_the_database_s(store: Store):
    assert not of_the_database(ZeroDivisionError())
    with pytest.raises(NotFound) as caught:
        store.rules.get("none")
    assert not of_the_database(caught.value)
