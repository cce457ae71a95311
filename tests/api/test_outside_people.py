"""People with tokens of an outside issuer: their accounts here, and their names."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from sentinel.access import Grant, Role
from sentinel.access.sessions import Lifetime
from sentinel.api.known_keys import HELD_SECONDS
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.outside_logins import OutsideLogins
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Sessions
from tests.api.outside_issuer import ME, Issuer, Seconds, get, token


def logged_in(store: Store, issuer: Issuer, subject: str, name: str) -> None:
    """Make the account of a person whom the issuer signed in at the dashboard."""
    logins = OutsideLogins(store, Sessions(store, Lifetime(timedelta(1), timedelta(1))))
    assert logins.log_in(
        issuer.url, subject, name=name, display_name=name, role=Grant(Role.RESPONDER)
    )  # fmt: skip


def acts_as(client: httpx.Client, token: str) -> str:
    answer = get(client, token, ME)
    assert answer.status_code == 200
    return answer.json()["name"]


@pytest.mark.usefixtures("outside")
def test_a_person_who_is_disabled_is_refused_within_the_bound(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store, seconds: Seconds
):
    logged_in(store, issuer, "u-1", "ada")
    given = token(issuer, clock)
    assert acts_as(client, given) == "ada"
    People(store).disable("ada", actor="eve")  # as another process does
    seconds.now += HELD_SECONDS
    answer = get(client, given)
    assert answer.status_code == 401
    assert "is disabled" in answer.json()["error"]["message"]
    assert "sentinel user enable" in answer.json()["error"]["hint"]
    # Another name in the token makes nobody somebody else.
    renamed = token(issuer, clock, preferred_username="bob")
    assert get(client, renamed).status_code == 401
    assert get(client, token(issuer, clock, sub="u-2")).status_code == 200
    People(store).enable("ada", actor="eve")
    seconds.now += HELD_SECONDS
    assert acts_as(client, renamed) == "ada"


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("claim", "subject", "name"),
    [
        ("maria", "u-1", "u-1"),
        ("Maria", "auth0|65", "auth0-65"),
        ("MARÍA", "u-1", "u-1"),
        ("maria via grafana", "u-1", "maria-via-grafana"),
        ("José", "u-1", "jose"),
        (None, "CORP\\ada", "corp-ada"),
        ("李", "u-1", "u-1"),
    ],
)
def test_nobody_acts_under_the_name_of_another_account(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store,
    claim: str | None, subject: str, name: str,
):  # fmt: skip
    password = "seven green bicycles"
    People(store).create("maria", Role.ADMIN, password=password, actor="ada")
    given = token(issuer, clock, preferred_username=claim, sub=subject)
    assert acts_as(client, given) == name


@pytest.mark.usefixtures("outside")
def test_a_subject_that_is_the_name_of_another_account_is_no_name_either(
    client: httpx.Client, issuer: Issuer, clock: FakeClock, store: Store
):
    logged_in(store, issuer, "u-7", "maria")
    found = acts_as(client, token(issuer, clock, preferred_username=None, sub="maria"))
    assert re.fullmatch("oidc-[0-9a-f]{16}", found)
