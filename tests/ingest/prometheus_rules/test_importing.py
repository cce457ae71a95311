"""What rule files of Prometheus become, and what is said of those that cannot be used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.ingest.prometheus_rules.importing import ImportedRules, imported_rules
from sentinel.rollout.files import read_documents
from sentinel.rollout.pack_files import Packed, pack_files

MINUTE = timedelta(minutes=1)


def imported(*rules: str, head: str = "groups:\n- name: node\n  rules:\n") -> ImportedRules:
    return imported_rules({"a.yml": head + "".join(rules)}, interval=MINUTE)


def reason(*rules: str) -> str:
    (line,) = imported(*rules).report
    assert line.refused
    assert (line.file, line.group, line.line) == ("a.yml", "node", 4)
    return line.reason


def test_an_alerting_rule_keeps_its_expression_times_labels_and_texts():
    found = imported("""\
  - alert: HostDown
    expr: up == 0
    for: 1d12h
    keep_firing_for: 5m
    labels: {severity: page, team: infra}
    annotations: {summary: "{{ $labels.instance }} is {{ $value | humanize }}"}
""")
    (member,) = found.members
    assert member.every == MINUTE
    assert member.parameters == {
        "expr": "up == 0",
        "alert": "HostDown",
        "labels": {"severity": "page", "team": "infra"},
        "annotations": {"summary": "[[ $labels.instance ]] is [[ $value | humanize ]]"},
    }
    assert member.rule == {
        "name": "prometheus-node-host-down-page",
        "description": "node: HostDown",
        "severity": "critical",
        "for": "1d12h",
        "keep_firing_for": "5m",
    }
    (line,) = found.report
    assert (line.rule, line.group, line.line) == (member.rule["name"], "node", 4)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("  - {record: a:b, expr: sum(x)}", "a recording rule: Sentinel stores no metric a:b"),
        ("  - {alert: A, expr: 'sum(x'}", "expr: no PromQL"),
        ("  - {alert: A, expr: 'holt_winters(x[5m], 0.5, 0.5) > 1'}", "holt_winters"),
        ("  - {alert: A, expr: '{job=\"a\"} > 1'}", "a selector names one metric"),
        ("  - {alert: A, expr: 'x{a=~\"(?=b)\"}'}", "(?=b)"),
        ("  - {alert: A, expr: 'ALERTS{alertname=\"B\"}'}", "ALERTS has alerts of Prometheus"),
        ("  - {alert: A, expr: 'sum(rate({app=\"a\"} |= \"x\" [5m])) > 1'}", "LogQL of Loki"),
        ("  - {alert: A, expr: x, annotations: {s: '{{ range query \"x\" }}{{ end }}'}}",
         "annotations.s: a template with range"),
        ("  - {alert: A, expr: x, annotations: {s: '{{ $externalLabels.a }}'}}",
         "--external-label"),
        ("  - {alert: A, expr: x, annotations: {s: '{{ $value }'}}", "is not closed"),
        ("  - {alert: A, expr: x, for: soon}", "for: 'soon' is no duration"),
        ("  - {alert: A, expr: x, fro: 5m}", "a rule has no field 'fro'"),
        ("  - {alert: A, record: b, expr: x}", "either alert or record"),
        ("  - {alert: A}", "a rule has no expr"),
        ("  - 5", "a rule has names and values"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_used_is_reported_with_its_place_and_reason(rule: str, why: str):
    assert why in reason(rule)


def test_the_rest_is_used_where_a_rule_a_group_or_a_file_cannot_be():
    texts = {
        "bad.yml": "groups: [",
        "config.yml": "kind: ConfigMap\ndata: {}",
        "good.yml": "groups:\n- name: g\n  rules:\n  - {alert: A, expr: x}\n- rules: []\n",
    }
    found = imported_rules(texts, interval=MINUTE)
    assert [one.rule["name"] for one in found.members] == ["prometheus-g-a"]
    said = {(one.file, one.line): one.reason for one in found.report if one.refused}
    assert "no YAML" in said["bad.yml", 0]
    assert "only PrometheusRule has rules" in said["config.yml", 0]
    assert said["good.yml", 5] == "a group has no name"


@pytest.mark.parametrize(
    ("head", "group"),
    [
        ("namespace: mimir\ngroups:\n- name: g\n  rules:\n", "mimir/g"),
        ("tenant-rules:\n- name: g\n  rules:\n", "tenant-rules/g"),
        ("kind: PrometheusRule\nspec:\n groups:\n - name: g\n   rules:\n", "g"),
        ("# nothing\n---\ngroups:\n- name: g\n  rules:\n", "g"),
    ],
)
def test_files_of_mimir_loki_and_the_operator_are_read_by_namespace(head: str, group: str):
    found = imported("   - {alert: A, expr: x}", head=head)
    (line,) = found.report
    assert (line.group, line.line) == (group, head.count("\n") + 1)
    assert len(found.members) == 1


def test_names_hold_whatever_else_is_in_the_files_and_are_never_the_same():
    a = "  - {alert: A, expr: x > 1, labels: {severity: warning}}\n"
    b = "  - {alert: A, expr: x > 9, labels: {severity: critical}}\n"
    names = [one.rule["name"] for one in imported(a, b).members]
    assert names == ["prometheus-node-a-warning", "prometheus-node-a-critical"]
    c, d = "  - {alert: A, expr: x > 1}\n", "  - {alert: A, expr: x > 2}\n"
    both = [one.rule["name"] for one in imported(c, d).members]
    assert len(set(both)) == 2
    assert set(both) == {one.rule["name"] for one in imported(d, c).members}
    twice = imported(c, c)
    assert len(twice.members) == 1
    assert [one.refused for one in twice.report] == [False, False]
    assert "is used once" in twice.report[1].reason


def test_what_a_rule_does_otherwise_is_a_note():
    found = imported(
        "  - {record: 'a:b', expr: x}\n",
        "  - {alert: A, expr: 'a:b > 1', labels: {severity: purple}}\n",
        head="groups:\n- name: node\n  limit: 5\n  rules:\n",
    )
    (member,) = found.members
    assert member.rule["max_alerts"] == 5
    said = " ".join(member.notes)
    assert "'purple' is none of ours" in said
    assert "it reads a:b, which a recording rule makes" in said
    assert "limit of 5" in said


def test_rules_of_a_period_are_a_pack_and_more_than_five_hundred_keep_their_parts():
    def packed(count: int) -> dict[str, set[str]]:
        rules = [
            Packed(every=MINUTE, parameters={"expr": "x", "alert": "A"}, rule={"name": f"r-{n}"})
            for n in range(count)
        ]
        files = pack_files("prometheus", rules, trigger="promql", project="prometheus")
        return {
            entry.name: {one["name"] for one in entry.spec["parameters"]["members"]}
            for entry in read_documents(files)
        }

    assert set(packed(500)) == {"prometheus-1m"}
    before, after = packed(501), packed(600)
    assert len(before) == 16
    assert all(before[name] <= after[name] for name in before)
    assert sum(map(len, after.values())) == 600
