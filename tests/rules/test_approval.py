"""A change to a critical rule waits for a second person: which steps it allows, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import Conflict, OutOfScope
from sentinel.rules.approval import (
    ChangeStatus,
    Lifecycle,
    applied,
    approve,
    fields_changed,
    is_critical,
    reject,
    take_back,
    withdraw,
    worst_severity,
)
from sentinel.severity import Severity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ENDS = NOW + timedelta(days=7)
DECIDED = {ChangeStatus.APPLIED, ChangeStatus.REJECTED, ChangeStatus.WITHDRAWN}
PEOPLE = st.sampled_from(["maria", "Maria ", "ada", "bob"])
STEPS = st.tuples(
    st.sampled_from(["approve", "reject", "withdraw", "applied", "take_back"]),
    PEOPLE,
    st.booleans(),
    st.integers(0, 10 * 24),
)


def waiting() -> Lifecycle:
    return Lifecycle(status=ChangeStatus.WAITING, asked_by="maria", expires_at=ENDS)


def stepped(state: Lifecycle, step: str, who: str, *, edits: bool, now: datetime) -> Lifecycle:
    if step == "approve":
        return approve(state, who, now, may_edit=edits)
    if step == "reject":
        return reject(state, who, now, may_edit=edits)
    if step == "withdraw":
        return withdraw(state, who, now)
    return applied(state) if step == "applied" else take_back(state)


@given(st.lists(STEPS, max_size=12))
def test_whatever_is_tried_a_change_takes_effect_only_by_a_second_person_in_time(
    steps: list[tuple[str, str, bool, int]],
):
    state, now = waiting(), NOW
    for step, who, edits, hours in steps:
        now += timedelta(hours=hours)
        before, same = state, who.strip().lower() == "maria"
        try:
            state = stepped(state, step, who, edits=edits, now=now)
        except (Conflict, OutOfScope):
            continue
        assert (before.asked_by, before.expires_at) == (state.asked_by, state.expires_at)
        assert before.status not in DECIDED, "what is decided stays as it is"
        if state.status is ChangeStatus.APPROVED and before.status is ChangeStatus.WAITING:
            assert not same
            assert edits
            assert now < ENDS
            assert (state.decided_by, state.decided_at) == (who, now)
        if state.status is ChangeStatus.APPLIED:
            assert before.status is ChangeStatus.APPROVED
            assert state.decided_by.strip().lower() != "maria"
        if state.status is ChangeStatus.REJECTED:
            assert not same
            assert edits
        if state.status is ChangeStatus.WITHDRAWN:
            assert same
    assert (state.shown(now) is ChangeStatus.EXPIRED) == (
        state.status is ChangeStatus.WAITING and now >= ENDS
    )


def test_each_refusal_says_what_to_do():
    with pytest.raises(Conflict, match=r"maria asked .* somebody else.*withdraw"):
        approve(waiting(), "maria", NOW, may_edit=True)
    with pytest.raises(OutOfScope, match=r"bob may not edit.*role editor"):
        reject(waiting(), "bob", NOW, may_edit=False)
    with pytest.raises(Conflict, match=r"maria asked .* only they"):
        withdraw(waiting(), "bob", NOW)
    with pytest.raises(Conflict, match=r"expired at 2026-12-06 12:00 UTC.*again"):
        approve(waiting(), "bob", ENDS, may_edit=True)
    rejected = reject(waiting(), "bob", NOW, may_edit=True)
    with pytest.raises(Conflict, match="was rejected by bob"):
        approve(rejected, "ada", NOW, may_edit=True)


def test_an_approval_that_was_not_carried_out_is_completed_or_taken_back():
    begun = approve(waiting(), "bob", NOW, may_edit=True)
    assert approve(begun, "ada", ENDS, may_edit=True) == begun
    assert take_back(begun) == waiting()
    with pytest.raises(Conflict, match="this change was approved by bob"):
        reject(begun, "ada", NOW, may_edit=True)


@pytest.mark.parametrize(
    ("rule", "critical"),
    [
        ({"severity": "critical"}, True),
        ({"severity": "Emergency"}, True),
        ({"severity": "high"}, False),
        ({}, False),
        ({"severity": "low", "when": {"levels": {"high": 80, "critical": 95}}}, True),
        ({"when": {"levels": {"high": 80}}}, False),
        ({"severity": "nonsense", "when": "nonsense", "labels": "nonsense"}, False),
        ({"labels": {"approval": "required"}}, True),
        ({"labels": {"approval": "no"}}, False),
    ],
)
def test_a_rule_is_critical_by_its_severity_its_levels_or_its_mark(
    rule: dict[str, Any], critical: bool
):
    assert is_critical(rule) is critical


@pytest.mark.parametrize(
    ("parameters", "worst"),
    [
        ({"policies": [{"severity": "low"}, {"severity": "Emergency"}]}, Severity.CRITICAL),
        ({"policy": {"severity": "critical"}}, Severity.CRITICAL),
        ({"policies": [{"severity": "high"}, {}]}, Severity.HIGH),
        ({"policies": "critical", "policy": ["critical"]}, Severity.MEDIUM),
        ({"policies": [None, {"severity": 7}]}, Severity.MEDIUM),
        ({}, Severity.MEDIUM),
    ],
)
def test_a_rule_of_policies_is_as_critical_as_the_worst_of_them(
    parameters: dict[str, Any], worst: Severity
):
    rule = {"name": "audit", "severity": "medium"}
    assert is_critical(rule, parameters) is (worst is Severity.CRITICAL)
    assert worst_severity(Severity.MEDIUM, parameters) is worst


def test_a_difference_is_by_field():
    before = {"rule": {"when": {"above": 80}, "labels": {}}, "enabled": True}
    after = {"rule": {"when": {"above": 90}, "team": "db"}, "enabled": True}
    found = fields_changed(before, after)
    assert [str(one) for one in found] == [
        "rule.labels: {} → not set", 'rule.team: not set → "db"', "rule.when.above: 80 → 90",
    ]  # fmt: skip
    assert fields_changed(before, before) == []
