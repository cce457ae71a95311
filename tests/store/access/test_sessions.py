"""Sessions: until when they are valid, and what ends them everywhere at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sentinel.access import Role
from sentinel.access.sessions import new_session_secret
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Sessions
from sentinel.store.database.backup import backup, restore
from tests.store.access.test_people import LIFETIME, PASSWORD, log_in, made


@pytest.fixture
def sessions(store: Store) -> Sessions:
    made(People(store))
    return Sessions(store, LIFETIME)


def test_a_session_that_is_not_used_expires(sessions: Sessions, store: Store, clock: FakeClock):
    begun = log_in(store)
    clock.forward(hours=7, minutes=59)
    assert sessions.find(begun.secret) is not None
    clock.forward(hours=7, minutes=59)  # since it was used just now
    assert sessions.find(begun.secret) is not None
    clock.forward(hours=8)
    assert sessions.find(begun.secret) is None
    assert sessions.find_by_id(begun.id) is None


def test_a_session_expires_however_much_it_is_used(
    sessions: Sessions, store: Store, clock: FakeClock
):
    begun = log_in(store)
    for _ in range(7 * 24 // 4 - 1):
        clock.forward(hours=4)
        assert sessions.find(begun.secret) is not None
    clock.forward(hours=4)
    assert sessions.find(begun.secret) is None


class _Full(Store):
    """A store whose disk is full, until it is told otherwise."""

    tries = 0
    full = True

    def write(self) -> AbstractContextManager[Connection]:
        self.tries += 1
        if self.full:
            raise DatabaseUnreachable("the disk is full")
        return super().write()


def test_a_session_holds_while_its_last_use_cannot_be_written(
    store: Store, migrated_url: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
):
    made(People(store))
    begun = log_in(store)
    full = _Full(migrated_url, clock=clock)
    try:
        sessions = Sessions(full, LIFETIME)
        clock.forward(hours=7)
        assert all(sessions.find(begun.secret) for _ in range(3))
        assert sessions.find_by_id(begun.id) is not None
        assert full.tries == 1  # a write may wait long before it fails
        assert "the last use of a session was not written" in caplog.text
        full.full = False
        clock.forward(minutes=30)
        assert sessions.find(begun.secret) is not None
        clock.forward(hours=7, minutes=59)
        assert sessions.find(begun.secret) is not None
    finally:
        full.close()


END: dict[str, Callable[[People], object]] = {
    "a new password": lambda people: people.set_password("maria", PASSWORD, actor="ada"),
    "disabling": lambda people: people.disable("maria", actor="ada"),
    "deleting": lambda people: people.delete("maria", actor="ada"),
    "taking all roles": lambda people: people.revoke("maria", actor="ada", all_roles=True),
}


@pytest.mark.parametrize("what", END)
def test_every_session_of_a_person_ends_at_once_in_every_process(
    sessions: Sessions, store: Store, migrated_url: str, clock: FakeClock, what: str
):
    made(People(store), "lena")
    begun = [log_in(store), log_in(store)]
    other = log_in(store, "lena")
    elsewhere = Store(migrated_url, clock=clock)
    try:
        there = Sessions(elsewhere, LIFETIME)
        assert all(there.find(one.secret) for one in begun)
        END[what](People(store))
        for where in (sessions, there):
            assert [where.find(one.secret) for one in begun] == [None, None]
            assert [where.find_by_id(one.id) for one in begun] == [None, None]
            assert where.find(other.secret) is not None
    finally:
        elsewhere.close()


def test_logging_out_ends_one_session(sessions: Sessions, store: Store):
    here, there = log_in(store), log_in(store)
    sessions.end(here.id)
    assert sessions.find(here.secret) is None
    assert sessions.find(there.secret) is not None


def test_enabling_an_account_again_does_not_bring_its_sessions_back(
    sessions: Sessions, store: Store
):
    begun = log_in(store)
    people = People(store)
    people.disable("maria", actor="ada")
    people.enable("maria", actor="ada")
    assert sessions.find(begun.secret) is None


def test_a_new_role_holds_in_sessions_that_are_open(sessions: Sessions, store: Store):
    begun = log_in(store)
    People(store).grant("maria", Role.VIEWER, actor="ada")
    found = sessions.find(begun.secret)
    assert found is not None
    assert found.principal.role is Role.VIEWER


@pytest.mark.parametrize(
    "secret",
    ["", "x", "\0" * 43, new_session_secret(), "x" * 10_000],
    # The suite's processes must find equal names.
    ids=["empty", "short", "zeros", "another", "long"],
)
def test_what_is_no_secret_of_a_session_finds_none(sessions: Sessions, secret: str):
    assert sessions.find(secret) is None


def test_a_backup_holds_accounts_but_no_session(sessions: Sessions, store: Store, tmp_path: Path):
    assert sessions
    log_in(store)
    rows = backup(store, tmp_path / "kept.jsonl.gz").rows
    assert rows["person"] == 1
    assert "person_session" not in rows
    assert "failed_login" not in rows
    assert "login_address" not in rows


def test_a_restore_ends_every_session(sessions: Sessions, store: Store, tmp_path: Path):
    """What a person is and may comes from the backup, so whoever is logged in logs in again."""
    backup(store, tmp_path / "kept.jsonl.gz")
    begun = log_in(store)
    restore(store, tmp_path / "kept.jsonl.gz", replace=True)
    assert sessions.find(begun.secret) is None
