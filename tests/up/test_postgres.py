"""The embedded PostgreSQL, for real: closed to others, and its data outlives a start."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from sentinel.errors import DatabaseError, DatabaseUnreachable
from sentinel.up import ports
from sentinel.up.home import Home
from sentinel.up.postgres import Postgres
from sentinel.up.processes import ProcessGroup


@pytest.fixture
def home(reachable: Path) -> Home:
    home = Home(reachable / "home")
    home.prepare()
    return home


@contextmanager
def served(home: Home) -> Generator[Postgres]:
    processes = ProcessGroup()
    server = Postgres(home, ports.any_free())
    server.prepare()
    try:
        child = processes.start(server.service({"PATH": "/usr/bin:/bin"}))
        server.wait(child.runs)
        yield server
    finally:
        asyncio.run(processes.stop())


def connect(server: Postgres, database: str = "sentinel") -> psycopg.Connection:
    url = make_url(server.address(database)).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.mark.slow
def test_a_second_start_finds_what_the_first_one_kept(home: Home) -> None:
    assert not Postgres.has_data(home)
    with served(home) as server, connect(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert Postgres.has_data(home)
    with served(home) as server, connect(server) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        # What Prefect's migrations need.
        connection.execute("CREATE EXTENSION pg_trgm")


@pytest.mark.slow
def test_its_parts_are_no_superusers_and_keep_to_their_own_database(home: Home) -> None:
    with served(home) as server:
        for database in ("sentinel", "prefect"):
            with connect(server, database) as connection:
                (rights,) = connection.execute(
                    "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls "
                    "FROM pg_roles WHERE rolname = current_user"
                )
                assert rights == (False,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("SELECT pg_read_file('PG_VERSION')")
        elsewhere = make_url(server.address("sentinel")).set(
            drivername="postgresql", database="prefect"
        )
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(elsewhere.render_as_string(hide_password=False))


@pytest.mark.slow
def test_what_an_earlier_version_made_as_the_superuser_gets_the_owner(home: Home) -> None:
    with served(home) as server:
        as_superuser = make_url(server.address("postgres")).set(
            drivername="postgresql", database="sentinel"
        )
        with psycopg.connect(
            as_superuser.render_as_string(hide_password=False), autocommit=True
        ) as old:
            old.execute("ALTER DATABASE sentinel OWNER TO CURRENT_USER")
            old.execute("CREATE EXTENSION pg_trgm")
            old.execute("CREATE TYPE colour AS ENUM ('red')")
            old.execute("CREATE TABLE alert (id bigserial PRIMARY KEY, colour colour)")
            old.execute("CREATE VIEW alerts AS SELECT * FROM alert")
            old.execute("CREATE SEQUENCE numbers")
            for given in ("colour", 'integer, "char"'):  # routines of one name
                old.execute(
                    f'CREATE FUNCTION "As Is"({given}) RETURNS int LANGUAGE sql AS $$SELECT 1$$'
                )
    with served(home) as server, connect(server) as connection:
        connection.execute("ALTER TABLE alert ADD COLUMN title text")
        connection.execute("INSERT INTO alert (colour) VALUES ('red')")
        connection.execute("ALTER TYPE colour ADD VALUE 'blue'")
        connection.execute("DROP VIEW alerts")
        connection.execute("DROP SEQUENCE numbers")
        connection.execute('DROP FUNCTION "As Is"(colour)')
        connection.execute('DROP FUNCTION "As Is"(integer, "char")')
        connection.execute("CREATE TABLE another (id int)")


@pytest.mark.slow
def test_the_server_is_never_told_a_password_in_clear(home: Home) -> None:
    told: list[str] = []
    execute: Any = psycopg.Connection.execute

    def heard(connection: psycopg.Connection, query: Any, *given: Any, **more: Any) -> Any:
        told.append(
            query.as_string(connection) if isinstance(query, sql.Composable) else str(query)
        )
        return execute(connection, query, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", heard)
        with served(home) as server:
            password = str(make_url(server.address("sentinel")).password)
    assert any("PASSWORD 'SCRAM-SHA-256$" in one for one in told)
    assert not any(password in one for one in told)
    with served(home) as server, connect(server) as connection:
        connection.execute("SELECT 1")


@pytest.mark.slow
def test_only_this_machine_with_the_password_gets_in(home: Home) -> None:
    with served(home) as server:
        with connect(server, "prefect") as connection:
            shown = connection.execute("SHOW listen_addresses").fetchone()
            assert shown == ("127.0.0.1",)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host="127.0.0.1",
                port=server.port,
                user="sentinel",
                password="a guess",
                dbname="sentinel",
            )


def closed(folder: Path) -> bool:
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root is another user needed")
@pytest.mark.slow
def test_as_root_in_a_closed_folder_it_runs_from_where_its_user_may_go(
    home: Home, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.up.postgres._SYSTEM", reachable / "system")
    monkeypatch.setattr("sentinel.up.postgres._may_reach", closed)
    for _ in range(2):
        with served(home) as server, connect(server) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (answer integer)")
            assert server.folder.is_relative_to(reachable / "system")
    assert Postgres.has_data(home)
    assert not (home.postgres / "data").exists()


@pytest.mark.slow
def test_a_pid_file_left_by_a_crash_is_no_hindrance(home: Home) -> None:
    with served(home):
        pass
    # The number of a process that lives and is no database, as after a container's restart.
    (home.postgres / "data" / "postmaster.pid").write_text("1\n")
    with served(home) as server, connect(server) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.slow
def test_data_of_another_major_version_is_explained_not_touched(home: Home) -> None:
    with served(home):
        pass
    version = home.postgres / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(DatabaseError, match="written by PostgreSQL 17") as refused:
        Postgres(home, ports.any_free()).prepare()
    assert "Dump it" in refused.value.hint


@pytest.mark.slow
def test_a_server_that_cannot_be_used_is_reported_with_its_log(home: Home) -> None:
    with served(home) as server:
        (home.root / "postgres-password").write_text("another\n")
        with pytest.raises(DatabaseUnreachable, match="did not start") as refused:
            server.wait(lambda: False)
        assert "database.log" in refused.value.hint
