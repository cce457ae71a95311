"""Names and topics of war rooms in Slack keep to Slack's rules, whatever an incident is called."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.incidents.room import room_app, room_names, room_topic
from sentinel.incidents.state import Incident
from sentinel.settings import Settings

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
ID = "0198f2c4a7e07cc0b2a1d3f4e5a69788"


def incident(title: str) -> Incident:
    return Incident(id=ID, tenant="default", title=title, opened_at=AT, updated_at=AT)


def test_a_name_has_the_day_the_title_and_what_no_other_incident_has():
    first, second, *_ = room_names(incident("Checkout: ÜBER-slow (EU)!"))
    assert first == "inc-20261130-checkout-uber-slow-eu-e5a69788"
    assert second == "inc-20261130-checkout-uber-slow-eu-e5a69788-2"


@given(st.text(max_size=300))
def test_slack_accepts_every_name_and_no_two_are_the_same(title: str):
    names = [*room_names(incident(title))]
    assert len(set(names)) == len(names) == 9
    assert all(re.fullmatch(r"[a-z0-9_-]{1,80}", one) for one in names)
    assert not any("--" in one or one.endswith("-") for one in names)


@given(st.text(max_size=400), st.text(max_size=300))
def test_a_topic_fits_and_has_the_whole_address_or_none_of_it(title: str, address: str):
    topic = room_topic(incident(title), address)
    assert len(topic) <= 250
    assert topic.startswith("sev3 investigating")
    assert topic.endswith(f" · {address}") or len(address) > 200


@pytest.mark.parametrize("given", ["slack:", "slack:Ops", "slack:a b", "slack:{team}", "slack:ö"])
def test_only_the_name_of_a_block_makes_a_room(given: str):
    assert room_app(given) == ""
    with pytest.raises(ValidationError, match="slack-app"):
        Settings(war_room_url=given)


def test_the_app_of_a_room_is_the_name_of_its_block():
    assert room_app("slack:ops-2") == "ops-2"
    assert Settings(war_room_url="slack:ops-2").war_room_url == "slack:ops-2"
    assert room_app("https://meet.example.org/slack:ops") == ""


def test_who_is_invited_is_written_as_email_addresses():
    with pytest.raises(ValidationError, match="'ben' is no email address"):
        Settings(war_room_invite="ann@example.org, ben")
