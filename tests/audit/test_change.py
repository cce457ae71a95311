"""What is recorded of a change: only what differs, no secret, one text for one value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.audit.actions import ACTIONS, words_of
from sentinel.audit.change import REDACTED, canonical, channel_change, differing, redacted


def test_only_what_differs_is_recorded():
    before, after = {"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 5, "new": 4}
    assert differing(before, after) == ({"b": 2, "gone": 3}, {"b": 5, "new": 4})


@pytest.mark.parametrize(
    "name",
    ["password", "apiToken", "SMTP_PASSWORD", "client-secret", "parameters.rule.api_key"],
)
def test_a_field_that_sounds_like_a_secret_is_hidden(name: str):
    assert redacted({name: "hunter2"}) == {name: REDACTED}
    assert redacted({"config": [{name: {"deep": "hunter2"}}]}) == {"config": [{name: REDACTED}]}


def test_a_channel_is_recorded_without_its_values():
    change = channel_change("channel.saved", "sentinel-webhook/ops", made=False)
    assert (change.before, change.after) == ({"exists": True}, {"values": REDACTED})


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**64 - 1) | st.text()
    | st.datetimes(timezones=st.just(UTC)) | st.frozensets(st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_every_value_has_a_text(value: object):
    assert canonical(redacted(value)).isascii()


def test_a_value_of_a_type_of_its_own_is_recorded_as_its_text():
    class Schedule:
        def __str__(self) -> str:
            return "every day"

    assert redacted({"when": Schedule()}) == {"when": "every day"}


def test_a_value_has_one_text_whatever_the_order_of_its_fields():
    at = datetime(2026, 11, 29, tzinfo=UTC)
    assert canonical(redacted({"b": 1, "a": at})) == canonical(redacted({"a": at, "b": 1}))


def test_every_code_has_words_and_that_of_another_version_stands_for_itself():
    assert all(words for words in ACTIONS.values())
    assert words_of("rule.disabled") == "disabled the rule"
    assert words_of("rule.painted") == "rule.painted"
