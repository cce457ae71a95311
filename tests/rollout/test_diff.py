"""What differs between a file and Prefect, and what is said of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.errors import ConfigurationError, NotFound, RuleError
from sentinel.rollout.desired import desired_of, is_templated
from sentinel.rollout.diff import automations_differ, differences
from sentinel.rollout.files import pack_file, packs, read_files
from sentinel.timing.schedule import anchor_for
from tests.rollout.entries import FACTS, entry, live


def test_the_same_is_the_same_however_it_is_written():
    assert differences(desired_of(entry(), FACTS), live()) == []


def test_a_schedules_switch_is_its_users():
    desired = desired_of(entry(), FACTS)
    (schedule,) = live()["schedules"]
    assert differences(desired, live(schedules=[{**schedule, "active": True}])) == []
    assert "active" not in desired.body["schedules"][0]


def test_an_anchor_that_the_file_leaves_out_follows_from_the_name():
    left_out = entry(schedules=[{"slug": "every", "interval": 60}])
    (schedule,) = desired_of(left_out, FACTS).body["schedules"]
    follows = anchor_for("full", timedelta(seconds=60)).isoformat()
    assert schedule["schedule"]["anchor_date"] == follows
    assert differences(desired_of(left_out, FACTS), live(schedules=[schedule])) == []


@pytest.mark.parametrize(
    ("there", "differs"),
    [("954d82b", False), (None, False), ("", False), ("b" * 32, True), ("a" * 32, False)],
)
def test_the_commit_that_prefect_deploy_takes_for_a_version_is_no_drift(
    there: str | None, differs: bool
):
    facts = msgspec.structs.replace(FACTS, version="a" * 32)
    found = differences(desired_of(entry(), facts), live(version=there))
    assert [one.place for one in found] == (["version"] if differs else [])
    written = differences(desired_of(entry(version="1.2"), facts), live(version=there))
    assert [one.place for one in written] == ["version"]


def test_an_edited_threshold_is_named_as_in_the_file():
    edited = {"rule": {"name": "full", "every": "60s", "when": {"above": 90}, "severity": "low"}}
    said = [str(one) for one in differences(desired_of(entry(), FACTS), live(parameters=edited))]
    assert said == [
        "rule.when.above: 90 in Prefect, 95 in the file",
        "rule.severity: low in Prefect, nothing in the file",
    ]


OTHERWISE: list[tuple[dict[str, Any], str]] = [
    ({"description": "Other."}, "description"),
    ({"tags": ["disk"]}, "tags"),
    ({"work_queue_name": "slow"}, "work_queue_name"),
    ({"work_pool_name": "other"}, "work_pool_name"),
    ({"pull_steps": [{"prefect.deployments.steps.git_clone": {}}]}, "pull_steps"),
    ({"job_variables": {"env": {}}}, "job_variables"),
    ({"enforce_parameter_schema": False}, "enforce_parameter_schema"),
    ({"global_concurrency_limit": {"limit": 3}}, "concurrency_limit"),
    ({"parameter_openapi_schema": {}}, "form"),
    ({"version": "2"}, "version"),
    ({"schedules": []}, "schedules.every"),
]


@pytest.mark.parametrize(("there", "place"), OTHERWISE)
def test_whatever_else_was_changed_is_seen(there: dict[str, Any], place: str):
    assert [one.place for one in differences(desired_of(entry(), FACTS), live(**there))] == [place]


def test_a_schedule_that_a_user_added_is_seen():
    (schedule,) = live()["schedules"]
    added = {"slug": "night", "schedule": {"cron": "0 3 * * *", "timezone": "UTC", "day_or": True}}
    (one,) = differences(desired_of(entry(), FACTS), live(schedules=[schedule, added]))
    assert str(one).startswith('schedules.night: {"cron":"0 3 * * *"')
    assert one.here is None


def test_another_kind_of_schedule_in_its_place_is_seen():
    cron = {"slug": "every", "schedule": {"cron": "* * * * *", "timezone": "UTC", "day_or": True}}
    found = differences(desired_of(entry(), FACTS), live(schedules=[cron]))
    assert "schedules.every" in [one.place for one in found]


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"build": [{"step": {}}]}, "it has build steps"),
    ({"pull": None}, "it has no `pull`"),
    ({"work_pool": {}}, "it has no work pool"),
    ({"schedules": [{"slug": "every"}]}, "neither interval, cron nor rrule"),
    ({"schedules": [{"slug": "every", "interval": "soon"}]}, "'soon' is not a duration"),
    (
        {"schedules": [{"slug": "every", "interval": 60, "anchor_date": "then"}]},
        "'then' is not a time",
    ),
]


@pytest.mark.parametrize(("more", "said"), UNUSABLE)
def test_an_invalid_entry_is_refused_with_its_reason(more: dict[str, Any], said: str):
    with pytest.raises(RuleError, match=said):
        desired_of(entry(**more), FACTS)


def test_only_text_that_prefect_fills_in_is_a_template():
    assert not is_templated(entry(description="{value} of {mount}"))
    assert is_templated(entry(tags=["{{ $TEAM }}"]))


def test_an_automations_switch_is_its_users():
    desired: list[dict[str, Any]] = [
        {"name": "wake", "enabled": True, "trigger": {"expect": ["a"]}, "actions": []}
    ]
    there: dict[str, Any] = {"name": "wake", "enabled": False, "id": "1", "actions": []}
    assert not automations_differ(desired, [{**there, "trigger": {"expect": ["a"], "id": "2"}}])
    assert automations_differ(desired, [{**there, "trigger": {"expect": ["b"], "id": "2"}}])
    assert automations_differ(desired, [])


def test_the_events_that_an_automation_expects_have_no_order():
    desired: list[dict[str, Any]] = [{"name": "wake", "trigger": {"expect": ["a", "b"]}}]
    assert not automations_differ(desired, [{"name": "wake", "trigger": {"expect": ["b", "a"]}}])
    assert automations_differ(desired, [{"name": "wake", "trigger": {"expect": ["b", "c"]}}])


def test_an_invalid_file_is_named(tmp_path: Path):
    for text, said in (
        ("- 1", "no list `deployments`"),
        ("a: [", "cannot be read"),
        ("a: 2026-02-30", "cannot be read"),
    ):
        (tmp_path / "rules.yaml").write_text(text)
        with pytest.raises(ConfigurationError, match=said):
            read_files([tmp_path / "rules.yaml"])
    with pytest.raises(ConfigurationError, match="there is no file"):
        read_files([tmp_path / "none.yaml"])
    with pytest.raises(NotFound, match=f"Packs: {', '.join(packs())}"):
        pack_file("none")
