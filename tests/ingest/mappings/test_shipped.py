"""Each shipped mapping on what its vendor documents, and on the other states of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.checks.reading import Reading, checked
from sentinel.ingest.mappings.apply import Mapped, mapped
from sentinel.ingest.mappings.catalog import SHIPPED, Catalog
from sentinel.ingest.mappings.envelopes import notification

SAMPLES = Path(__file__).parent / "samples"
CATALOG = Catalog()


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def changed(body: Any, changes: Mapping[str, Any]) -> Any:
    """The body with other values at paths such as `data.issue.level`."""
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = body
        for one in parents:
            place = place[one]
        place[last] = value
    return body


def made(name: str, of: str = "", **changes: Any) -> Mapped:
    given = sample(of or name)
    body = changed(given["body"], {key.replace("__", "."): one for key, one in changes.items()})
    headers = {key.lower().replace("-", "_"): one for key, one in given["headers"].items()}
    mapping = CATALOG.get(name)
    if mapping.document.envelope == "sns":
        body = notification(body)
    return mapped(mapping, body, headers)


def reading(name: str, of: str = "", **changes: Any) -> Reading:
    found = made(name, of, **changes)
    assert found.arrived.refused == []
    (one,) = found.arrived.readings
    return checked(one)


def seen(one: Reading) -> tuple[bool | None, str | None, Mapping[str, str]]:
    return one.firing, one.severity, one.labels


def test_every_shipped_mapping_has_a_documented_sample_with_its_source_and_date():
    names = {path.stem for path in SHIPPED.glob("*.yaml")}
    assert names == {one.name for one in CATALOG.all()}
    assert names <= {path.stem.partition("-metric")[0].partition("-issue")[0] for path in
                     SAMPLES.glob("*.json")}  # fmt: skip
    for path in SAMPLES.glob("*.json"):
        given = json.loads(path.read_text())
        assert given["source"], path
        assert "2026-11-30" in given["read"], path  # what of it was read, and when


def test_github_a_workflow_of_a_branch_is_an_alert_that_a_success_ends():
    labels = {
        "alertname": "workflow failed", "repository": "octo-org/octo-repo", "workflow": "test",
        "branch": "master",
    }  # fmt: skip
    documented = reading("github")
    assert seen(documented) == (False, "high", labels)
    failed = reading("github", workflow_run__conclusion="failure")
    assert seen(failed) == (True, "high", labels)
    assert failed.summary == "Workflow test of octo-org/octo-repo: failure"
    assert failed.annotations is not None
    assert failed.annotations["source_url"].endswith("/actions/runs/289782451")
    assert reading("github", workflow_run__head_branch="topic").severity == "low"
    assert made("github", workflow_run__conclusion="cancelled").ignored
    assert made("github", action="requested").ignored


def test_gitlab_a_pipeline_of_a_branch_is_an_alert_that_a_success_ends():
    labels = {
        "alertname": "pipeline failed", "project": "gitlab-org/gitlab-test", "branch": "master"
    }  # fmt: skip
    assert seen(reading("gitlab")) == (False, "high", labels)
    failed = reading("gitlab", object_attributes__status="failed")
    assert seen(failed) == (True, "high", labels)
    assert failed.summary == "Pipeline of gitlab-org/gitlab-test (master): failed"
    assert made("gitlab", object_attributes__status="running").ignored
    assert made("gitlab", object_kind="push").ignored


def test_sentry_a_metric_alert_fires_by_its_action_and_resolves():
    labels = {"alertname": "Too many errors", "project": "bar"}
    assert seen(reading("sentry", "sentry-metric")) == (False, "high", labels)
    assert seen(reading("sentry", "sentry-metric", action="warning")) == (True, "warning", labels)
    worst = reading("sentry", "sentry-metric", action="critical")
    assert seen(worst) == (True, "critical", labels)
    assert worst.annotations is not None
    assert worst.annotations["source_url"] == "https://sentry.io/organizations/baz/alerts/1/"


def test_sentry_an_issue_is_one_alert_however_it_is_reported():
    labels = {"alertname": "sentry issue", "project": "front-end", "issue": "1170820242"}
    created = reading("sentry", "sentry-issue")
    assert seen(created) == (True, "high", labels)
    assert created.summary == "ReferenceError: blooopy is not defined"
    assert seen(reading("sentry", "sentry-issue", action="resolved")) == (False, "high", labels)
    assert reading("sentry", "sentry-issue", data__issue__level="fatal").severity == "critical"
    assert made("sentry", "sentry-issue", action="assigned").ignored


def test_uptime_kuma_a_monitor_that_is_down_fires_until_it_is_up():
    labels = {"alertname": "monitor down", "monitor": "Shop", "monitor_id": "7"}
    assert seen(reading("uptime-kuma")) == (True, "high", labels)
    assert seen(reading("uptime-kuma", heartbeat__status=1)) == (False, "high", labels)
    assert made("uptime-kuma", heartbeat__status=2).ignored
    notice: dict[str, Any] = {"heartbeat": None, "monitor": None}
    expiring = reading("uptime-kuma", **notice, msg="[Shop][https] certificate expires in 7 days")
    assert (expiring.firing, expiring.severity) == (True, "warning")
    assert made("uptime-kuma", **notice, msg="My webhook Testing").ignored


def test_healthchecks_a_check_that_is_down_fires_until_it_is_up():
    down = reading("healthchecks")
    code = "6f1c9f3e-6c1b-4e0e-9a0e-1a2b3c4d5e6f"
    labels = {"alertname": "check down", "check": "nightly backup", "code": code}
    assert seen(down) == (True, "high", labels)
    assert down.started is not None
    assert down.started.isoformat() == "2026-11-30T02:10:00+00:00"
    up = reading("healthchecks", status="up")
    assert up.firing is False
    assert up.ended == down.started


@pytest.mark.parametrize(
    ("transition", "firing"),
    [
        ("Triggered", True),
        ("Re-Triggered", True),
        ("No Data", True),
        ("Renotify", True),
        ("Recovered", False),
    ],
)
def test_datadog_a_monitor_fires_by_its_transition(transition: str, firing: bool):
    one = reading("datadog", transition=transition)
    assert (one.firing, one.severity) == (firing, "critical")
    assert one.labels["key"] == "9bd4ac313a4d1e8fae2482df7b77628"
    assert reading("datadog", priority="P4").severity == "low"
    assert made("datadog", transition="Something new").ignored


@pytest.mark.parametrize(
    ("state", "firing"), [("ACTIVATED", True), ("ACKNOWLEDGED", True), ("CLOSED", False)]
)
def test_new_relic_an_issue_fires_by_its_state(state: str, firing: bool):
    one = reading("new-relic", state=state)
    issue = "d1b1f3fd-995a-4066-88ab-8ce4f6960654"
    assert seen(one) == (firing, "critical", {"alertname": "condition1", "issue": issue})
    assert one.started is not None
    assert one.started.year == 2021


def test_aws_an_alarm_of_cloudwatch_fires_until_it_is_ok():
    alarm = reading("aws-sns")
    labels = {
        "alertname": "EXAMPLE", "topic": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "region": "EXAMPLE", "account": "123456789012",
    }  # fmt: skip
    assert seen(alarm) == (True, "high", labels)
    assert alarm.annotations is not None
    assert alarm.annotations["description"].startswith("Threshold Crossed")
    text = cast("str", sample("aws-sns")["body"]["Message"])
    assert seen(reading("aws-sns", Message=text.replace('"ALARM"', '"OK"'))) == (
        False, "high", labels,
    )  # fmt: skip
    plain = reading("aws-sns", Message="the disk is full")
    assert (plain.firing, plain.labels["alertname"]) == (True, "TestInvoke")
