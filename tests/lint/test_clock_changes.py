"""Schedules that lose their hour, or an hour, where clocks change."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.lint.clock_changes import changes_of, refused, warned
from sentinel.lint.deployment_file import lint_file
from sentinel.timing.schedule import anchor_for

NOW = datetime(2026, 1, 10, tzinfo=UTC)
BERLIN = {"timezone": "Europe/Berlin"}


def test_the_changes_of_a_zone_are_found():
    spring, autumn, *_ = changes_of("Europe/Berlin", 2026)
    shown = [(f"{one.start:%m-%d %H:%M}", f"{one.end:%H:%M}") for one in (spring, autumn)]
    assert shown == [("03-29 02:00", "03:00"), ("10-25 02:00", "03:00")]
    assert [one.repeated for one in (spring, autumn)] == [False, True]
    half = changes_of("Australia/Lord_Howe", 2026)[0]
    assert half.end - half.start == timedelta(minutes=30)
    assert changes_of("Asia/Kathmandu", 2026) == ()


@pytest.mark.parametrize(
    ("zone", "interval", "says"),
    [
        ("Europe/Berlin", timedelta(days=1), 'write cron: "30 9 * * *"'),
        ("Europe/Berlin", timedelta(days=7), 'write cron: "30 9 * * thu"'),
        ("America/New_York", timedelta(days=2), "write cron instead"),
        ("Europe/Berlin", timedelta(hours=12), ""),
        ("Asia/Kathmandu", timedelta(days=1), ""),
        ("UTC", timedelta(days=1), ""),
        (None, timedelta(days=1), ""),
    ],
)
def test_an_interval_of_days_is_refused_where_clocks_change(
    zone: str | None, interval: timedelta, says: str
):
    anchor = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
    found = list(refused({"timezone": zone}, interval, anchor))
    assert [says in one for one in found] == [True] * bool(says)


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("30 2 * * *", ["asks for 02:30 on 2026-03-29, which does not exist"]),
        ("*/20 * * * *", ["asks for 02:00 on 2026-03-29", "nothing runs for 1h longer"]),
        ("0 * * * *", ["asks for 02:00 on 2026-03-29", "come twice on 2026-10-25"]),
        ("0 9 * * *", []),
        ("30 2 * * MON", []),  # clocks change on Sundays
        ("not a cron", []),
    ],
)
def test_what_a_cron_schedule_loses_is_a_warning(cron: str, says: list[str]):
    found = list(warned({"cron": cron, **BERLIN}, NOW))
    assert len(found) == len(says)
    assert all(words in one for words, one in zip(says, found, strict=True))
    assert list(warned({"cron": cron, "timezone": "UTC"}, NOW)) == []
    assert list(warned({"cron": cron}, NOW)) == []


def test_lint_refuses_and_warns(tmp_path: Path):
    rule: dict[str, Any] = {"name": "disk-space", "when": {"above": 90}}
    day = timedelta(days=1)
    anchor = anchor_for("disk-space", day).isoformat()
    deployment: dict[str, Any] = {
        "name": "disk-space", "entrypoint": "flows.rules.disk_space", "pull": [],
        "work_pool": {"name": "sentinel"}, "parameters": {"rule": {**rule, "every": "1d"}},
        "schedules": [{"slug": "a", "interval": 86_400, "anchor_date": anchor, **BERLIN}],
    }  # fmt: skip
    file = tmp_path / "prefect.yaml"

    def linted() -> list[tuple[bool, str]]:
        file.write_text(yaml.safe_dump({"deployments": [deployment]}))
        return [(one.warning, one.what) for one in lint_file(file)]

    (found,) = linted()
    assert not found[0]
    assert "runs an hour earlier or later" in found[1]
    deployment = copy.deepcopy(deployment)
    deployment["schedules"] = [{"slug": "a", "cron": "30 2 * * *", **BERLIN}]
    deployment["parameters"]["rule"] = rule
    (found,) = linted()
    assert found[0]
    assert "does not exist in Europe/Berlin" in found[1]
