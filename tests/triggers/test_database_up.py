"""database_up asks a real SQLite and a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sentinel.checks.reading import Reading
from sentinel.errors import ConfigurationError
from tests.prefect_server import free_port
from triggers.database_up import database_up


def one(**parameters: object) -> Reading:
    (reading,) = database_up.check(**parameters).readings
    return reading


def test_a_database_that_answers_says_how_fast(database_url: str, tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
    reading = one(databases={"shop": database_url})
    assert (reading.labels, reading.firing) == ({"database": "shop"}, None)
    assert reading.value is not None
    assert 0 < reading.value < 10
    assert reading.details is not None
    assert 0 <= reading.details["connecting_seconds"] <= reading.value + 0.001


def test_a_postgresql_address_needs_no_driver_in_it(postgres_url: str):
    plain = make_url(postgres_url).set(drivername="postgresql")
    reading = one(databases={"shop": plain.render_as_string(hide_password=False)})
    assert reading.value is not None


def test_a_query_that_takes_too_long_is_down(postgres_url: str):
    reading = one(
        databases={"shop": postgres_url}, query="SELECT pg_sleep(20)", timeout_seconds=0.5
    )
    assert (reading.firing, reading.value) == (True, None)
    assert reading.summary is not None
    assert "no answer within 0.5 s" in reading.summary or "timeout" in reading.summary


def test_a_server_that_is_not_there_is_down():
    url = f"postgresql://app:hush@127.0.0.1:{free_port()}/shop"
    reading = one(databases={"shop": url})
    assert reading.firing is True
    assert reading.summary is not None
    assert reading.summary.startswith("database shop is down: connection")
    assert "hush" not in repr(reading)


def test_a_wrong_password_is_down_and_is_not_shown(postgres_url: str):
    url = make_url(postgres_url).set(username="nobody", password="hush")
    reading = one(databases={"shop": url.render_as_string(hide_password=False)})
    assert reading.firing is True
    assert "hush" not in repr(reading)


def test_a_file_that_is_not_there_is_down_and_is_not_made(tmp_path: Path):
    path = tmp_path / "gone.db"
    reading = one(databases={"shop": f"sqlite:///{path}"})
    assert reading.summary == f"database shop is down: there is no file {path}"
    assert not path.exists()


def test_a_file_that_is_no_database_is_down(tmp_path: Path):
    path = tmp_path / "shop.db"
    path.write_text("this is a letter, not a database. " * 100)
    reading = one(databases={"shop": f"sqlite:///{path}"}, query="SELECT name FROM sqlite_master")
    assert reading.summary == "database shop is down: file is not a database"


def test_a_query_of_your_own_must_answer_a_row(tmp_path: Path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (n INTEGER)")
    url = {"shop": f"sqlite:///{path}"}
    assert one(databases=url, query="SELECT count(*) FROM orders").value is not None
    empty = one(databases=url, query="SELECT n FROM orders")
    assert empty.summary == "database shop is down: the query answers no row"
    wrong = one(databases=url, query="SELECT n FROM refunds")
    assert wrong.summary == "database shop is down: no such table: refunds"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; COMMIT; CREATE TABLE written (id int)",
        "WITH one AS (INSERT INTO goods VALUES (9) RETURNING id) SELECT id FROM one",
        "SELECT id INTO written FROM goods",
        "SELECT set_config('transaction_read_only', 'off', true)",
    ],
)
def test_a_query_that_would_write_writes_nothing(postgres_url: str, query: str):
    """The account here may write everything, and is the superuser."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS goods, written"))
        connection.execute(text("CREATE TABLE goods (id int)"))
    reading = one(databases={"shop": postgres_url}, query=query)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT count(*) FROM goods")).scalar()
        written = connection.execute(text("SELECT to_regclass('written')")).scalar()
        connection.execute(text("DROP TABLE goods"))
    engine.dispose()
    assert (reading.firing, rows, written) == (True, 0, None)


@pytest.mark.parametrize("query", ["DELETE FROM orders", "CREATE TABLE written (n)", "COMMIT"])
def test_a_query_that_does_not_read_is_refused(tmp_path: Path, query: str):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (n INTEGER)")
    with pytest.raises(ConfigurationError, match="the query must read"):
        database_up.check(databases={"shop": f"sqlite:///{path}"}, query=query)


def test_sqlite_only_reads(tmp_path: Path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (n INTEGER)")
    query = "WITH one AS (SELECT 1) INSERT INTO orders SELECT * FROM one RETURNING n"
    assert one(databases={"shop": f"sqlite:///{path}"}, query=query).firing is True
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_one_that_is_down_does_not_hide_another(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "up.db")) as connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
    seen = database_up.check(
        databases={
            "down": f"sqlite:///{tmp_path / 'down.db'}",
            "up": f"sqlite:///{tmp_path / 'up.db'}",
        }
    )
    assert [(r.labels["database"], r.firing) for r in seen.readings] == [
        ("down", True),
        ("up", None),
    ]


def test_a_missing_driver_is_reported():
    reading = one(databases={"shop": "mysql+pymysql://app@127.0.0.1/shop"})
    assert reading.summary == "database shop is down: its driver pymysql is not installed"
    unknown = one(databases={"shop": "nonesuch://app@127.0.0.1/shop"})
    assert unknown.summary is not None
    assert "nothing here speaks nonesuch" in unknown.summary


def test_what_is_no_address_is_explained_without_repeating_it():
    with pytest.raises(ConfigurationError, match=r"'shop' is no SQLAlchemy URL") as caught:
        database_up.check(databases={"shop": "hush at host"})
    assert "hush" not in str(caught.value)
