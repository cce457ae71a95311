"""Definitions of SLOs as YAML."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError
from sentinel.slo.definition import definition_of, from_yaml, objective_name, to_yaml

TEXT = """
slos:
- name: checkout
  team: shop
  service: checkout
  indicator:
    kind: ratio
    bad: {metric: http_requests, match: ['code=~"5.."']}
    total: {metric: http_requests}
  objectives:
  - target: 99.9
  - target: 99.5
    window: {kind: calendar, period: month, timezone: Europe/Berlin}
- name: quick
  indicator: {kind: traces, service: shop, operation: buy, where: 'kind:server', below_ms: 300}
  objectives: [{target: 95}]
- name: clean
  indicator: {kind: logs, total: 'service:shop', bad: 'level:>=error'}
  objectives: [{target: 95}]
- name: api
  indicator: {kind: requests, bad: 'status:>=500'}
  objectives: [{target: 95}]
- name: nightly
  objectives:
  - target: 95
    window: {kind: rolling, days: 28}
"""


def test_what_is_read_is_written_back_and_read_the_same():
    read = from_yaml(TEXT)
    assert [one.name for one in read] == ["checkout", "quick", "clean", "api", "nightly"]
    assert from_yaml(to_yaml(read)) == read
    assert [objective_name(one) for one in read[0].objectives] == [
        "99.9% over 30 days", "99.5% over calendar month (Europe/Berlin)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("name: x\nobjectives: [{target: 100}]", "objectives.0.target: must be less than 100"),
        ("name: x\nobjectives: []", "slos.0.objectives: must have at least 1 entry"),
        ("name: X Y\nobjectives: [{target: 9}]", "slos.0.name"),
        ("name: x\nobjectives: [{target: 9}, {target: 9}]", "two objectives are the same"),
        ("slos: [{name: x, objectives: [{target: 9}]}, {name: x, objectives: [{target: 9}]}]",
         "two have the name 'x'"),
        ("slos: 5", "must be a list"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: ratio, total: {metric: a}}",
         "give one of good and bad"),
        ("name: x\nobjectives: [{target: 9}]\n"
         "indicator: {kind: threshold, metric: a, below: 1, match: [x]}", "indicator"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: magic}", "must be 'ratio'"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: threshold, metric: a}",
         "give below, above, or both"),
        ("name: x\nobjectives: [{target: 9}]\n"
         "indicator: {kind: threshold, metric: a, below: 1e999}", "below: must be a finite number"),
        ("name: x\nobjectives: [{target: true}]", "objectives.0.target: must be a"),
        ("slos: []\nteam: shop", "team: unknown beside slos"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: traces, service: ''}", "service"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: traces, service: a, where: 'x:y'}",
         "indicator.*where: column 1: there is no field x"),
        ("name: x\nobjectives: [{target: 9}]\n"
         "indicator: {kind: traces, service: a, where: 'since:2h'}", "where: has a period"),
        ("name: x\nobjectives: [{target: 9}]\n"
         "indicator: {kind: traces, service: a, below_ms: 0}", "below_ms"),
        ("name: x\nobjectives: [{target: 9}]\nindicator: {kind: logs, total: 'service:a'}",
         "give one of good and bad"),
        ("name: x\nobjectives: [{target: 9}]\n"
         "indicator: {kind: logs, total: 'service:a', bad: '(x'}", "bad: column"),
    ],
)  # fmt: skip
def test_an_error_names_the_field_that_is_wrong(given: str, said: str):
    with pytest.raises(ConfigurationError, match=said):
        from_yaml(given)


def test_runs_are_few_so_that_one_says_something_unless_the_slo_wants_more():
    runs = {"kind": "prefect_runs", "deployments": ["etl/load"], "ready_by": "06:00"}
    given = {"name": "x", "objectives": [{"target": 99}]}
    assert definition_of(given).minimum_events == 10
    assert definition_of({**given, "indicator": runs}).minimum_events == 1
    wanted = definition_of({**given, "indicator": runs, "minimum_events": 3})
    assert wanted.minimum_events == 3
    assert from_yaml(to_yaml([wanted])) == [wanted]


def test_objectives_that_differ_have_different_names():
    zones = [
        {"target": 99, "window": {"kind": "calendar", "timezone": one}}
        for one in ("UTC", "Asia/Tokyo")
    ]
    close = [{"target": 99.99999}, {"target": 99.999995}]
    read = definition_of({"name": "x", "objectives": [*zones, *close]})
    assert [objective_name(one) for one in read.objectives] == [
        "99% over calendar month", "99% over calendar month (Asia/Tokyo)",
        "99.99999% over 30 days", "99.999995% over 30 days",
    ]  # fmt: skip


def test_only_what_is_wrong_is_said_and_not_what_depends_on_it() -> None:
    with pytest.raises(ConfigurationError) as refused:
        from_yaml("name: x\nindicator: {kind: measurements}\nobjectives: [{target: 100}]")
    assert str(refused.value).split(" Indicators")[0] == (
        "slos.0.objectives.0.target: must be less than 100."
    )
