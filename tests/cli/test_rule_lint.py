"""`sentinel rule lint`, in a folder without server and database."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Run

WRONG = """\
deployments:
  - name: disk
    entrypoint: flows.rules.disk_space
    pull: []
    work_pool: {name: sentinel}
    parameters:
      rule:
        name: disk
        when:
          above: 90
          clear: 95
"""


def test_it_names_file_line_and_fix(run: Run):
    Path("prefect.yaml").write_text(WRONG)
    code, out, _ = run("rule", "lint")
    assert code == 1
    assert "prefect.yaml:9: disk: rule.when: clear: must be 90 or less, got 95" in " ".join(
        out.split()
    )


def test_programs_get_json(run: Run):
    Path("rules.yaml").write_text(WRONG)
    code, out, _ = run("rule", "lint", "rules.yaml", "--json")
    (problem,) = json.loads(out)["items"]
    assert code == 1
    assert (problem["file"], problem["line"], problem["warning"]) == ("rules.yaml", 9, False)


def test_a_valid_file_has_no_problems(run: Run):
    Path("prefect.yaml").write_text(WRONG.replace("          clear: 95\n", ""))
    assert run("rule", "lint") == (0, "No problems found.\n", "")


def test_a_missing_file_is_an_error(run: Run):
    code, out, _ = run("rule", "lint", "gone.yaml")
    assert code == 1
    assert "there is no such file" in out
