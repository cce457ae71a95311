"""Rules out of a real Prefect server into a file, and back without a difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.access import Role
from sentinel.duration import parse_duration
from sentinel.lint.deployment_file import lint_files
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.separation import Separation
from sentinel.timing.schedule import anchor_for
from tests.cli.shell import Run
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect


def entry(name: str, **more: Any) -> dict[str, Any]:
    anchor = anchor_for(name, parse_duration("1h")).isoformat()
    return {
        "name": name, "tags": ["exported"], "entrypoint": "flows.rules.disk_space", "pull": [],
        "work_pool": {"name": "sentinel"},
        "parameters": {"ignore": ["/snap"], "rule": {"name": name, "every": "1h", "for": "2h"}},
        "schedules": [{"slug": "every", "interval": 3600, "anchor_date": anchor}],
        **more,
    }  # fmt: skip


@pytest.fixture
def rolled_out(connected: PrefectServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rules, one of them switched off."""
    monkeypatch.setenv("PREFECT_API_URL", connected.url)
    off = [{"slug": "night", "cron": "0 3 * * *", "timezone": "Europe/Berlin", "active": False}]
    one = entry("export-one")
    two = entry("export-two", schedules=off, concurrency_limit=1)
    two["parameters"]["rule"].pop("every")
    Path("first.yaml").write_text(yaml.safe_dump({"name": "x", "deployments": [one, two]}))
    code, out, err = run("deploy", "--file", "first.yaml")
    assert code == 0, out + err


@pytest.mark.usefixtures("rolled_out")
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_can_be_imported_and_changes_nothing(run: Run, form: str):
    file = f"rules.{form}"
    code, out, err = run(
        "rule", "export", "export-one", "export-two", "--format", form, "--output", file
    )
    assert (code, out) == (0, f"Exported 2 rules to {file}.\n"), err
    assert lint_files([Path(file)]) == []
    code, out, err = run("rule", "import", file, "--dry-run", "--json")
    assert code == 0, out + err
    found = json.loads(out)
    assert [one["name"] for one in found["unchanged"]] == ["export-one", "export-two"], found


@pytest.mark.usefixtures("rolled_out")
def test_the_import_deploys_an_edited_export(run: Run):
    out = run("rule", "export", "export-one")[1]
    Path("rules.yaml").write_text(out.replace("for: 2h", "for: 3h"))
    code, out, _ = run("rule", "import", "rules.yaml", "--dry-run")
    assert code == 0
    assert "export-one (rules.yaml) would be changed" in out
    assert run("rule", "import", "rules.yaml")[0] == 0
    assert "for: 3h" in run("rule", "export", "export-one")[1]


@pytest.mark.usefixtures("rolled_out")
def test_a_rule_that_is_not_deployed_is_reported(run: Run):
    code, _, err = run("rule", "export", "export-none")
    assert code != 0
    assert "Prefect has no deployment of the rule export-none" in err


@pytest.mark.slow
def test_a_critical_rule_is_rolled_out_once_a_second_person_approved_it(
    connected: PrefectServer, run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREFECT_API_URL", connected.url)
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    file = Path("critical.yaml")

    def deploys(length: str) -> tuple[int, str]:
        one = entry("export-critical")
        one["parameters"]["rule"] |= {"severity": "critical", "for": length}
        file.write_text(yaml.safe_dump({"name": "x", "deployments": [one]}))
        code, out, err = run("deploy", "--file", str(file))
        return code, out + err

    assert deploys("2h")[0] == 0, "a new rule waits for nobody"
    store = Store(migrated_url)
    People(store).create("bob", Role.EDITOR, password="seven green bicycles", actor="root")
    Separation(store).switch(None, on=True, actor="root")
    code, said = deploys("3h")
    assert (code, "waits for the approval of a second person" in said) == (1, True), said
    assert "for: 2h" in run("rule", "export", "export-critical")[1]
    (change,) = PendingChanges(store).list()
    assert [str(one) for one in change.differences] == ['rule.for: "2h" → "3h"']
    monkeypatch.setenv("SENTINEL_USER", "bob")
    assert "it is done by: sentinel deploy" in run("rule", "approve", change.id)[1]
    monkeypatch.setenv("SENTINEL_USER", "ada")
    assert deploys("4h")[0] == 1, "another difference than the one that was approved"
    assert deploys("3h")[0] == 0
    assert "for: 3h" in run("rule", "export", "export-critical")[1]
    assert PendingChanges(store).get(change.id).status == "applied"
    store.close()
