"""Rolling out to a real Prefect server: what arrives, what is kept, what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import yaml

from flows import flow_facts
from sentinel.cli.drift import drift_here
from sentinel.duration import parse_duration
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.files import packs, read_files
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.plan import Step
from sentinel.timing.schedule import anchor_for
from tests.prefect_server import ROOT, PrefectServer

pytestmark = pytest.mark.prefect

SETS = {"after", "expect", "for_each"}
"""What Prefect keeps as sets, and returns as lists in any order."""
OF_ITS_MAKING = {"id", "created", "updated", "last_polled", "status", "labels"}


def rule(name: str, **more: Any) -> dict[str, Any]:
    """An entry of a rule that ships nowhere."""
    return {
        "name": name,
        "tags": ["rolled-out"],
        "entrypoint": "flows.rules.disk_space",
        "pull": [],
        "work_pool": {"name": "sentinel"},
        "parameters": {"rule": {"name": name, "every": "1h"}},
        "schedules": [
            {
                "slug": "every",
                "interval": 3600,
                "anchor_date": anchor_for(name, parse_duration("1h")).isoformat(),
            }
        ],
        **more,
    }


EVERY_KIND = [
    rule("kind-cron", schedules=[{"slug": "night", "cron": "0 3 * * *", "timezone": "UTC"}]),
    rule("kind-cron-and", schedules=[{"slug": "day", "cron": "0 3 1 * 1", "day_or": False}]),
    rule("kind-rrule", schedules=[{"slug": "yearly", "rrule": "FREQ=YEARLY", "timezone": "UTC"}]),
    rule("kind-off", schedules=[{"slug": "off", "cron": "* * * * *", "active": False}]),
    rule("kind-paused", paused=True),
    rule("kind-none", schedules=[]),
    rule("kind-one-at-a-time", concurrency_limit=1),
    rule("kind-limit", concurrency_limit={"limit": 2, "collision_strategy": "CANCEL_NEW"}),
    rule("kind-queue", work_pool={"name": "sentinel", "work_queue_name": "slow"}),
    rule("kind-job", work_pool={"name": "sentinel", "job_variables": {"env": {"A": "1"}}}),
    rule("kind-version", version="7", description="Its own words."),
    rule(
        "kind-own", schedules=[{"slug": "own", "cron": "1 * * * *", "parameters": {"ignore": []}}]
    ),
    rule("kind-environment", description="of {{ $USER_OF_THIS }}"),
]


class Rollouts:
    """Rolls files out to a server, and looks at what came of it."""

    def __init__(self, server: PrefectServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.api = RolloutApi(server.url)
        self.asked = 0

    def facts(self) -> Any:
        self.asked += 1
        return flow_facts

    def file(self, *entries: dict[str, Any], name: str = "rules.yaml") -> Path:
        path = self.folder / name
        # A project of this test's own, so that it removes nothing of another's.
        project = f"project-{self.folder.name}"
        path.write_text(yaml.safe_dump({"name": project, "deployments": list(entries)}))
        return path

    def plan(self, *paths: Path, **more: Any) -> list[Step]:
        known = FlowCache(self.facts, self.folder / "facts.json")
        return plan_rollout(self.api, read_files(paths), known, **more)

    def roll_out(self, *paths: Path, **more: Any) -> list[Step]:
        return apply_plan(self.api, self.plan(*paths, **more))

    def prefect_deploy(self, *paths: Path) -> None:
        """Roll the files' deployments out by the command, as one file: it starts for seconds."""
        whole = [one for path in paths for one in yaml.safe_load(path.read_text())["deployments"]]
        file = self.folder / "by-prefect.yaml"
        file.write_text(yaml.safe_dump({"name": "by-prefect", "deployments": whole}))
        # Outside a repository: within one, that command takes the commit for a version.
        done = self.server.cli(
            "--no-prompt", "deploy", "--all", "--prefect-file", str(file),
            GIT_DIR=str(self.folder), USER_OF_THIS="ada",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def deployment(self, name: str, flow: str = "disk_space") -> dict[str, Any]:
        return self.api.deployment_named(flow, name)

    def there(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Everything that the API says of them and their Automations, without what is made."""
        found: dict[str, dict[str, Any]] = {}
        listed = [(str(one["actions"]), _plain(one)) for one in self.api.automations()]
        for one in self.api.live(names):
            automations = [automation for actions, automation in listed if one.id in actions]
            automations.sort(key=lambda automation: automation["name"])
            whole = {"deployment": _plain(one.deployment), "automations": automations}
            # A limit of its own is named for its id.
            found[one.name] = json.loads(json.dumps(whole).replace(one.id, "its id"))
        return found

    def delete(self, names: Sequence[str]) -> None:
        for one in self.api.live(names):
            self.api.delete_deployment(one.id)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {
            k: sorted(cast("list[str]", v)) if k in SETS and isinstance(v, list) else _plain(v)
            for k, v in mapping.items() if k not in OF_ITS_MAKING
        }  # fmt: skip
    return [_plain(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value


@pytest.fixture
def rollouts(connected: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("USER_OF_THIS", "ada")
    rollouts = Rollouts(connected, tmp_path)
    yield rollouts
    rollouts.api.close()


def kinds(steps: Sequence[Step]) -> dict[str, str]:
    return {step.name: step.kind for step in steps}


@pytest.mark.slow
def test_it_makes_and_changes_deployments_exactly_as_prefect_deploy(rollouts: Rollouts):
    changed = rule("alters", description="Another.", tags=["rolled-out", "new"])
    changed["parameters"]["smallest_gb"] = 2
    before = rollouts.file(rule("alters"), name="before.yaml")
    paths = [ROOT / "prefect.yaml", *packs().values(), rollouts.file(*EVERY_KIND, changed)]
    names = [entry.name for entry in read_files(paths)]
    rollouts.api.put_secret("database-url", "sqlite://")  # what the pack of databases asks for
    rollouts.delete(names)
    rollouts.prefect_deploy(*paths)
    by_prefect = rollouts.there(names)
    assert set(by_prefect) == set(names)
    # What that command has rolled out is as it should be: nothing is left to do.
    assert {
        step.name: step.differences for step in rollouts.plan(*paths) if step.kind != "unchanged"
    } == {}
    rollouts.delete(names)
    rollouts.roll_out(before)
    made = dict.fromkeys(names, "created") | {"alters": "changed"}
    assert kinds(rollouts.roll_out(*paths)) == made
    by_us = rollouts.there(names)
    for name in names:
        assert by_us[name] == by_prefect[name], name
    assert set(kinds(rollouts.plan(*paths)).values()) == {"unchanged"}


def test_only_changed_deployments_are_sent(rollouts: Rollouts):
    rollouts.roll_out(rollouts.file(rule("altered"), rule("stays")))
    before = rollouts.deployment("stays")
    path = rollouts.file(rule("altered", description="Another."), rule("stays"))
    assert kinds(rollouts.roll_out(path)) == {"altered": "changed", "stays": "unchanged"}
    assert rollouts.deployment("stays") == before
    assert rollouts.deployment("altered")["description"] == "Another."


def test_switches_stay_where_users_left_them(rollouts: Rollouts):
    rollouts.roll_out(rollouts.file(rule("switched"), rule("paused-by-hand")))
    switched = rollouts.deployment("switched")
    (schedule,) = switched["schedules"]
    place = f"{rollouts.server.url}/deployments"
    httpx.patch(
        f"{place}/{switched['id']}/schedules/{schedule['id']}", json={"active": False}
    ).raise_for_status()
    paused = rollouts.deployment("paused-by-hand")
    httpx.patch(f"{place}/{paused['id']}", json={"paused": True}).raise_for_status()
    path = rollouts.file(
        rule("switched", description="A."), rule("paused-by-hand", description="B.")
    )
    assert set(kinds(rollouts.roll_out(path)).values()) == {"changed"}
    after = rollouts.deployment("switched")
    assert (after["id"], after["description"]) == (switched["id"], "A.")
    assert [one["active"] for one in after["schedules"]] == [False]
    assert rollouts.deployment("paused-by-hand")["paused"]


def test_automations_are_made_anew_only_when_they_changed_and_keep_their_switch(rollouts: Rollouts):
    def woken(expect: str, **more: Any) -> dict[str, Any]:
        trigger = {"name": "wakes-it", "type": "event", "expect": [expect], **more}
        return rule("woken", triggers=[trigger])

    def automations() -> list[dict[str, Any]]:
        return [one for one in rollouts.api.automations() if one["name"] == "wakes-it"]

    rollouts.roll_out(rollouts.file(woken("first")))
    (first,) = automations()
    rollouts.api.switch_automation(first["id"], on=False)
    assert kinds(rollouts.roll_out(rollouts.file(woken("first")))) == {"woken": "unchanged"}
    assert [one["id"] for one in automations()] == [first["id"]]
    assert kinds(rollouts.roll_out(rollouts.file(woken("second")))) == {"woken": "changed"}
    (second,) = automations()
    assert (second["trigger"]["expect"], second["enabled"]) == (["second"], False)
    assert kinds(rollouts.roll_out(rollouts.file(rule("woken")))) == {"woken": "changed"}
    assert automations() == []


def test_an_edit_in_prefect_is_shown_and_reset(rollouts: Rollouts):
    path = rollouts.file(rule("drifts"))
    rollouts.roll_out(path)
    deployment = rollouts.deployment("drifts")
    edited = {"rule": {**deployment["parameters"]["rule"], "severity": "info"}}
    httpx.patch(
        f"{rollouts.server.url}/deployments/{deployment['id']}", json={"parameters": edited}
    ).raise_for_status()
    (step,) = rollouts.plan(path)
    assert (step.kind, step.drift) == ("changed", True)
    assert [str(one) for one in step.differences] == [
        "rule.severity: info in Prefect, nothing in the file"
    ]
    assert rollouts.deployment("drifts")["parameters"] == edited  # looking changes nothing
    rollouts.roll_out(path)
    assert rollouts.deployment("drifts")["parameters"] == deployment["parameters"]


def test_a_rule_shows_where_it_was_edited(rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_HOME", str(rollouts.folder))
    monkeypatch.setenv("PREFECT_API_URL", rollouts.server.url)
    # An equal one of `prefect deploy` would stay as it is, without the digest of the file.
    rollouts.delete(["disk-space"])
    rollouts.roll_out(ROOT / "prefect.yaml")
    before = drift_here("disk-space")
    assert (before.file, before.differences) == ("sentinel/prefect.yaml", [])
    deployment = rollouts.deployment("disk-space")
    httpx.patch(
        f"{rollouts.server.url}/deployments/{deployment['id']}", json={"description": "Mine."}
    ).raise_for_status()
    after = drift_here("disk-space")
    assert after.edited
    assert "description: Mine. in Prefect" in str(after.differences[0])
    assert drift_here("disk-space", "acme").file is None  # the deployment is another tenant's
    assert drift_here("a-rule-of-no-file").file is None
    rollouts.roll_out(ROOT / "prefect.yaml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parameters": {"rule": {"name": "bad", "every": "1h", "severity": "awful"}}}, "severity"),
        (
            {"parameters": {"smallest_gb": -1, "rule": {"name": "bad", "every": "1h"}}},
            "must be between 0 and 1000000, got -1",
        ),
        ({"parameters": {"sise": 1, "rule": {"name": "bad"}}}, "no parameter 'sise'"),
        ({"entrypoint": "flows.rules.disk_spice"}, "there is no trigger 'disk_spice'"),
        ({"work_pool": {"name": "none"}}, 'Work pool "none" not found'),
        ({"pull": None}, "Write `pull: \\[\\]`"),
        ({"build": [{"prefect.deployments.steps.run_shell_script": {"script": "true"}}]}, "build"),
        ({"triggers": [{"type": "evnt"}]}, "triggers: bad__automation_1"),
    ],
)  # fmt: skip
def test_an_invalid_entry_is_refused_and_the_others_are_deployed(
    rollouts: Rollouts, more: dict[str, Any], said: str
):
    good, bad = rollouts.roll_out(rollouts.file(rule("good"), rule("bad", **more)))
    assert good.kind in ("created", "unchanged")
    assert bad.kind == "refused"
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(" ".join(bad.reasons))
    assert rollouts.api.live(["bad"]) == []


def test_a_secret_that_is_not_there_is_asked_for(rollouts: Rollouts):
    entry = rule("secretive", entrypoint="flows.rules.database_up")
    entry["parameters"]["databases"] = {"shop": "{secret:shop-address}"}
    (step,) = rollouts.plan(rollouts.file(entry))
    assert step.kind == "refused"
    assert "the Secret block shop-address, which Prefect does not have" in step.reasons[0]
    rollouts.api.put_secret("shop-address", "sqlite://")
    assert kinds(rollouts.plan(rollouts.file(entry))) == {"secretive": "created"}


def test_removing_is_asked_for(rollouts: Rollouts):
    rollouts.roll_out(rollouts.file(rule("goes"), rule("remains")))
    path = rollouts.file(rule("remains"))
    assert kinds(rollouts.roll_out(path)) == {"remains": "unchanged"}
    assert kinds(rollouts.plan(path, remove=True)) == {
        "remains": "unchanged",
        "goes": "removed",
    }
    rollouts.roll_out(path, remove=True)
    assert rollouts.api.live(["goes"]) == []


def test_prefect_is_asked_about_forms_only_when_code_changed(rollouts: Rollouts):
    path = rollouts.file(rule("asks-once"))
    rollouts.roll_out(path)
    assert rollouts.asked == 1
    rollouts.roll_out(path)
    rollouts.roll_out(rollouts.file(rule("asks-once", description="Changed.")))
    assert rollouts.asked == 1


def test_a_text_that_prefect_would_empty_is_refused(rollouts: Rollouts):
    entry = rule("double-braces")
    entry["parameters"]["rule"]["annotations"] = {"summary": "{{ $labels.mount }} is full"}
    (step,) = rollouts.plan(rollouts.file(entry))
    assert step.kind == "refused"
    assert "write {labels.mount}" in " ".join(step.reasons)
    entry["parameters"]["rule"]["annotations"] = {"summary": "{labels.mount} is full"}
    assert kinds(rollouts.plan(rollouts.file(entry))) == {"double-braces": "created"}


def test_a_receiver_that_is_not_there_is_refused_where_the_database_can_be_asked(
    rollouts: Rollouts,
):
    entry = rule("unheard")
    entry["parameters"]["rule"]["receivers"] = ["default", "nobody"]
    file = rollouts.file(entry)
    (step,) = rollouts.plan(file, receivers=[])
    assert step.kind == "refused"
    assert "sentinel receiver set nobody" in " ".join(step.reasons)
    for known in (["nobody"], None):
        assert kinds(rollouts.plan(file, receivers=known)) == {"unheard": "created"}
