"""The lifecycle of an incident, under every order of changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import Conflict
from sentinel.incidents.lifecycle import assigned, moved, recurred, taken, worsened
from sentinel.incidents.state import ROLES, Incident, Status, incident_severity, sev_of
from sentinel.severity import Severity

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["move", "alert", "assign", "worsen"]),
        st.sampled_from(list(Status)),
        st.sampled_from(["", *ROLES]),
        st.sampled_from(["", "ann", "ben"]),
        st.integers(1, 5),
        st.integers(0, 40),
    ),
    max_size=30,
)


def incident(**more: object) -> Incident:
    return msgspec.structs.replace(
        Incident(id="1" * 32, tenant="default", title="down", opened_at=NOW, updated_at=NOW), **more
    )


@given(STEPS)
def test_whatever_happens_an_incident_is_of_one_piece(
    steps: list[tuple[str, Status, str, str, int, int]],
):
    one, now, reopened = incident(), NOW, 0
    first: datetime | None = None
    for verb, status, role, person, severity, minutes in steps:
        now += timedelta(minutes=minutes)
        before = one
        try:
            if verb == "move":
                one = moved(one, status, person, now)
            elif verb == "alert":
                one = recurred(one, now)
            elif verb == "assign":
                one = assigned(one, person, role, "eve", now)
            else:
                one = worsened(one, severity)
        except Conflict:
            assert one is before
        reopened += before.status is Status.RESOLVED and one.is_open
        first = first or one.acknowledged_at
        assert (one.resolved_at is None) == one.is_open
        assert one.is_open or (one.resolved_at is not None and one.opened_at <= one.resolved_at)
        assert (one.opened_at, one.acknowledged_at, one.reopened) == (NOW, first, reopened)
        assert one.severity >= before.severity
        assert all(one.roles.values())


@pytest.mark.parametrize("status", list(Status))
def test_a_status_that_it_has_already_is_refused(status: Status):
    one = incident(status=status, resolved_at=None if status is not Status.RESOLVED else NOW)
    with pytest.raises(Conflict, match=f"is {status} already"):
        moved(one, status, "ann", NOW)


def test_an_alert_reopens_it_only_soon_after_it_was_resolved():
    resolved = moved(incident(), Status.RESOLVED, "ann", NOW)
    soon = recurred(resolved, NOW + timedelta(minutes=14))
    assert (soon.status, soon.reopened, soon.resolved_by) == (Status.INVESTIGATING, 1, "")
    assert recurred(resolved, NOW + timedelta(minutes=15)) is resolved
    never = msgspec.structs.replace(resolved, gather_for=timedelta(0))
    assert recurred(never, NOW) is never


def test_the_first_person_to_take_it_is_kept_and_sentinel_takes_nothing():
    one = taken(moved(incident(), Status.IDENTIFIED, "", NOW), "", NOW)
    assert one.acknowledged_at is None
    later = NOW + timedelta(minutes=3)
    one = assigned(one, "ben", "commander", "ann", later)
    one = moved(one, Status.MONITORING, "eve", later + timedelta(minutes=1))
    assert (one.acknowledged_at, one.acknowledged_by) == (later, "ann")
    assert one.roles == {"commander": "ben"}
    assert assigned(one, "", "commander", "ann", later).roles == {}
    with pytest.raises(Conflict, match="ben is commander already"):
        assigned(one, "ben", "commander", "ann", later)


def test_what_a_person_said_of_the_severity_stays():
    by_hand = incident(severity=2, severity_by="ann")
    assert worsened(by_hand, 5).severity == 2
    assert worsened(incident(severity=2), 5).severity == 5


@pytest.mark.parametrize(
    ("word", "severity", "sev"),
    [
        ("SEV1", Severity.CRITICAL, "sev1"), ("sev2", Severity.HIGH, "sev2"),
        ("warning", Severity.MEDIUM, "sev3"), ("sev4", Severity.LOW, "sev4"),
        ("info", Severity.INFO, "sev4"),
    ],
)  # fmt: skip
def test_both_scales_of_severity_are_understood(word: str, severity: Severity, sev: str):
    assert incident_severity(word) is severity
    assert sev_of(severity) == sev


def test_another_word_is_no_severity():
    with pytest.raises(ValueError, match="'sev9' is none of critical, high"):
        incident_severity("sev9")
