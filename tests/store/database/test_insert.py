"""One way to insert what may be there already, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.insert import insert_into
from sentinel.store.database.leases import LEASE


def test_a_row_that_is_there_stays_or_is_updated_as_the_statement_says(
    store: Store, clock: FakeClock
):
    until = clock.now() + timedelta(minutes=1)
    first = insert_into(store.dialect, LEASE).values(name="sweep", holder="one", until=until)
    second = insert_into(store.dialect, LEASE).values(name="sweep", holder="two", until=until)
    with store.write() as connection:
        connection.execute(first)
        connection.execute(second.on_conflict_do_nothing())
        assert connection.execute(select(LEASE.c.holder)).scalars().all() == ["one"]
        replace = second.on_conflict_do_update(
            index_elements=["name"], set_={"holder": second.excluded.holder}
        )
        connection.execute(replace)
        assert connection.execute(select(LEASE.c.holder)).scalars().all() == ["two"]


def test_a_dialect_other_than_sqlite_and_postgresql_is_refused():
    with pytest.raises(ValueError, match="got 'mysql'"):
        insert_into("mysql", LEASE)
