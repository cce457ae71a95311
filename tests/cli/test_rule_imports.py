"""`sentinel rule promtool-tests` and the imports of rules as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Run

RULES = """
groups:
- name: node
  rules:
  - alert: HostDown
    expr: up == 0
    for: 2m
    annotations: {summary: "{{ $labels.job }} is down"}
"""
TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- name: one host
  interval: 1m
  input_series: [{series: 'up{job="a"}', values: 1 0x5}]
  alert_rule_test:
  - {alertname: HostDown, eval_time: 2m}
  - alertname: HostDown
    eval_time: 3m
    exp_alerts: [{exp_labels: {job: a}, exp_annotations: {summary: a is down}}]
"""


def test_a_test_file_of_promtool_runs_without_a_server(run: Run, tmp_path: Path):
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "tests.yml").write_text(TESTS)
    code, out, err = run("rule", "promtool-tests", "tests.yml")
    assert (code, err) == (0, "")
    assert out == "tests.yml: 1 of 1 tests hold, 2 points checked.\n"
    (tmp_path / "tests.yml").write_text(TESTS.replace("a is down", "b is down"))
    code, out, _ = run("rule", "promtool-tests", "tests.yml", "--json")
    assert code == 1
    (found,) = json.loads(out)["tests.yml"]
    (failure,) = found["failures"]
    assert failure["about"] == "alert HostDown"
    assert failure["got"] == ['{alertname="HostDown", job="a"} {summary="a is down"}']


def test_what_is_wrong_with_a_test_file_is_named(run: Run, tmp_path: Path):
    (tmp_path / "tests.yml").write_text("tests: [{alert_rule_test: [{eval_time: 5m}]}]")
    code, _, err = run("rule", "promtool-tests", "tests.yml")
    assert code != 0
    assert "tests.0.alert_rule_test.0.alertname" in err
