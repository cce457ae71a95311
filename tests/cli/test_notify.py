"""`sentinel notify …` as a person and CI meet it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sentinel.cli.exit_codes import Exit
from tests.cli.shell import Run
from tests.world import World

ROUTES = """
route:
  receiver: default
  routes: [{matchers: [mount="/data"], receiver: disks}]
tests: [{name: disks, labels: {mount: /data}, receivers: disks}]
"""


def test_a_folder_is_planned_applied_and_then_nothing_differs(
    run: Run, world: World, tmp_path: Path
):
    folder = tmp_path / "notify"
    folder.mkdir()
    assert run("notify", "plan", "notify")[0] == Exit.USAGE
    (folder / "receivers.yaml").write_text("receivers: [{name: disks, channels: [inbox]}]")
    (folder / "routes.yml").write_text(ROUTES)
    (folder / "README.md").write_text("not read")
    assert run("notify", "check", "notify")[1].splitlines() == [
        "notify: 1 receiver, 2 routes, 1 test passed.",
        "Receivers were checked against the document alone: all are there.",
    ]
    code, out, _ = run("notify", "plan", "notify")
    assert code == Exit.DIFFERS
    assert out.splitlines() == [
        "+ receiver disks: inbox",
        "+ route {}: receiver default",
        '+ route {}/{mount="/data"}: receiver disks',
        '+ test disks: labels {"mount":"/data"}; receivers disks',
        "4 to add.",
    ]
    code, out, _ = run("notify", "apply", "notify", "-m", "first", "--json")
    assert (code, len(json.loads(out)["differences"])) == (0, 4)
    assert run("notify", "plan", "notify")[:2] == (0, "Nothing would change.\n")
    assert run("notify", "apply", "notify")[:2] == (0, "Nothing changed.\n")
    (folder / "routes.yml").write_text(ROUTES.replace("receivers: disks", "receivers: other"))
    code, _, err = run("notify", "plan", "notify")
    assert (code, "notifies disks, not other" in err) == (Exit.USAGE, True)


def test_a_check_says_which_receivers_it_knows_and_where_it_looked(
    run: Run, world: World, tmp_path: Path
):
    (tmp_path / "routes.yaml").write_text(ROUTES)

    def check(*options: str) -> tuple[int, str]:
        code, out, err = run("notify", "check", "routes.yaml", *options)
        return code, out + err

    code, said = check()
    assert (code, "the document alone, which does not have disks" in said) == (0, True)
    assert check("--strict")[0] == Exit.USAGE
    code, said = check("--existing")
    assert (code, "there is no receiver disks" in said) == (Exit.USAGE, True)
    run("receiver", "set", "disks", "--channel", "inbox")
    code, said = check("--existing")
    assert (code, said.endswith("the document and the database: all are there.\n")) == (0, True)
    found = json.loads(check("--json")[1])
    assert (found["not_in_document"], found["checked_against"]) == (["disks"], "the document")


def test_a_plan_is_carried_out_only_where_nothing_changed_since(
    run: Run, world: World, tmp_path: Path
):
    file, ends = tmp_path / "notify.yaml", datetime.now(UTC) + timedelta(days=30)
    file.write_text(
        "receivers: [{name: disks, channels: [inbox]}]\n"
        f"silences: [{{name: move, matchers: [team=db], until: {ends:%Y-%m-%dT%H:%M:%SZ}}}]\n"
    )
    assert run("notify", "check", "notify.yaml")[1].endswith("1 silence, 0 tests passed.\n")
    code, out, _ = run("notify", "plan", "notify.yaml", "-o", "plan.json")
    assert (code, "+ silence move: matchers team=" in out) == (Exit.DIFFERS, True)
    run("receiver", "set", "other", "--channel", "inbox")
    code, _, err = run("notify", "apply", "notify.yaml", "--plan", "plan.json")
    assert (code, "have changed since the plan" in err) == (Exit.CONFLICT, True)
    run("notify", "plan", "notify.yaml", "-o", "plan.json")
    text = file.read_text()
    file.write_text(text + "\n# another text\n")
    code, _, err = run("notify", "apply", "notify.yaml", "--plan", "plan.json")
    assert (code, "is not the one that" in err) == (Exit.CONFLICT, True)
    file.write_text(text)
    assert run("notify", "apply", "notify.yaml", "--plan", "plan.json")[1].endswith("2 added.\n")
    assert run("notify", "plan", "notify.yaml")[0] == 0
    assert "is no plan" in run("notify", "apply", "notify.yaml", "--plan", "notify.yaml")[2]


def test_an_alertmanager_is_imported_into_a_file_that_can_be_planned(
    run: Run, world: World, tmp_path: Path
):
    config = "route: {receiver: Ops}\nreceivers: [{name: Ops, webhook_configs: [{url: http://x}]}]"
    (tmp_path / "alertmanager.yml").write_text(config)
    code, out, err = run("import", "alertmanager", "alertmanager.yml")
    assert (code, "name: ops" in out) == (0, True)
    assert "make: receivers.Ops.webhook_configs[0]: sentinel channel add webhook ops" in err
    code, out, _ = run("import", "alertmanager", "alertmanager.yml", "-o", "notify.yaml")
    assert "then: sentinel notify plan notify.yaml" in out
    assert (
        "exists already"
        in run("import", "alertmanager", "alertmanager.yml", "-o", "notify.yaml")[2]
    )
    assert "+ receiver ops: sentinel-webhook/ops" in run("notify", "plan", "notify.yaml")[1]
    assert run("import", "alertmanager", "none.yml")[0] == Exit.USAGE
