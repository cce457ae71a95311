"""What tests share must be as new for each of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from sentinel.clock import FakeClock
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
