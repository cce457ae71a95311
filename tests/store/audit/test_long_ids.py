"""Migration 0029: audit rows take ids of any length, and those of before are still proved."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from sentinel.audit.change import channel_change
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.audit.record import person_of
from sentinel.store.migrations.audit_triggers import create_triggers, drop_triggers
from tests.store.older_schemas import filled, migrate_to


def test_a_channel_of_the_longest_name_is_recorded_and_found(store: Store):
    ref = "sentinel-webhook/" + "ж" * 183
    store.audit.write([channel_change("channel.saved", ref)], actor="ada")
    (row,) = page(store, AuditFilter(object=ref)).items
    assert row.object_id == ref


def _as_it_was_made(store: Store) -> None:
    """Give the column the type that it had in databases of before the migration."""
    with store.write() as connection:
        drop_triggers(connection)
        connection.execute(text("ALTER TABLE audit ALTER COLUMN object_id TYPE VARCHAR(100)"))
        create_triggers(connection)


@pytest.mark.slow
def test_rows_of_before_the_migration_are_still_proved_and_refused(database_url: str):
    store = Store(database_url, clock=FakeClock())
    migrate_to(store.engine, "0028")
    if store.dialect == "postgresql":
        _as_it_was_made(store)
    tables = MetaData()
    tables.reflect(store.engine)
    audit = tables.tables["audit"]
    with store.write() as connection:
        actor = person_of(store, connection, "ada")
        for number in range(3):
            connection.execute(audit.insert().values(filled(audit, actor=actor, note=str(number))))

    def rows() -> list[Any]:
        with store.read() as connection:
            return list(connection.execute(text("SELECT id, at, seq, hash, note FROM audit")))

    assert chain(store) == 3
    before, head = rows(), verify_chain(store).head
    store.migrate()
    assert rows() == before
    store.audit.write([channel_change("channel.saved", "slack/" + "x" * 194)], actor="ada")
    assert verify_chain(store, known=[head]).problems == []
    names = {one["name"] for one in inspect(store.engine).get_indexes("audit")}
    assert {"audit_waiting", "audit_by_actor", "audit_by_object"} <= names
    with pytest.raises(DBAPIError, match="never changed"), store.write() as connection:
        connection.execute(text("UPDATE audit SET object_id = 'x' WHERE seq = 1"))
    store.close()
