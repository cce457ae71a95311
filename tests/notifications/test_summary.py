"""Whom a summary is for, and when it may be sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sentinel.notifications.group_policy import policy_from
from sentinel.notifications.storm import Storm
from sentinel.notifications.summary import summary_channels, summary_membership

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = {"windows": [{"start": "09:00", "end": "17:00"}]}
NIGHT = {"night": [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]}
DAY = {"day": [{"times": [{"start_time": "08:00", "end_time": "20:00"}]}]}


def key_of(policy: dict[str, Any], storm: Storm | None = None) -> str:
    return summary_membership("t", "ops", "inbox", storm, policy).key


@pytest.mark.parametrize("storm", [None, Storm(began_at=T0, seen_at=T0)], ids=["limit", "storm"])
def test_groups_that_are_notified_at_other_times_have_other_summaries(storm: Storm | None):
    given: list[dict[str, Any]] = [
        {}, {"active_hours": HOURS}, {"mute_times": NIGHT}, {"active_times": NIGHT},
        {"active_times": DAY}, {"active_times": DAY, "mute_times": NIGHT},
    ]  # fmt: skip
    assert len({key_of(one, storm) for one in given}) == len(given)
    assert key_of({"mute_times": {}, "active_hours": None}, storm) == key_of({}, storm)
    assert key_of({"repeat_interval": 60.0}, storm) == key_of({}, storm)
    backwards: dict[str, Any] = {"mute_times": NIGHT, "active_times": DAY}
    assert key_of(backwards, storm) == key_of(given[-1], storm)


def test_a_summary_has_the_times_of_its_groups():
    given: dict[str, Any] = {
        "group_wait": 30.0, "group_interval": 300.0, "repeat_interval": 604_800.0,
        "active_hours": HOURS, "mute_times": NIGHT, "active_times": DAY,
    }  # fmt: skip
    of_group = policy_from(given, 3)
    policy = policy_from(summary_membership("t", "ops", "inbox", policy=given).policy, 3)
    assert policy.hours == of_group.hours != None  # noqa: E711 - compared, and there is one
    assert policy.mute_times == of_group.mute_times != ()
    assert policy.active_times == of_group.active_times != ()
    assert policy.repeat_interval == of_group.repeat_interval


def test_a_summary_goes_through_its_channel_or_to_all_where_that_has_left_the_receiver():
    own = summary_membership("t", "ops", "a/1")
    assert summary_channels(own.route, own.labels, own.policy, ["a/1", "b/2"]) == ["a/1"]
    assert summary_channels(own.route, own.labels, own.policy, ["b/2", "c/3"]) == ["b/2", "c/3"]
    other = summary_membership("t", "ops", "inbox", stands_in=True)
    assert other.key == summary_membership("t", "ops", "inbox").key
    assert summary_channels(other.route, other.labels, other.policy, ["b/2"]) == ["inbox"]
    assert summary_channels("ops", other.labels, {}, ["b/2"]) == ["b/2"]
