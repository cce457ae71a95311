"""Steps page one after another, whoever is on call when a step is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.oncall.escalation import planned, steps_of
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.oncall.person import Person, contacts
from sentinel.oncall.schedule import Override
from sentinel.severity import Severity

START = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

DOCUMENT = """
people:
  ann: {notify: [{receiver: ann-slack}, {receiver: ann-sms, after: 5m}]}
  ben: {notify: [{receiver: ben-slack}]}
  cem: {notify: [{receiver: cem-slack}], quiet_hours: {windows: [{start: '22:00', end: '07:00'}]}}
teams:
  db: {people: [ben, cem]}
  web: {people: [ann], schedule: daytime}
schedules:
  primary:
    layers: [{rotation: {people: [ann, ben], handoff: 2026-01-06T12:00, every: daily}}]
  daytime:
    layers:
      - rotation: {people: [ann], handoff: 2026-01-01T00:00}
        within: [{start: '09:00', end: '17:00'}]
escalation_policies:
  default:
    steps:
      - notify: schedule:primary
      - {after: 10m, notify: [team:db, receiver:ops-room]}
    repeat: 1
    repeat_after: 1h
"""


def nobody(_: str) -> Sequence[Override]:
    return ()


def document(**changed: Any) -> OnCallDocument:
    return OnCallDocument.model_validate(yaml.safe_load(DOCUMENT) | changed)


def policy(steps: list[dict[str, Any]], **fields: Any) -> EscalationPolicy:
    return EscalationPolicy.model_validate({"steps": steps} | fields)


def told(given_policy: EscalationPolicy, at: datetime = START, severity: int = 4) -> list[Any]:
    """Minutes after the start, and receivers, of every step."""
    return [
        ((one.due - at) // MINUTE, [page.receiver for page in one.pages], one.skipped)
        for one in planned(given_policy, Severity(severity), at, document(), nobody)
    ]


def test_the_steps_of_a_document_page_whom_they_name_and_begin_again():
    given_document = read_oncall(DOCUMENT)
    assert told(given_document.escalation_policies["default"]) == [
        (0, ["ann-slack", "ann-sms"], ""),
        (10, ["ben-slack", "cem-slack", "ops-room"], ""),
        (70, ["ann-slack", "ann-sms"], ""),
        (80, ["ben-slack", "cem-slack", "ops-room"], ""),
    ]


def test_who_is_on_call_is_worked_out_when_the_step_is_due():
    given_policy = policy(
        [{"notify": "schedule:primary"}, {"after": "24h", "notify": "schedule:primary"}]
    )
    assert [one[1] for one in told(given_policy)] == [["ann-slack", "ann-sms"], ["ben-slack"]]
    swapped = Override(start=START, end=START + timedelta(days=1), people=("cem",))
    plan = planned(given_policy, Severity.HIGH, START, document(), lambda name: [swapped])
    assert [page.person for one in plan for page in one.pages] == ["cem", "ben"]


def test_where_nobody_is_on_call_the_next_step_comes_at_once_and_a_round_still_waits():
    given_policy = policy(
        [{"notify": "team:web"}, {"after": "10m", "notify": "person:ben"}], repeat=1,
        repeat_after="1h",
    )  # fmt: skip
    night = START.replace(hour=20)
    assert told(given_policy, night) == [
        (0, [], "nobody is on call"),
        (0, ["ben-slack"], ""),
        (60, [], "nobody is on call"),
        (60, ["ben-slack"], ""),
    ]
    first = next(planned(given_policy, Severity.HIGH, night, document(), nobody))
    assert first.missing == ("team web",)


def test_a_step_counts_for_its_severity_and_within_its_hours():
    given_policy = policy(
        [
            {"notify": "person:ben", "severity": "critical"},
            {"after": "5m", "notify": "person:cem",
             "hours": {"windows": [{"start": "13:00", "end": "14:00"}]}},
            {"after": "5m", "notify": "person:ann"},
        ]
    )  # fmt: skip
    assert told(given_policy) == [
        (0, [], "the group is less severe than critical"),
        (5, [], "outside the hours of the step"),
        (10, ["ann-slack", "ann-sms"], ""),
    ]
    assert told(given_policy, severity=5)[0][1] == ["ben-slack"]


def test_quiet_hours_put_off_what_is_not_critical():
    cem = document().people["cem"]
    night = START.replace(hour=23)
    later = [(one.at, one.put_off) for one in contacts(cem, Severity.HIGH, night)]
    assert later == [(START.replace(day=7, hour=7), True)]
    assert [one.at for one in contacts(cem, Severity.CRITICAL, night)] == [night]


def test_quiet_hours_without_an_end_put_nothing_off():
    never = Person.model_validate({"notify": [{"receiver": "x"}], "quiet_hours": {}})
    assert [one.at for one in contacts(never, Severity.LOW, START)] == [START]


def test_the_escalation_of_a_rule_is_a_policy_of_equal_steps():
    body = {
        "delay_minutes": 60, "max_level": 3, "channels": ["pagerduty"],
        "on_call_schedule": "primary-oncall",
    }  # fmt: skip
    steps = steps_of(EscalationPolicy.of_rule(body))
    assert [one.offset // MINUTE for one in steps] == [60, 120, 180]
    assert [str(one) for one in steps[0].step.notify] == [
        "schedule primary-oncall", "receiver pagerduty"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="name channels or an on_call_schedule"):
        EscalationPolicy.of_rule({"delay_minutes": 5})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "people: [ann, ben],",
            "people: [ann, zoe],",
            "schedules.primary: there is no person 'zoe'",
        ),
        ("schedule: daytime", "schedule: night", "there is no schedule 'night'"),
        ("team:db", "team:dbx", "escalation_policies.default.steps.1.notify: there is no team"),
        ("schedule:primary", "primary", "names nobody to page"),
        ("after: 10m", "after: 9d", "more than 7 days"),
        ("repeat_after: 1h", "repeat_after: 1s", "less than a minute"),
        ("after: 5m", "after: 2d", "more than a day"),
    ],
)
def test_a_document_that_cannot_be_is_refused_at_its_place(old: str, new: str, said: str):
    assert old in DOCUMENT
    with pytest.raises(ConfigurationError) as refused:
        read_oncall(DOCUMENT.replace(old, new))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "no YAML with names and values"),
        ("people: [", "no YAML"),
        ("people: &a {x: *a}", "an alias (*) that holds itself"),
    ],
)
def test_what_is_no_document_is_refused(text: str, said: str):
    with pytest.raises(ConfigurationError) as refused:
        read_oncall(text)
    assert said in str(refused.value)


def test_the_receivers_of_a_document_are_those_of_people_and_steps():
    assert read_oncall(DOCUMENT).receivers == {
        "ann-slack", "ann-sms", "ben-slack", "cem-slack", "ops-room"
    }  # fmt: skip


STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "after": st.integers(0, 3600),
            "notify": st.sampled_from(["schedule:primary", "team:web", "team:db", "person:ben"]),
        }
    ),
    min_size=1,
    max_size=5,
)


@given(
    steps=STEPS,
    repeat=st.integers(0, 3),
    severity=st.sampled_from(list(Severity)),
    minutes=st.integers(0, 60 * 24 * 10),
)
def test_steps_come_in_their_order_never_later_than_written_and_no_page_is_lost(
    steps: list[dict[str, Any]], repeat: int, severity: Severity, minutes: int
):
    given_policy = policy(steps, repeat=repeat)
    first = START + minutes * MINUTE
    found = list(planned(given_policy, severity, first, document(), nobody))
    assert [one.level for one in found] == list(range(1, len(steps) * (repeat + 1) + 1))
    dues = [one.due for one in found]
    assert dues == sorted(dues)
    for one, written in zip(found, steps_of(given_policy), strict=True):
        assert one.due <= first + written.offset
        assert bool(one.pages) != bool(one.missing)
        assert all(page.at >= one.due for page in one.pages)
