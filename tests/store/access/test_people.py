"""Accounts in the database: hashed, disabled, deleted, with roles per tenant and team."""

from __future__ import annotations

import pytest

from sentinel.access import Grant, Role
from sentinel.access.sessions import Lifetime
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.access.logins import Logins
from sentinel.store.access.people import People, PersonView
from sentinel.store.access.sessions import Begun, Sessions

PASSWORD = "seven green bicycles"
LIFETIME = Lifetime(parse_duration("8h"), parse_duration("7d"))


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


def made(people: People, name: str = "maria", role: Role = Role.EDITOR) -> PersonView:
    return people.create(name, role, password=PASSWORD, actor="ada")


def log_in(store: Store, name: str = "maria", password: str = PASSWORD) -> Begun:
    begun = Logins(store, Sessions(store, LIFETIME)).log_in(name, password)
    assert isinstance(begun, Begun)
    return begun


def dump(store: Store) -> str:
    """Every cell of every table that an account is in, and of the system log."""
    with store.read() as connection:
        return "\n".join(
            str(tuple(row))
            for table in ("person", "person_session", "failed_login", "access_grant", "system_log")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        )


def test_an_account_has_a_role_in_some_tenants_and_teams(people: People):
    assert not people.exist()
    found = people.create(
        " Maria@Example.com ", Role.RESPONDER, password=PASSWORD, actor="ada",
        display_name="Maria  López", tenants=["red", "blue"], teams=["db"],
    )  # fmt: skip
    assert people.exist()
    assert (found.name, found.display_name) == ("maria@example.com", "Maria López")
    assert found.grants == (Grant(Role.RESPONDER, frozenset({"red", "blue"}), frozenset({"db"})),)
    assert (found.state, found.has_password, found.login_at) == ("active", True, None)
    assert people.get("MARIA@example.com") == found
    assert people.list() == [found]


def test_neither_a_password_nor_the_secret_of_a_session_is_ever_stored(
    people: People, store: Store
):
    made(people)
    begun = log_in(store)
    people.set_password("maria", "eleven blue tricycles", actor="ada")
    again = log_in(store, password="eleven blue tricycles")
    kept = dump(store)
    assert "$argon2id$" in kept
    for secret in (PASSWORD, "eleven blue tricycles", begun.secret, again.secret):
        assert secret not in kept
        assert secret not in repr((begun, again))


def test_a_name_is_given_once(people: People):
    made(people)
    with pytest.raises(Conflict, match="there is an account named 'maria'"):
        made(people, "Maria")


@pytest.mark.parametrize("name", ["", "-maria", "maria lopez", "maria\0", "m" * 101, "mária"])
def test_a_name_that_cannot_be_typed_everywhere_is_refused(people: People, name: str):
    with pytest.raises(ConfigurationError, match="not a valid name of a person"):
        made(people, name)
    assert not people.exist()


def test_a_password_that_is_too_short_makes_no_account(people: People):
    with pytest.raises(ConfigurationError, match="has 5 characters"):
        people.create("maria", Role.VIEWER, password="12345", actor="ada")
    assert not people.exist()


def test_roles_are_granted_and_revoked_where_they_hold(people: People):
    made(people, role=Role.VIEWER)
    people.grant("maria", Role.EDITOR, actor="ada", tenants=["red"])
    people.grant("maria", Role.RESPONDER, actor="ada", tenants=["red"])
    assert people.get("maria").grants == (
        Grant(Role.RESPONDER, frozenset({"red"})),
        Grant(Role.VIEWER),
    )
    people.revoke("maria", actor="ada")
    assert people.get("maria").grants == (Grant(Role.RESPONDER, frozenset({"red"})),)
    with pytest.raises(NotFound, match="no role that was granted in the tenant 'blue'"):
        people.revoke("maria", actor="ada", tenants=["red", "blue"])
    assert people.get("maria").grants == (Grant(Role.RESPONDER, frozenset({"red"})),)
    people.revoke("maria", actor="ada", all_roles=True)
    assert people.get("maria").grants == ()


def test_an_account_that_is_deleted_leaves_neither_roles_nor_sessions(people: People, store: Store):
    made(people)
    made(people, "lena")
    begun = log_in(store)
    people.delete("maria", actor="ada")
    assert Sessions(store, LIFETIME).find(begun.secret) is None
    assert [one.name for one in people.list()] == ["lena"]
    again = made(people, role=Role.VIEWER)
    assert again.grants == (Grant(Role.VIEWER),)
    assert again.sessions == 0


def test_the_system_log_names_who_changed_an_account(people: People, store: Store):
    made(people)
    people.grant("maria", Role.ADMIN, actor="ada")
    people.disable("maria", actor="ada")
    people.enable("maria", actor="ada")
    people.delete("maria", actor="ada")
    assert [row.message for row in reversed(store.log.page())] == [
        "ada made an account for maria",
        "ada gave a role to maria",
        "ada disabled the account of maria",
        "ada enabled the account of maria",
        "ada deleted the account of maria",
    ]


def test_an_unknown_account_is_named(people: People):
    for name in ("nobody", "nobody\0"):
        with pytest.raises(NotFound, match="there is no account named"):
            people.get(name)
