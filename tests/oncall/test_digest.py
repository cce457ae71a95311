"""When the digest of a team is due: by the clock on the wall, over changes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.errors import ConfigurationError
from sentinel.oncall.digest import TeamDigest
from sentinel.oncall.document import read_oncall

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = TeamDigest(at="08:00", timezone="Europe/Berlin", receivers=["mail"])
WEEKLY = TeamDigest.model_validate(
    {"at": "08:00", "timezone": "Europe/Berlin", "days": "mon", "receivers": ["mail"]}
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_it_is_due_at_a_local_time_also_when_the_clock_changes():
    assert DAILY.last_due(at("2026-03-28T08:00")) == at("2026-03-28T08:00")
    assert DAILY.last_due(at("2026-03-29T07:59")) == at("2026-03-28T08:00")
    changed = DAILY.last_due(at("2026-03-29T08:00"))  # 23 hours after the one before
    assert changed - DAILY.last_due(at("2026-03-28T12:00")) == timedelta(hours=23)
    skipped = TeamDigest(at="02:30", timezone="Europe/Berlin", receivers=["mail"])
    assert skipped.last_due(at("2026-03-29T12:00")) == at("2026-03-29T03:00")


def test_a_weekly_one_is_due_on_its_day():
    assert WEEKLY.last_due(at("2026-01-07T12:00")) == at("2026-01-05T08:00")
    assert WEEKLY.last_due(at("2026-01-12T07:59")) == at("2026-01-05T08:00")


@given(st.integers(0, 60 * 24 * 700), st.sampled_from([DAILY, WEEKLY]))
def test_between_two_times_it_stays_due_since_the_first(minutes: int, times: TeamDigest):
    now = at("2026-01-01T00:00").astimezone(UTC) + timedelta(minutes=minutes)
    due = times.last_due(now)
    assert due <= now
    assert times.last_due(due) == due
    assert now - due <= timedelta(days=8)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("{at: '24:00', receivers: [a]}", "two days"),
        ("{at: '8', receivers: [a]}", "no time of day"),
        ("{at: '08:00', receivers: []}", "at least 1"),
        ("{at: '08:00', days: soon, receivers: [a]}", "no weekday"),
        ("{at: '08:00', timezone: Mars, receivers: [a]}", "no time zone"),
    ],
)
def test_what_is_wrong_with_it_is_named(wrong: str, says: str):
    people = "people: {ada: {notify: [{receiver: a}]}}"
    text = f"{people}\nteams: {{db: {{people: [ada], digest: {wrong}}}}}"
    with pytest.raises((ConfigurationError, ValidationError), match=says):
        read_oncall(text)
