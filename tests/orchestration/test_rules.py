"""Rules of orchestration: what they change, drop and hold back, and how they are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.orchestration import document
from sentinel.orchestration.decision import Orchestration
from sentinel.orchestration.document import read_orchestration
from sentinel.orchestration.incoming import Incoming, Outcome
from sentinel.orchestration.record import record_of, sentences
from sentinel.orchestration.tables import Table, csv_of, table_of
from sentinel.orchestration.trial import checked, differences

HOSTS = table_of("host,owner,dc\nweb-1,shop,fra\nweb-2,,ams\n")


def tables(name: str) -> Table | None:
    return HOSTS if name == "hosts" else None


def decided(text: str, labels: dict[str, str] | None = None, **more: Any) -> Outcome:
    rules = Orchestration(read_orchestration(text))
    alert = Incoming(sender="prometheus", labels=labels or {"alertname": "Down"}, **more)
    return rules.decide(alert, tables)


def test_rules_change_an_alert_in_order_and_each_says_what_it_did():
    found = decided(
        """
        rules:
          - name: names
            rename: {pod_name: pod}
            remove: [replica]
          - name: staging
            matchers: ['env=~"stag.*"']
            when: severity == "critical"
            set: {severity: low, owner: platform, service: "{labels.app}-{labels.env}"}
          - name: words
            map:
              labels.tier: {of: labels.app, table: {shop: front}, default: back}
              severity: {of: annotations.level, table: {P1: critical}}
          - name: production
            matchers: env="prod"
            set: {severity: high}
        """,
        {"app": "shop", "env": "staging", "pod_name": "a", "replica": "2"},
        severity="critical",
        annotations={"level": "P9"},
    )
    assert found.verdict == "pass"
    assert found.given.labels == {
        "app": "shop", "env": "staging", "pod": "a", "service": "shop-staging", "tier": "front",
    }  # fmt: skip
    assert (found.given.severity, found.given.owner) == ("low", "platform")
    assert [step.rule for step in found.steps] == ["names", "staging", "words"]
    assert found.steps[1].changed["severity"] == ("critical", "low")
    said = sentences(record_of(7, found.steps))
    assert said[2] == "Rule 'words' of orchestration version 7 set labels.tier to 'front'."


def test_a_dropped_alert_is_looked_at_by_no_further_rule_and_stop_ends_all():
    text = """
    rules:
      - {name: noise, matchers: env="dev", drop: true}
      - name: group
        matchers: team="db"
        rules:
          - {name: slow, matchers: kind="slow", hold: 10m, stop: true}
          - {name: other, set: {owner: dba}}
      - {name: last, set: {labels.seen: "yes"}}
    """
    dropped = decided(text, {"env": "dev"})
    assert (dropped.verdict, dropped.by, len(dropped.steps)) == ("drop", "noise", 1)
    held = decided(text, {"team": "db", "kind": "slow"})
    assert (held.verdict, held.hold, held.by) == ("hold", timedelta(minutes=10), "group / slow")
    assert "seen" not in held.given.labels
    passed = decided(text, {"team": "db"})
    assert (passed.given.owner, passed.given.labels["seen"]) == ("dba", "yes")


def test_an_alert_is_enriched_from_the_row_that_has_its_texts():
    text = """
    rules:
      - name: inventory
        enrich:
          table: hosts
          where: {host: labels.host}
          set: {owner: owner, labels.dc: dc}
    """
    found = decided(text, {"host": "web-1"})
    assert (found.given.owner, found.given.labels["dc"]) == ("shop", "fra")
    empty = decided(text, {"host": "web-2"}, owner="kept")
    assert (empty.given.owner, empty.given.labels["dc"]) == ("kept", "ams")  # no text, no change
    assert not decided(text, {"host": "other"}).steps
    away = decided(text.replace("table: hosts", "table: gone"), {"host": "web-1"})
    assert away.steps[0].errors == ["enrich: there is no table 'gone' that may be used"]
    column = decided(text.replace("dc: dc", "dc: rack"), {"host": "web-1"})
    assert column.steps[0].errors == ["enrich: the table 'hosts' has no column 'rack'"]


@pytest.mark.parametrize(
    ("rule", "labels", "error"),
    [
        ("set: {severity: '{labels.level}'}", {"level": "loud"}, "severity 'loud' is none of"),
        ("set: {owner: '{labels.team}'}", {"a": "b"}, "set.owner: there is no labels.team"),
        ("remove: [a]", {"a": "b"}, "labels.a is the only label"),
        ("when: labels.n > 3", {"n": "x"}, "when: "),
        ("map: {owner: {of: 'number(labels.a) / 0'}}", {"a": "1"}, "map.owner: "),
        pytest.param(
            "set: {labels.long: '" + "x" * 201 + "'}",
            {"a": "b"},
            "labels.long: a text of 201",
            id="long",
        ),
    ],
)
def test_what_a_rule_cannot_do_is_said_and_the_alert_passes(
    rule: str, labels: dict[str, str], error: str
):
    found = decided(f"rules:\n- name: one\n  {rule}\n", labels)
    assert found.verdict == "pass"
    assert found.given.labels == labels
    assert error in found.steps[0].errors[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "line 1, column"),
        ("rules: []", "line 1, column 1: rules: "),
        ("rules:\n- name: a\n  when: labels.x >\n", "line 3, column 3: rules.0.when: "),
        ("rules:\n- name: a\n  wen: true\n", "line 3, column 3: rules.0.wen: "),
        ("rules:\n- name: a\n  matchers: ['b~']\n", "line 3, column 14: rules.0.matchers"),
        ("rules:\n- name: a\n  set: {sevrity: low}\n", "there is no field 'sevrity'"),
        ("rules:\n- name: a\n  set: {severity: loud}\n", "set.severity: severity 'loud'"),
        ("rules:\n- name: a\n  hold: 8d\n", "line 3, column 3: rules.0.hold: "),
        ("rules:\n- {name: a}\n- {name: a}\n", "the name 'a' is there twice"),
        ("rules:\n- {name: a, drop: true, hold: 1m}\n", "drop: goes with neither"),
        (
            "rules:\n- {name: a, rules: [{name: b, rules: [{name: c, rules: [{name: d}]}]}]}\n",
            "more than 3 levels",
        ),
    ],
)
def test_a_document_that_cannot_be_used_is_refused_with_the_place(text: str, said: str):
    with pytest.raises(ConfigurationError) as refused:
        read_orchestration(text)
    assert said in str(refused.value)


def test_the_tests_of_a_document_must_hold():
    text = """
    rules:
      - {name: quiet, matchers: env="dev", set: {severity: info, labels.a: "1"}}
    tests:
      - {name: dev, alert: {labels: {env: dev}}, expect: {severity: EXPECTED, labels: {a: 1}}}
    """
    assert len(checked(text.replace("EXPECTED", "info"), tables).tests) == 1
    with pytest.raises(ConfigurationError, match=r"test 1 \(dev\): severity is 'info', not 'low'"):
        checked(text.replace("EXPECTED", "low"), tables)


def test_two_versions_are_compared_by_what_they_make_of_an_alert():
    one = decided("rules: [{name: a, set: {severity: low}}]", {"x": "1"})
    other = decided("rules: [{name: a, rename: {x: y}}, {name: b, hold: 5m}]", {"x": "1"})
    assert differences(one, other) == {
        "verdict": ("pass", "hold 300s"), "severity": ("low", ""), "labels.x": ("1", ""),
        "labels.y": ("", "1"),
    }  # fmt: skip
    assert differences(one, one) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("a,a\n1,2\n", "the column 'a' is there twice"),
        ("a,b\n1\n", "line 2: 1 values, but there are 2 columns"),
        ('a,b\n1,"2\n', "no CSV"),
        pytest.param("a\n" + "x" * 1001, "1,001 characters", id="long"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(text: str, said: str):
    with pytest.raises(ConfigurationError, match=said):
        table_of(text)


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=8))
def test_rows_that_are_written_as_csv_are_read_back(rows: list[tuple[str, str]]):
    read = table_of(csv_of(["a", "b"], rows))
    assert [tuple(row) for row in read.rows] == rows


_LABEL = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), min_size=1)
_RULES: list[dict[str, Any]] = [
    *({"rename": {old: new}} for old in "abcd" for new in "abcde"),
    *({"remove": [name]} for name in "abcd"),
    *({"set": {f"labels.{name}": text}} for name in "abcd" for text in ("", "v")),
    *({"map": {"labels.e": {"of": f"labels.{name}"}}} for name in "abcd"),
]


@given(_LABEL, st.lists(st.sampled_from(_RULES), min_size=1, max_size=6))
def test_whatever_rules_do_an_alert_keeps_a_label_and_the_steps_tell_all_changes(
    labels: dict[str, str], rules: list[dict[str, Any]]
):
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    found = decided(yaml.safe_dump({"rules": named}), labels)
    made = dict(labels)
    for step in found.steps:
        for name, (was, now) in step.changed.items():
            label = name.removeprefix("labels.")
            assert made.get(label, "") == was
            if now:
                made[label] = now
            else:
                del made[label]
    assert made == found.given.labels
    assert made
    assert all(made.values())


@pytest.mark.parametrize("name", ['name: "a\\0"', 'name: a, rename: {b: "\\ud800"}'])
def test_a_name_that_no_database_keeps_is_refused(name: str):
    with pytest.raises(ConfigurationError, match="which no database keeps"):
        read_orchestration(f"rules: [{{{name}, drop: true}}]")


@pytest.mark.parametrize("kept", [{"steps": 5, "version": 1}, {"version": 1, "steps": ["x"]}, "x"])
def test_what_a_check_keeps_under_the_name_of_the_record_says_nothing(kept: object):
    assert sentences(kept) == []


def test_more_tests_than_can_be_tried_while_the_rules_are_applied_are_refused(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(document, "MOST_DECISIONS", 1)
    test = "{alert: {labels: {a: b}}, expect: {}}"
    with pytest.raises(ConfigurationError, match="2 tests of 1 rules are too many"):
        read_orchestration(f"rules: [{{name: a}}]\ntests: [{test}, {test}]")
