"""Packs and rule files are rolled out over HTTP, and by commands on another machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from sentinel.client import Client, packs, rule_files
from sentinel.errors import ConfigurationError, Conflict
from sentinel.rollout.files import read_documents
from sentinel.rollout.posted_files import reasons_against
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.on_prefect import deployments
from tests.api.served import TOKEN, served
from tests.cli.conftest import run  # noqa: F401 - a fixture  # pyright: ignore[reportUnusedImport]
from tests.cli.shell import Run
from tests.prefect_server import PrefectServer

PACK = "backups"


def written(**more: Any) -> str:
    """A file with one rule, and what else its entry says."""
    entry: dict[str, Any] = {
        "name": "sent-here", "entrypoint": "flows.rules.disk_space", "pull": [],
        "work_pool": {"name": "sentinel"}, "schedules": [],
        "parameters": {"rule": {"name": "sent-here", "every": "1h"}}, **more,
    }  # fmt: skip
    return yaml.safe_dump({"name": "tests", "deployments": [entry]})


def changes(steps: rule_files.RolledOut) -> set[str]:
    return {one.change for one in steps.steps}


@pytest.mark.prefect
def test_a_pack_is_planned_installed_and_removed_over_http(
    desk: httpx.Client, on_prefect: FastAPI, prefect_server: PrefectServer
):
    with served(on_prefect, lifespan="off") as url, Client(url, TOKEN) as sentinel:
        names = {rule.name for rule in sentinel.do(packs.pack(PACK)).rules}
        for name, there in deployments(prefect_server).items():
            if name in names:  # another test may have left them on this Prefect
                httpx.delete(f"{prefect_server.url}/deployments/{there['id']}").raise_for_status()
        planned = sentinel.do(packs.installation(PACK))
        assert {one.name for one in planned.steps} == names
        assert changes(planned) == {"created"}
        assert not names & deployments(prefect_server).keys()  # a plan changes nothing
        with pytest.raises(Conflict, match="changed it meanwhile"):
            sentinel.do(packs.install(PACK, version='"another"'))
        try:
            assert changes(sentinel.do(packs.install(PACK, version=planned.version))) == {"created"}
            there = deployments(prefect_server)
            assert names <= there.keys()
            assert changes(sentinel.do(packs.install(PACK))) == {"unchanged"}
            with pytest.raises(Conflict):  # what was planned is done
                sentinel.do(packs.install(PACK, version=planned.version))
            place = f"{prefect_server.url}/deployments/{there['backup-failed']['id']}"
            httpx.patch(place, json={"description": "Mine."}).raise_for_status()
            (edited,) = [
                one for one in sentinel.do(packs.installation(PACK)).steps
                if one.change != "unchanged"
            ]  # fmt: skip
            assert (edited.name, edited.edited) == ("backup-failed", True)
            assert [(one.place, one.there) for one in edited.differences] == [
                ("description", "Mine.")
            ]
        finally:
            found = sentinel.do(packs.removal(PACK))
            gone = sentinel.do(packs.remove(PACK, version=found.version))
        assert {one.name for one in gone.steps} == names
        assert changes(gone) == {"removed"}
        assert not names & deployments(prefect_server).keys()
        assert sentinel.do(packs.remove(PACK)).steps == []
    store = on_prefect.state.store
    kept = page(store, AuditFilter(actor="robot", actions=("rule.deployed", "rule.undeployed")))
    told = [(one.action, one.object_name) for one in kept.items if one.object_name in names]
    assert sorted(told) == sorted(
        (action, name) for action in ("rule.deployed", "rule.undeployed") for name in names
    )
    assert {one.door for one in kept.items} == {"api"}


@pytest.mark.prefect
def test_rule_files_are_compared_and_deployed_over_http_and_by_command(
    desk: httpx.Client,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    file = tmp_path / "rules.yaml"
    file.write_text(written())
    with served(on_prefect, lifespan="off") as url, Client(url, TOKEN) as sentinel:
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        code, out, err = run("rule", "import", str(file), "--dry-run", "--json")
        assert code == 0, err
        assert [one["name"] for one in json.loads(out)["created"]] == ["sent-here"]
        assert "sent-here" not in deployments(prefect_server)
        try:
            assert "sent-here" in run("rule", "import", str(file))[1]
            made = deployments(prefect_server)["sent-here"]
            assert made["labels"]["sentinel.origin"] == "sent/tests/rules.yaml"
            louder = {"rule": {"name": "sent-here", "every": "1h", "severity": "high"}}
            files = {"rules.yaml": written(parameters=louder)}
            planned = sentinel.do(rule_files.plan(files))
            (step,) = planned.steps
            assert [(one.place, one.there, one.here) for one in step.differences] == [
                ("rule.severity", None, "high")
            ]
            assert not step.edited
            done = sentinel.do(rule_files.apply(files, version=planned.version))
            assert changes(done) == {"changed"}
            assert changes(sentinel.do(rule_files.plan(files))) == {"unchanged"}
            code, out, err = run("rule", "export", "sent-here", "--format", "json")
            assert code == 0, err
            (exported,) = json.loads(out)["deployments"]
            assert exported["parameters"] == louder
            everything = yaml.safe_load(run("rule", "export")[1])["deployments"]
            assert "sent-here" in [one["name"] for one in everything]
            assert "deployment of the rule unknown" in run("rule", "export", "unknown")[2]
            assert "no readings of sent-here" in run("rule", "test", "sent-here")[2]
            foreign = {"bad.yaml": written(entrypoint="flows.sweep.sweep"), **files}
            steps = sentinel.do(rule_files.apply(foreign)).steps
            assert [one.change for one in steps] == ["refused", "unchanged"]
            code, out, err = run("pack", "install", PACK, "--dry-run")
            assert code == 0, err
            assert "would be created" in out
            code, out, _ = run("pack", "remove", PACK)
            nothing = f"nothing to remove: no rule of {PACK} is deployed"
            assert (code, out.split(" (")[0]) == (0, nothing)
            assert PACK in run("pack", "list")[1]
            assert "backup_fresh" in run("pack", "show", PACK)[1]
        finally:
            made = deployments(prefect_server)["sent-here"]
            httpx.delete(f"{prefect_server.url}/deployments/{made['id']}")
        with pytest.raises(ConfigurationError, match="has no list `deployments`"):
            sentinel.do(rule_files.plan({"rules.yaml": "a: b"}))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other code": ({"entrypoint": "flows.sweep.sweep"}, "is no rule of Sentinel"),
    "a method of a rule": ({"entrypoint": "flows.rules.disk_space.fn"}, "is no rule of Sentinel"),
    "no code": ({"entrypoint": None}, "is no rule of Sentinel"),
    "steps": ({"pull": [{"step": {"x": 1}}]}, "steps in `pull`"),
    "variables": ({"work_pool": {"name": "p", "job_variables": {"env": {}, "a": 1}}}, "work pool"),
    "Automations": ({"triggers": [{"enabled": True}]}, "triggers"),
    "another build": ({"build": [{"a": 1}]}, "build"),
    "a block": ({"description": "{{ prefect.blocks.secret.x }}"}, "template"),
    "the environment": ({"parameters": {"a": "{{ $HOME }}"}}, "template"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_sent_has_rules_and_nothing_that_runs_other_code(what: str):
    more, reason = REFUSED[what]
    (entry,) = read_documents({"rules.yaml": written(**more)})
    assert any(reason in one for one in reasons_against(entry))


MALFORMED = (
    "tags: 5", "tags: {a: b}", "concurrency_limit: abc", "concurrency_limit: [1]",
    "parameters: {true: 1}", "parameters: [1]",
    "schedules: 5", "schedules: [5]", "work_pool: sentinel", "triggers: [5]",
)  # fmt: skip


@pytest.mark.parametrize("line", MALFORMED)
def test_an_entry_of_another_shape_is_refused_with_its_field(line: str):
    head = "name: a\n  entrypoint: flows.rules.disk_space\n  pull: []"
    (entry,) = read_documents({"rules.yaml": f"deployments:\n- {head}\n  {line}\n"})
    (reason,) = reasons_against(entry)
    assert line.partition(":")[0] in reason or "as JSON" in reason
    assert len(entry.digest) == 16  # a plan with it has a version


def test_steps_of_a_whole_file_are_refused_too():
    text = written(pull=None).replace("  pull: null\n", "") + "pull: [{step: {a: 1}}]\n"
    (entry,) = read_documents({"rules.yaml": text})
    assert any("steps in `pull`" in one for one in reasons_against(entry))


def test_a_file_as_it_is_exported_may_be_sent():
    (entry,) = read_documents({"folder/rules.yaml": written(tags=["a"], paused=True)})
    assert (reasons_against(entry), entry.origin) == ([], "sent/tests/rules.yaml")


def test_without_prefect_and_with_too_much_nothing_is_done(client: httpx.Client):
    base = "/api/v1/alerts"
    asked: list[Callable[[], httpx.Response]] = [
        lambda: client.get(f"{base}/packs/{PACK}/installation"),
        lambda: client.put(f"{base}/packs/{PACK}/installation"),
        lambda: client.delete(f"{base}/packs/{PACK}/installation"),
        lambda: client.post(f"{base}/rule-files/apply", json={"document": {"a.yaml": written()}}),
    ]
    assert {one().status_code for one in asked} == {503}
    assert client.put(f"{base}/packs/nonesuch/installation").status_code == 404
    many = yaml.safe_dump({"deployments": [{"name": f"r{n}"} for n in range(1001)]})
    refused = client.post(f"{base}/rule-files/plan", json={"document": {"a.yaml": many}})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "document")
