"""The names of people whom an outside issuer knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.access.outside_names import name_from, names_of
from sentinel.store.access.person_names import checked_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ada", "ada"),
        ("ada.lovelace@example.org", "ada.lovelace@example.org"),
        (" Ada Lovelace ", "ada-lovelace"),
        ("auth0|6512", "auth0-6512"),
        ("José", "jose"),
        ("CORP\\ada", "corp-ada"),
        ("Weiß", "weiss"),
        ("maria via grafana", "maria-via-grafana"),
        ("李", ""),
        ("--", ""),
    ],
)
def test_what_a_name_cannot_have_is_replaced(text: str, name: str):
    assert name_from(text) == name


@given(st.text(max_size=400), st.text(min_size=1, max_size=300))
def test_each_name_can_be_one_of_an_account(claim: str, subject: str):
    names = names_of(claim, "https://id.example.org", subject)
    assert names
    for one in names:
        assert checked_name(one) == one


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?", fullmatch=True))
def test_a_name_of_an_account_stays_as_it_is(name: str):
    assert name_from(name) == name
    assert names_of(name, "https://id.example.org", "u-1")[0] == name
