"""How the path through each door stands, by the newest canary that was posted there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.notifications.door_canary import (
    DOORS,
    PREFIX,
    DoorPath,
    DoorRow,
    judge_door,
    marker_of,
    request_at,
)

SENT = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVERY, WITHIN = 900, 300


def judged(after: float, took: float | None = None, *, every: float = EVERY) -> DoorPath:
    """The path so many seconds after its canary was posted."""
    came = None if took is None else SENT + timedelta(seconds=took)
    row = DoorRow(
        door="webhook", sent_at=SENT, every=every, within=WITHIN, arrived_at=came, last_at=came,
        error="it answered 500",
    )  # fmt: skip
    return judge_door(row, SENT + timedelta(seconds=after))


def test_one_that_arrived_in_time_proves_the_door_until_the_next_is_overdue():
    fine = judged(EVERY + WITHIN, WITHIN)
    assert (fine.state, fine.took, fine.error, fine.broken) == ("arrived", WITHIN, "", False)
    overdue = judged(EVERY + WITHIN + 1, WITHIN)
    assert (overdue.state, overdue.broken) == ("lost", True)
    assert "by 2026-01-05 12:20:00 UTC: none came" in overdue.error
    assert judged(10 * EVERY, WITHIN, every=0).state == "arrived"


def test_one_that_did_not_arrive_is_lost_once_its_time_is_over():
    assert judged(WITHIN).state == "waiting"
    lost = judged(WITHIN + 1)
    assert (lost.state, lost.error, lost.broken) == ("lost", "it answered 500", True)


@given(st.integers(0, EVERY + WITHIN), st.integers(0, EVERY))
def test_it_is_late_just_where_it_took_longer_than_its_bound(after: int, took: int):
    assert judged(after, took).state == ("arrived" if took <= WITHIN else "late")


@pytest.mark.parametrize("sender", ["opsgenie", "pagerduty", "prometheus", "alertmanager"])
def test_only_the_label_that_a_door_gives_it_in_marks_a_canary(sender: str):
    name = {"opsgenie": "alias", "pagerduty": "dedup_key"}.get(sender, "sentinel_canary")
    assert marker_of(sender, {name: f"{PREFIX}1"}) == f"{PREFIX}1"
    assert marker_of(sender, {"other": f"{PREFIX}1", name: "mine"}) == ""


def test_every_door_has_its_marker_and_the_key_in_no_address():
    for door in DOORS:
        request = request_at(door, f"{PREFIX}1", "a-key", SENT)
        assert f"{PREFIX}1" in repr(request.body), door
        assert "a-key" in repr((request.headers, request.body)), door
        assert "a-key" not in request.path, door
