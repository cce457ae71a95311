"""First logins at an OIDC provider: the names of the accounts that they make."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.access import Grant, Role
from sentinel.access.sessions import Lifetime
from sentinel.errors import ConfigurationError, Conflict
from sentinel.store import Store
from sentinel.store.access.outside_logins import OutsideLogins
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Sessions
from tests.store.access.test_people import made

ISSUER = "https://id.example.org"


@pytest.fixture
def logins(store: Store) -> OutsideLogins:
    return OutsideLogins(store, Sessions(store, Lifetime(timedelta(1), timedelta(1))))


def log_in(logins: OutsideLogins, name: str, subject: str = "u-1") -> None:
    role = Grant(Role.VIEWER)
    assert logins.log_in(ISSUER, subject, name=name, display_name=name, role=role)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Ada.Lovelace@example.org", "ada.lovelace@example.org"),
        ("auth0|6512", "auth0-6512"),
        ("José", "jose"),
        ("CORP\\ada", "corp-ada"),
        ("Ada Lovelace", "ada-lovelace"),
        ("李", "u-1"),
    ],
)
def test_a_first_login_makes_an_account_with_the_nearest_name(
    logins: OutsideLogins, store: Store, given: str, name: str
):
    log_in(logins, given)
    log_in(logins, given)
    (account,) = People(store).list()
    assert (account.name, account.display_name) == (name, given)


def test_a_name_that_had_to_be_changed_makes_way_for_another_account(
    logins: OutsideLogins, store: Store
):
    log_in(logins, "jose")
    log_in(logins, "José", "auth0|2")
    assert [one.name for one in People(store).list()] == ["auth0-2", "jose"]


def test_a_name_as_it_was_given_takes_no_other_account_over(logins: OutsideLogins, store: Store):
    made(People(store))
    with pytest.raises(Conflict, match="SENTINEL_OIDC_NAME_CLAIM") as refused:
        log_in(logins, "Maria")
    assert refused.value.message == "another account is named 'maria'"


def test_where_no_name_is_left_an_admin_is_told_which_setting_to_change(logins: OutsideLogins):
    with pytest.raises(ConfigurationError, match="SENTINEL_OIDC_NAME_CLAIM"):
        log_in(logins, "李", "--")
