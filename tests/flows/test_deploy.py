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
pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("deploy")]

SHIPPED: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


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


REFUSED = {
    "trigger": ({"smallest_gb": -1}, "-1 is less than the minimum of 0"),
    "rule": ({"rule": {"name": "refused", "severity": "awful"}}, "'awful' is not one of"),
    "no name": ({"rule": {"every": "60s"}}, "{'every': '60s'} should not be valid"),
}
"""Parameters, and what is said about them."""


class Typed:
    """What was rolled out by commands, once for all tests: starting each would take seconds.

    Attributes:
        by_name: exit code and output of rolling out one by its name
        refusals: what was said about each of `REFUSED`, and about a trigger that does not exist
    """

    def __init__(self, server: PrefectServer, folder: Path) -> None:
        def file(name: str, entry: dict[str, Any]) -> list[str]:
            path = folder / f"{name}.yaml"
            path.write_text(yaml.safe_dump({"name": "test", "deployments": [entry]}))
            return ["--no-prompt", "deploy", "--all", "--prefect-file", str(path)]

        entries = {name: rule("refused") for name in REFUSED}
        for name, (parameters, _) in REFUSED.items():
            entries[name]["parameters"] |= parameters
        entries["unknown"] = rule("refused") | {"entrypoint": "flows.rules.disk_spice"}
        (code, printed), self.by_name, kept, *refused = server.commands(
            ["--no-prompt", "deploy", "--all"],
            ["--no-prompt", "deploy", "-n", "disk-space"],
            file("keeps-its-switch", rule("keeps-its-switch")),
            *(file(f"refused-{number}", entry) for number, entry in enumerate(entries.values())),
        )
        assert code == 0, printed
        assert kept[0] == 0, kept[1]
        assert all(code for code, _ in refused), refused
        self.refusals = dict(zip(entries, (printed for _, printed in refused), strict=True))


@pytest.fixture(scope="module")
def typed(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """Everything is rolled out, and one by its name once more."""
    return Typed(prefect_server, tmp_path_factory.mktemp("typed"))


@pytest.fixture
def rolled_out(typed: Typed, prefect_server: PrefectServer) -> PrefectServer:
    """The server that everything is rolled out to."""
    return prefect_server


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


def test_one_can_be_rolled_out_by_its_name(typed: Typed):
    code, printed = typed.by_name
    assert code == 0, printed
    assert "disk_space/disk-space" in printed


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


def test_deploying_again_keeps_switches_and_times(rolled_out: PrefectServer, tmp_path: Path):
    before = rolled_out.api.deployment_named("disk_space", "keeps-its-switch")
    (schedule,) = before["schedules"]
    httpx.patch(
        f"{rolled_out.url}/deployments/{before['id']}/schedules/{schedule['id']}",
        json={"active": False},
    ).raise_for_status()
    rolled_out.deploy(tmp_path, rule("keeps-its-switch", smallest_gb=1))
    after = rolled_out.api.deployment_named("disk_space", "keeps-its-switch")
    assert after["id"] == before["id"]
    assert after["parameters"]["smallest_gb"] == 1
    (kept,) = after["schedules"]
    assert not kept["active"]
    assert kept["id"] == schedule["id"]
    assert kept["schedule"]["anchor_date"] == schedule["schedule"]["anchor_date"]


@pytest.mark.parametrize("which", REFUSED)
def test_bad_parameters_are_refused_by_deploy(typed: Typed, which: str):
    said = " ".join(typed.refusals[which].split())
    assert REFUSED[which][1] in said, said[:2000]


def test_a_trigger_that_does_not_exist_is_refused(typed: Typed):
    assert "disk_spice" in typed.refusals["unknown"]
