"""Rows are chained in order, never changed again, and `verify` finds whoever changes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentinel.audit.chain import Head
from sentinel.clock import FakeClock
from sentinel.relay import Relay
from sentinel.store import Store
from sentinel.store.audit import chaining
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.queries import page
from sentinel.store.audit.retention import truncate
from sentinel.store.migrations.audit_triggers import drop_triggers
from tests.processes import ended


def change(store: Store, count: int = 1) -> None:
    for number in range(count):
        store.receivers.set(f"ops-{number}", ["inbox"], actor="ada")
        store.receivers.remove(f"ops-{number}", actor="grace")


def run(store: Store, statement: str, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(text(statement), values)


def test_rows_wait_until_they_are_chained(store: Store):
    change(store, 3)
    found = verify_chain(store)
    assert (found.rows, found.waiting, found.problems) == (0, 6, [])
    assert chain(store) == 6
    assert chain(store) == 0
    found = verify_chain(store)
    assert (found.rows, found.waiting, found.head.seq, found.problems) == (6, 0, 6, [])


def test_many_rows_that_wait_are_chained_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch):
    pieces: list[int] = []
    update = chaining.update_many

    def noted(connection: Any, table: str, columns: Any, rows: Any) -> int:
        pieces.append(len(rows))
        return update(connection, table, columns, rows)

    monkeypatch.setattr(chaining, "_BATCH", 4)
    monkeypatch.setattr(chaining, "update_many", noted)
    change(store, 5)
    assert chain(store) == 10
    assert pieces == [4, 4, 2]
    found = verify_chain(store)
    assert (found.rows, found.waiting, found.problems) == (10, 0, [])


def test_the_relay_chains_what_waits(store: Store, clock: FakeClock):
    change(store)
    relay = Relay(store, None, lambda ref: store.inbox, holder="test")
    relay.turn()
    assert verify_chain(store).rows == 2
    assert [duty.broken for duty in relay.duties if duty.name == "chain audit rows"] == [None]


def test_an_end_that_was_printed_earlier_must_still_be_there(store: Store):
    change(store)
    chain(store)
    head = verify_chain(store).head
    change(store)
    chain(store)
    assert verify_chain(store, known=[head]).problems == []
    assert verify_chain(store, known=[Head(head.seq, "f" * 64)]).problems
    assert verify_chain(store, known=[Head(99, head.hash)]).problems


CHANGES = {
    "a chained row": "UPDATE audit SET note = 'x' WHERE seq = 1",
    "a row that waits": "UPDATE audit SET note = 'x' WHERE seq IS NULL",
    "a removed row": "DELETE FROM audit WHERE seq = 2",
    "a removed row that waits": "DELETE FROM audit WHERE seq IS NULL",
    "another name": "UPDATE audit_person SET name = 'eve' WHERE name = 'ada'",
    "a removed name": "DELETE FROM audit_person WHERE name = 'ada'",
    "an earlier end": "UPDATE audit_head SET seq = 1",
    "another end": "UPDATE audit_head SET hash = 'x'",
    "no end": "DELETE FROM audit_head",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_the_database_itself_refuses_to_change_the_trail(store: Store, statement: str):
    change(store)
    chain(store)
    change(store)
    with pytest.raises(DBAPIError, match=r"never changed|only|not changed|never deleted"):
        run(store, statement)
    chain(store)
    assert verify_chain(store).problems == []


@pytest.mark.parametrize("table", ["audit", "audit_head", "audit_person", "audit_checkpoint"])
def test_postgresql_refuses_to_empty_the_trail(store: Store, table: str):
    if store.dialect != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    change(store)
    chain(store)
    with pytest.raises(DBAPIError, match="never emptied"):
        run(store, f"TRUNCATE {table}")
    assert verify_chain(store).rows == 2


BREAKS = {
    "an altered note": "UPDATE audit SET note = 'x' WHERE seq = 2",
    "an altered side": "UPDATE audit SET after = '{}' WHERE seq = 1",
    "an emptied time": "UPDATE audit SET chained_at = NULL WHERE seq = 2",
    "a removed row": "DELETE FROM audit WHERE seq = 2",
    "a removed end": "DELETE FROM audit WHERE seq = 4",
    "all rows and their end": ("DELETE FROM audit", "DELETE FROM audit_head"),
    "another end": "UPDATE audit_head SET seq = 3",
    "a row that is taken out of the chain": "UPDATE audit SET hash = NULL WHERE seq = 4",
    "another name": "UPDATE audit_person SET name = 'eve' WHERE name = 'ada'",
    "a name that is blanked": "UPDATE audit_person SET name = NULL WHERE name = 'ada'",
    "a removed name": "DELETE FROM audit_person WHERE name = 'ada'",
}


@pytest.mark.parametrize("statement", BREAKS.values(), ids=BREAKS)
def test_what_is_changed_without_the_triggers_is_found(
    store: Store, statement: str | tuple[str, ...]
):
    change(store, 2)
    chain(store)
    assert verify_chain(store).problems == []
    with store.write() as connection:
        drop_triggers(connection)
        for one in (statement,) if isinstance(statement, str) else statement:
            connection.execute(text(one))
    try:
        assert verify_chain(store).problems
    finally:
        from sentinel.store.migrations.audit_triggers import create_triggers

        with store.write() as connection:  # the next test gets the same database
            create_triggers(connection)


def change_and_chain(url: str, name: str) -> None:
    store = Store(url, clock=FakeClock())
    for number in range(20):
        store.receivers.set(f"{name}-{number}", ["inbox"], actor=name)
        chain(store)
    store.close()


@pytest.mark.slow
def test_processes_that_change_and_chain_at_once_make_one_chain(store: Store):
    url = store.engine.url.render_as_string(hide_password=False)
    assert ended(change_and_chain, (url, "ada"), (url, "grace"), (url, "mary")) == [True] * 3
    chain(store)
    found = verify_chain(store)
    assert (found.rows, found.waiting, found.problems) == (60, 0, [])


def kept_for_a_day(store: Store, key: str = "the owner's") -> None:
    store.options = msgspec.structs.replace(
        store.options, keep_audit=timedelta(days=1), audit_key=key
    )


def test_retention_deletes_only_below_a_checkpoint_that_it_signs(store: Store, clock: FakeClock):
    change(store, 2)
    chain(store)
    clock.forward(hours=30)
    change(store)
    chain(store)
    kept_for_a_day(store, key="")
    assert truncate(store) == 0  # nobody could vouch for what is gone
    kept_for_a_day(store)
    assert truncate(store) == 4
    assert truncate(store) == 0
    chain(store)
    found = verify_chain(store, key="the owner's")
    assert (found.problems, found.first, found.rows) == ([], 5, 3)
    assert verify_chain(store, key="another").problems
    with pytest.raises(DBAPIError, match="only below"):
        run(store, "DELETE FROM audit WHERE seq = 5")
    with pytest.raises(DBAPIError, match="never"):
        run(store, "UPDATE audit_checkpoint SET seq = 6")


def test_retention_of_alerts_deletes_old_audit_rows_too(store: Store, clock: FakeClock):
    change(store)
    chain(store)
    clock.forward(days=2)
    kept_for_a_day(store)
    store.retain(timedelta(days=90))
    assert [row.action for row in page(store).items] == ["audit.truncated"]
