"""`sentinel orchestration …` as a person and CI meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.checks.reading import Reading
from sentinel.cli.exit_codes import Exit
from sentinel.ingest.arrivals import Message, arrive
from tests.cli.shell import Run
from tests.docs.pages import DOCS, blocks
from tests.world import World

RULES = """
rules:
  - {name: owners, enrich: {table: hosts, where: {host: labels.host}, set: {owner: team}}}
  - {name: quiet, matchers: env="dev", set: {severity: low}}
  - {name: waits, matchers: env="test", hold: 10m}
tests:
  - {alert: {labels: {host: a, env: dev}}, expect: {severity: low, owner: shop}}
"""


@pytest.fixture
def file(run: Run, tmp_path: Path) -> str:
    path = tmp_path / "orchestration.yaml"
    path.write_text(RULES, "utf-8")
    (tmp_path / "hosts.csv").write_text("host,team\na,shop\n", "utf-8")
    return str(path)


def test_check_needs_no_database_and_reads_tables_beside_the_rules(run: Run, file: str):
    code, out, _ = run("orchestration", "check", file)
    assert (code, out) == (0, f"{file}: 3 rules, 1 test passed.\n")
    Path(file).write_text(RULES.replace("hold: 10m", "hold: ten"), "utf-8")
    code, _, err = run("orchestration", "check", file)
    assert code == Exit.USAGE
    assert "line 5, column 41: rules" in err


def test_the_rules_that_the_page_begins_with_pass_their_own_tests(run: Run, tmp_path: Path):
    page = DOCS / "how-to/orchestrate-what-comes-in.md"
    (shown,) = [one for one in blocks(page) if one.file == "orchestration.yaml"]
    copied = tmp_path / "orchestration.yaml"
    copied.write_text(shown.text, "utf-8")
    code, out, err = run("orchestration", "check", str(copied))
    assert (code, err, "1 test passed" in out) == (0, "", True)


def test_rules_are_tried_replayed_applied_and_rolled_back(run: Run, world: World, file: str):
    reading = Reading(labels={"host": "a", "env": "dev"}, firing=True, severity="high")
    arrive(world.store, Message(sender="prometheus", tenant="default", readings=[reading]))
    table = str(Path(file).with_name("hosts.csv"))
    assert run("orchestration", "table", "set", "hosts", table)[0] == 0
    code, out, _ = run("orchestration", "test", "env=test", "host=a", "--file", file)
    assert code == 0
    assert out.startswith("Held back until it has lasted 10m, by the rule 'waits'.")
    assert "owner: '' -> 'shop'" in out
    code, out, _ = run("orchestration", "replay", file, "--since", "366d", "--json")
    found = json.loads(out)
    assert (found["alerts"], found["changed"]) == (1, 1)
    assert found["examples"][0]["changes"]["severity"] == ["high", "low"]
    assert run("orchestration", "shadow", "start", file)[0] == 0
    code, out, _ = run("orchestration", "apply", file, "-m", "first")
    assert (code, out) == (0, "Version 1 of the orchestration is active.\n")
    code, out, _ = run("orchestration", "shadow", "report")
    assert (code, "0 differ" in out) == (0, True)
    assert run("orchestration", "shadow", "stop")[0] == 0
    assert run("orchestration", "show")[1].strip() == RULES.strip()
    assert "first" in run("orchestration", "history")[1]
    assert "hosts" in run("orchestration", "table", "list")[1]
    code, _, err = run("orchestration", "table", "rollback", "hosts", "0")
    assert code == Exit.USAGE
    assert "the active rules enrich from the table hosts" in err
    assert run("orchestration", "rollback", "0")[0] == 0
    assert run("orchestration", "table", "rollback", "hosts", "0")[0] == 0
    assert run("orchestration", "table", "list")[1] == "There are no tables.\n"
    assert "rolled back to 0" in run("orchestration", "table", "history", "hosts")[1]


def test_a_table_of_another_database_is_set_listed_and_removed(run: Run, world: World):
    table = "orchestration", "table"
    asked = "cmdb", "sqlalchemy-connector/cmdb", "select host, team from hosts"
    assert run(*table, "query", *asked, "--every", "5m")[0] == 0
    (found,) = json.loads(run(*table, "queries", "--json")[1])["items"]
    assert (found["name"], found["every_seconds"], found["read_at"]) == ("cmdb", 300, None)
    assert "never" in run(*table, "queries")[1]
    code, _, err = run(*table, "query", "cmdb", "secret/x", "select 1")
    assert (code, "none of prefect-sqlalchemy" in err) == (Exit.USAGE, True)
    code, _, err = run(*table, "query", *asked, "--every", "soon")
    assert (code, "soon" in err) == (Exit.USAGE, True)
    assert run(*table, "remove", "cmdb")[0] == 0
    assert run(*table, "queries")[1] == "No table is read from a database.\n"
