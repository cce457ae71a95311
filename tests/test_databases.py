"""What tests share must be as new for each of them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store
from tests.databases import KeptPostgres
from tests.world import World

TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


def test_an_emptied_database_has_no_row_and_its_numbers_begin_anew(kept_postgres: KeptPostgres):
    left: list[Any] = []
    for _ in range(2):
        clock = FakeClock()
        store = Store(kept_postgres.emptied(), clock=clock)
        with store.read() as connection:
            tables = set(connection.execute(text(TABLES)).scalars()) - {"alembic_version"}
            assert len(tables) > 50
            for table in tables:
                assert connection.execute(text(f'SELECT * FROM "{table}"')).first() is None, table
            last = connection.execute(text("SELECT max(last_value) FROM pg_sequences")).scalar_one()
            assert last is None  # no number was given yet
        World(store, clock).sees({"/": 95.0})
        # Nor does anything stay of what was not committed, by whoever never leaves.
        one = store.engine.raw_connection()
        one.cursor().execute("INSERT INTO change (name, number) VALUES ('left', 1)")
        left.append(one.driver_connection)
        one.detach()
        store.close()
    kept_postgres.emptied()
    for connection in left:
        connection.close()


def test_a_kept_connection_is_the_same_one_and_as_new(kept_postgres: KeptPostgres):
    asked = (
        "SELECT pg_backend_pid(), current_setting('work_mem'), to_regclass('left_over'),"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),"
        " (SELECT count(*) FROM pg_listening_channels())"
    )
    seen: list[Any] = []
    for _ in range(2):
        store = Store(kept_postgres.emptied())
        with store.read() as connection:
            seen.append(connection.execute(text(asked)).one())
        raw = store.engine.raw_connection()
        for left in (
            "SET work_mem = '1MB'", "CREATE TEMP TABLE left_over (it int)", "LISTEN alerts",
            "SELECT pg_advisory_lock(12)",
        ):  # fmt: skip
            raw.cursor().execute(left)
        raw.commit()
        raw.close()
        store.close()
    assert seen[0] == seen[1]
    assert seen[1][2:] == (None, 0, 0)


def test_a_store_that_is_still_open_is_shut_out_of_the_next_tests_database(
    kept_postgres: KeptPostgres,
):
    earlier = Store(kept_postgres.emptied())
    with earlier.read() as connection:
        connection.execute(text("SELECT 1"))
    kept_postgres.emptied()
    with pytest.raises(DatabaseUnreachable), earlier.read():
        pass
    earlier.close()
