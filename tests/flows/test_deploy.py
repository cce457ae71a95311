"""`prefect deploy` on a real server: what arrives there, what is refused, what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sentinel.duration import parse_duration
from sentinel.oncall.wake_delays import DELAYS
from sentinel.timing.schedule import anchor_for
from tests.prefect_server import ROOT, PrefectServer

# One group: each process of the suite that has one of these tests rolls everything out.
pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("deploy")]

SHIPPED: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


@pytest.fixture(scope="module")
def rolled_out(prefect_server: PrefectServer) -> PrefectServer:
    done = prefect_server.cli("--no-prompt", "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    return prefect_server


def rule(name: str, **parameters: Any) -> dict[str, Any]:
    """A deployment of a rule that ships nowhere."""
    return {
        "name": name,
        "entrypoint": "flows.rules.disk_space",
        "pull": [],
        "work_pool": {"name": "sentinel"},
        "parameters": {"rule": {"name": name, "every": "1h"}, **parameters},
        "schedules": [
            {
                "slug": "every",
                "interval": 3600,
                "anchor_date": anchor_for(name, parse_duration("1h")).isoformat(),
            }
        ],
    }


def refused(server: PrefectServer, folder: Path, deployment: dict[str, Any]) -> str:
    file = folder / "refused.yaml"
    file.write_text(yaml.safe_dump({"name": "test", "deployments": [deployment]}))
    done = server.cli("--no-prompt", "deploy", "--all", "--prefect-file", str(file))
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


@pytest.mark.slow
def test_everything_that_ships_arrives(rolled_out: PrefectServer):
    found = {one["name"]: one for one in rolled_out.api.deployments()}
    assert {one["name"] for one in SHIPPED} <= set(found)
    for shipped in SHIPPED:
        deployment = found[shipped["name"]]
        assert deployment["entrypoint"] == shipped["entrypoint"]
        assert deployment["work_pool_name"] == "sentinel"
        # Nothing of the machine that deployed it.
        assert deployment["pull_steps"] == []
        assert deployment["path"] is None


@pytest.mark.slow
def test_one_can_be_rolled_out_by_its_name(rolled_out: PrefectServer):
    done = rolled_out.cli("--no-prompt", "deploy", "-n", "disk-space")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "disk_space/disk-space" in done.stdout


def test_the_form_in_the_ui_has_help_and_bounds(rolled_out: PrefectServer):
    schema = rolled_out.api.deployment_named("cpu_usage", "cpu-high")["parameter_openapi_schema"]
    seconds = schema["properties"]["seconds"]
    assert (seconds["minimum"], seconds["maximum"]) == (0, 30)
    assert seconds["description"].startswith("measure over this many seconds")
    assert schema["definitions"]["Rule"]["properties"]["severity"]["enum"][0] == "critical"


def test_notify_is_woken_by_an_automation(rolled_out: PrefectServer):
    deployment = rolled_out.api.deployment_named("notify", "notify")
    (automation,) = (
        one for one in rolled_out.api.automations() if one["name"] == "sentinel-notify-on-wake"
    )
    assert automation["enabled"]
    assert automation["trigger"]["expect"] == ["sentinel.wake.requested"]
    (action,) = automation["actions"]
    assert action["deployment_id"] == deployment["id"]


def test_escalate_is_woken_at_once_or_after_the_delay_of_the_event(rolled_out: PrefectServer):
    deployment = rolled_out.api.deployment_named("escalate", "escalate")
    found = {
        one["trigger"]["match"]["prefect.resource.id"][-1]
        if isinstance(one["trigger"]["match"]["prefect.resource.id"], list)
        else one["trigger"]["match"]["prefect.resource.id"]: one["actions"][0]
        for one in rolled_out.api.automations()
        if one["actions"][0].get("deployment_id") == deployment["id"]
    }
    assert found.pop("sentinel.wake.escalate")["schedule_after"] == 0
    delays = {f"sentinel.escalation.armed.{after}": after for after in DELAYS[1:]}
    assert {name: action["schedule_after"] for name, action in found.items()} == delays


@pytest.mark.slow
def test_deploying_again_keeps_switches_and_times(prefect_server: PrefectServer, tmp_path: Path):
    prefect_server.deploy(tmp_path, rule("keeps-its-switch"))
    before = prefect_server.api.deployment_named("disk_space", "keeps-its-switch")
    (schedule,) = before["schedules"]
    httpx.patch(
        f"{prefect_server.url}/deployments/{before['id']}/schedules/{schedule['id']}",
        json={"active": False},
    ).raise_for_status()
    prefect_server.deploy(tmp_path, rule("keeps-its-switch", smallest_gb=1))
    after = prefect_server.api.deployment_named("disk_space", "keeps-its-switch")
    assert after["id"] == before["id"]
    assert after["parameters"]["smallest_gb"] == 1
    (kept,) = after["schedules"]
    assert not kept["active"]
    assert kept["id"] == schedule["id"]
    assert kept["schedule"]["anchor_date"] == schedule["schedule"]["anchor_date"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"smallest_gb": -1}, "-1 is less than the minimum of 0"),
        ({"rule": {"name": "refused", "severity": "awful"}}, "'awful' is not one of"),
        ({"rule": {"every": "60s"}}, "{'every': '60s'} should not be valid"),
    ],
    ids=["trigger", "rule", "no name"],
)  # fmt: skip
@pytest.mark.slow
def test_bad_parameters_are_refused_by_deploy(
    prefect_server: PrefectServer, tmp_path: Path, parameters: dict[str, Any], named: str
):
    deployment = rule("refused")
    deployment["parameters"] |= parameters
    said = " ".join(refused(prefect_server, tmp_path, deployment).split())
    assert named in said, said[:2000]


@pytest.mark.slow
def test_a_trigger_that_does_not_exist_is_refused(prefect_server: PrefectServer, tmp_path: Path):
    deployment = rule("refused") | {"entrypoint": "flows.rules.disk_spice"}
    assert "disk_spice" in refused(prefect_server, tmp_path, deployment)
