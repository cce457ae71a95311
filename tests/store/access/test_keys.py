"""API keys in the database: hashed, expiring, rotated with overlap, revoked for good."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest

from sentinel.access import Grant, Role
from sentinel.access.keys import matches
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.access.keys import Keys, MadeKey


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store)


def made(keys: Keys, name: str = "robot", role: Role = Role.EDITOR) -> MadeKey:
    return keys.create(name, role, actor="ada")


def dump(store: Store) -> str:
    """Every cell of every table that a key is in, and of the system log."""
    with store.read() as connection:
        return "\n".join(
            str(tuple(row))
            for table in ("api_key", "api_key_secret", "access_grant", "system_log")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        )


def test_a_key_is_found_by_its_prefix_with_what_it_may(keys: Keys):
    made = keys.create(
        "robot", Role.RESPONDER, actor="ada", tenants=["red", "blue"], teams=["db"],
        scopes=["alerts"],
    )  # fmt: skip
    found = keys.find(made.secret.prefix)
    assert found is not None
    assert matches(made.secret.text, found.hash)
    principal = found.principal
    assert (principal.name, principal.kind, principal.role) == ("robot", "key", Role.RESPONDER)
    assert principal.tenants == {"red", "blue"}
    assert principal.teams == {"db"}
    assert principal.scopes == {"alerts"}
    assert principal.id == made.key.id
    assert keys.find("aaaaaaaa") is None


def test_the_database_never_holds_a_secret(keys: Keys, store: Store):
    first = made(keys)
    second = keys.rotate("robot", actor="ada")
    keys.revoke("robot", actor="ada")
    kept = dump(store)
    assert first.key.id in kept
    for one in (first, second):
        assert one.secret.text not in kept
        assert one.secret.text[-20:] not in kept  # a part after "_" may be one letter


def test_a_key_expires(keys: Keys, clock: FakeClock):
    made = keys.create("robot", Role.VIEWER, actor="ada", expires_in=timedelta(days=1))
    found = keys.find(made.secret.prefix)
    assert found is not None
    assert found.expires_at == clock.now() + timedelta(days=1)
    assert made.key.state(clock.now()) == "active"
    assert made.key.state(clock.now() + timedelta(days=1)) == "expired"


def test_a_rotated_key_has_both_secrets_for_a_while(keys: Keys, clock: FakeClock):
    first = keys.create("robot", Role.VIEWER, actor="ada", expires_in=timedelta(days=90))
    clock.forward(days=80)
    second = keys.rotate("robot", actor="bo", overlap=timedelta(hours=1))
    assert second.key.id == first.key.id
    before, after = keys.find(first.secret.prefix), keys.find(second.secret.prefix)
    assert before is not None
    assert after is not None
    assert before.expires_at == clock.now() + timedelta(hours=1)
    # As long as the one before was valid.
    assert after.expires_at == clock.now() + timedelta(days=90)
    assert before.principal == after.principal
    assert [one.prefix for one in second.key.secrets] == [second.secret.prefix, first.secret.prefix]


def test_an_overlap_gives_no_secret_a_longer_life(keys: Keys, clock: FakeClock):
    first = keys.create("robot", Role.VIEWER, actor="ada", expires_in=timedelta(minutes=5))
    keys.rotate("robot", actor="ada", overlap=timedelta(days=1))
    found = keys.find(first.secret.prefix)
    assert found is not None
    assert found.expires_at == clock.now() + timedelta(minutes=5)


def test_a_revoked_key_is_not_found_by_any_of_its_secrets(keys: Keys):
    first = made(keys)
    second = keys.rotate("robot", actor="ada")
    revoked = keys.revoke(first.secret.prefix, actor="bo")
    assert revoked.revoked_by == "bo"
    assert keys.find(first.secret.prefix) is None
    assert keys.find(second.secret.prefix) is None
    assert keys.revoke(first.key.id, actor="eve").revoked_by == "bo"
    with pytest.raises(Conflict, match="is revoked"):
        keys.rotate("robot", actor="ada")


def test_a_name_is_free_again_when_its_key_is_revoked(keys: Keys):
    made(keys)
    with pytest.raises(Conflict, match="there is a key named 'robot'"):
        made(keys)
    keys.revoke("robot", actor="ada")
    second = made(keys)
    assert keys.get("robot").id == second.key.id
    assert [one.id for one in keys.list()] == [second.key.id]
    assert len(keys.list(revoked=True)) == 2


def test_the_last_use_is_written_at_most_once_a_minute(keys: Keys, clock: FakeClock):
    key, first = made(keys).key, clock.now()
    assert key.used_at is None
    keys.note_used(key.id, first)
    keys.note_used(key.id, first + timedelta(seconds=59))
    assert keys.get("robot").used_at == first
    keys.note_used(key.id, first + timedelta(seconds=60))
    assert keys.get("robot").used_at == first + timedelta(seconds=60)


def test_who_made_rotated_and_revoked_a_key_is_logged(keys: Keys, store: Store):
    made(keys)
    keys.rotate("robot", actor="bo")
    keys.revoke("robot", actor="cy")
    assert [row.message.split()[0] for row in store.log.page()] == ["cy", "bo", "ada"]


@pytest.mark.parametrize("name", ["", " a", "a\n", "x" * 101, "a\0", "-a"])
def test_a_name_that_cannot_be_read_is_refused(keys: Keys, name: str):
    with pytest.raises(ConfigurationError, match="not a valid name"):
        made(keys, name)


@pytest.mark.parametrize(
    ("tenants", "teams", "says"),
    [
        (["Acme"], None, "can be no tenant"),
        ([], None, "at least one of its tenants"),
        (None, [""], "can be no team"),
        (None, ["a\n"], "can be no team"),
        ([f"t{n}" for n in range(51)], [f"t{n}" for n in range(51)], "are too many"),
    ],
)
def test_tenants_and_teams_that_cannot_be_are_refused(
    keys: Keys, tenants: Collection[str] | None, teams: Collection[str] | None, says: str
):
    with pytest.raises(ConfigurationError, match=says):
        keys.create("robot", Role.VIEWER, actor="ada", tenants=tenants, teams=teams)
    assert keys.list() == []


def test_an_unknown_key_is_named(keys: Keys):
    for given in ("robot", "snt_abc", "a\0"):
        with pytest.raises(NotFound, match="there is no key"):
            keys.get(given)


def test_a_key_of_all_tenants_is_one_grant(keys: Keys):
    assert made(keys).key.grants == (Grant(Role.EDITOR),)
