"""The names of people who come with a token of an outside issuer."""

from __future__ import annotations

from datetime import timedelta

from sentinel.access import Grant, Role
from sentinel.access.sessions import Lifetime
from sentinel.store import Store
from sentinel.store.access.outside_accounts import OutsideAccounts
from sentinel.store.access.outside_logins import OutsideLogins
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Sessions
from tests.store.access.test_people import made

ISSUER = "https://id.example.org"


def test_an_account_gives_its_name_and_others_keep_theirs(store: Store):
    people, accounts = People(store), OutsideAccounts(store)
    made(people)
    assert accounts.name(ISSUER, "u-1", ["ada", "u-1"]) == "ada"
    assert accounts.name(ISSUER, "u-1", ["maria", "u-1"]) == "u-1"
    assert accounts.name(ISSUER, "u-1", ["maria"]) is None
    logins = OutsideLogins(store, Sessions(store, Lifetime(timedelta(1), timedelta(1))))
    logins.log_in(ISSUER, "u-1", name="ada", display_name="Ada", role=Grant(Role.VIEWER))
    assert accounts.name(ISSUER, "u-1", ["maria", "u-1"]) == "ada"
    assert accounts.name(ISSUER, "u-2", ["ada", "u-2"]) == "u-2"
    assert accounts.name("https://other.example.org", "u-1", ["ada", "u-1"]) == "u-1"
    people.disable("ada", actor="eve")
    assert accounts.name(ISSUER, "u-1", ["bob"]) is None
    assert accounts.name(ISSUER, "u-2", ["bob"]) == "bob"
