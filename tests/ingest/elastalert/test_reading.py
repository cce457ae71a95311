"""Rules of ElastAlert become policies that match what the rules are about."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import PolicyError
from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.pack import policy_of
from sentinel.ingest.elastalert.lucene import clause_of_query
from sentinel.ingest.elastalert.reading import ImportedPolicies, imported_elastalert


def imported(**rule: Any) -> ImportedPolicies:
    whole = {"name": "a rule", "type": "any", "index": "logs-*", "alert": ["email"]} | rule
    return imported_elastalert({"a.yaml": yaml.safe_dump(whole)})


def policy(**rule: Any) -> dict[str, Any]:
    found = imported(**rule)
    assert not [one.reason for one in found.report if one.refused]
    (made,) = found.policies
    return made


def matches(rule: dict[str, Any], **fields: Any) -> bool:
    return compile_policy(policy_of(policy(**rule)))(fields)


@pytest.mark.parametrize(
    ("query", "good", "bad"),
    [
        ("status:500", [{"status": 500}, {"status": "500"}], [{"status": 501}, {"x": 500}]),
        ("message:error", [{"message": "an Error, here"}], [{"message": "errors"}]),
        ('message:"out of memory"', [{"message": "Out of  memory!"}], [{"message": "memory out"}]),
        ("error", [{"any": {"where": "error"}}], [{"any": "terror"}]),
        ("host:web*", [{"host": "web-1"}, {"host": "a web-2"}], [{"host": "cobweb"}]),
        ("host.keyword:web*", [{"host": "web-1"}], [{"host": "a web-2"}]),
        ("status:[500 TO 599}", [{"status": 500}, {"status": 598}], [{"status": 599}]),
        ("status:{* TO -5]", [{"status": -5}, {"status": -9}], [{"status": 0}]),
        ("status:>=500", [{"status": 500}], [{"status": 499}]),
        ("_exists_:a AND NOT b:*", [{"a": 1}], [{"a": 1, "b": 2}, {}]),
        ("a:(x OR y)", [{"a": "x"}, {"a": "y"}], [{"a": "z"}]),
        ("a:x b:y", [{"a": "x"}, {"b": "y"}], [{"a": "y"}]),
        ("+a:x -b:y c:z", [{"a": "x"}], [{"a": "x", "b": "y"}, {"c": "z"}]),
        ("a:x && !b:y", [{"a": "x"}], [{"a": "x", "b": "y"}]),
        ("a:x || b:y", [{"a": "x"}, {"b": "y"}], [{"a": "y"}]),
        (r"path:\/api\/*", [{"path": "/api/users"}], [{"path": "/static"}]),
        ("a:/x.+z/", [{"a": "xyz"}], [{"a": "xz"}, {"a": "xyza"}]),
        (r'a:"x\"y"', [{"a": 'x"y'}], [{"a": "xy"}]),
        ("NOT (a:1 OR b:2)", [{"a": 2}], [{"a": 1}, {"b": 2}]),
    ],
)
def test_a_query_matches_as_lucene_would(
    query: str, good: list[dict[str, Any]], bad: list[dict[str, Any]]
):
    rule = {"filter": [{"query": {"query_string": {"query": query}}}]}
    assert [matches(rule, **one) for one in good] == [True] * len(good)
    assert [matches(rule, **one) for one in bad] == [False] * len(bad)


@pytest.mark.parametrize(
    ("filters", "good", "bad"),
    [
        ([{"term": {"a": "x"}}], {"a": "x"}, {"a": "X"}),
        ([{"term": {"a.keyword": {"value": 5}}}], {"a": "5"}, {"a": 6}),
        ([{"terms": {"a": ["x", "y"]}}], {"a": "y"}, {"a": "z"}),
        ([{"range": {"n": {"gt": 5, "lte": 9}}}], {"n": 9}, {"n": 5}),
        ([{"wildcard": {"a": "x*z"}}], {"a": "xyz"}, {"a": "xyza"}),
        ([{"prefix": {"a": "x"}}], {"a": "xy"}, {"a": "yx"}),
        ([{"regexp": {"a": "x.z"}}], {"a": "xyz"}, {"a": "axyz"}),
        ([{"match": {"a": "fox dog"}}], {"a": "a dog"}, {"a": "cat"}),
        ([{"match": {"a": {"query": "fox dog", "operator": "and"}}}], {"a": "dog fox"},
         {"a": "dog"}),
        ([{"match_phrase": {"a": "fox dog"}}], {"a": "the fox, dog"}, {"a": "dog fox"}),
        ([{"exists": {"field": "a"}}], {"a": 0}, {"b": 0}),
        ([{"bool": {"must": [{"term": {"a": 1}}], "must_not": {"term": {"b": 2}}}}], {"a": 1},
         {"a": 1, "b": 2}),
        ([{"bool": {"should": [{"term": {"a": 1}}, {"term": {"b": 2}}]}}], {"b": 2}, {"b": 3}),
        ([{"not": {"term": {"a": 1}}}], {"a": 2}, {"a": 1}),
        ([{"or": [{"term": {"a": 1}}, {"term": {"b": 2}}]}], {"b": 2}, {"b": 1}),
        ([{"term": {"a": 1}}, {"term": {"b": 2}}], {"a": 1, "b": 2}, {"a": 1}),
    ],
)  # fmt: skip
def test_filters_of_elasticsearch_are_compared_with_the_event(
    filters: list[Any], good: dict[str, Any], bad: dict[str, Any]
):
    assert matches({"filter": filters}, **good)
    assert not matches({"filter": filters}, **bad)


@pytest.mark.parametrize(
    ("rule", "window"),
    [
        ({"type": "frequency", "num_events": 5, "timeframe": {"hours": 1}},
         {"type": "frequency", "num_events": 5, "timeframe": "1h"}),
        ({"type": "spike", "spike_height": 3, "spike_type": "up", "timeframe": {"minutes": 5},
          "threshold_cur": 10},
         {"type": "spike", "spike_height": 3, "spike_type": "up", "timeframe": "5m",
          "threshold_ref": 0, "threshold_cur": 10}),
        ({"type": "flatline", "threshold": 2, "timeframe": {"minutes": 1, "seconds": 30},
          "forget_keys": True},
         {"type": "flatline", "threshold": 2, "timeframe": "1m30s", "forget_keys": True}),
        ({"type": "change", "compare_key": "country.keyword", "query_key": "user",
          "ignore_null": True, "timeframe": {"days": 1}},
         {"type": "change", "compare_key": ["country"], "ignore_null": True, "timeframe": "1d"}),
        ({"type": "new_term", "fields": ["ip"], "terms_window_size": {"days": 7}},
         {"type": "new_term", "fields": ["ip"], "terms_window_size": "7d"}),
        ({"type": "cardinality", "cardinality_field": "ip", "max_cardinality": 3,
          "timeframe": {"minutes": 1}},
         {"type": "cardinality", "cardinality_field": "ip", "max_cardinality": 3,
          "timeframe": "1m"}),
        ({"type": "percentage_match", "match_bucket_filter": [{"exists": {"field": "e"}}],
          "max_percentage": 5},
         {"type": "percentage_match", "timeframe": "15m", "max_percentage": 5, "min_denominator": 1,
          "of": [{"field": "e", "operator": "exists", "value": True}]}),
    ],
)  # fmt: skip
def test_each_type_is_its_window(rule: dict[str, Any], window: dict[str, Any]):
    assert policy(**rule)["window"] == window


def test_lists_of_values_are_conditions():
    black = {"type": "blacklist", "compare_key": "user", "blacklist": ["eve", 5]}
    assert matches(black, user="eve")
    assert matches(black, user="5")
    assert not matches(black, user="ada")
    white = {"type": "whitelist", "compare_key": "user", "whitelist": ["ada"]}
    assert matches(white | {"ignore_null": False}, other=1)
    assert not matches(white | {"ignore_null": True}, other=1)
    assert matches(white | {"ignore_null": True}, user="eve")
    assert not matches(white | {"ignore_null": True}, user="ada")


def test_texts_severity_key_and_realert_are_taken_over():
    found = policy(
        name="Too many {errors}", alert_subject="{0} on {1}",
        alert_subject_args=["code", "host.raw"],
        alert_text="{} events", alert_text_args=["n"], query_key=["host.keyword", "code"],
        realert={"minutes": 10}, opsgenie_priority="P1", is_enabled=False,
    )  # fmt: skip
    assert found["name"] == "elastalert-too-many-errors"
    assert found["summary_template"] == "{code} on {host}"
    assert found["message_template"] == "{n} events"
    assert (found["by"], found["throttle_minutes"]) == (["host", "code"], 10)
    assert (found["severity"], found["enabled"]) == ("critical", False)
    assert policy()["summary_template"] == "a rule"
    assert matches({}, anything=1)
    (line,) = imported(aggregation={"hours": 1}).report
    assert line.notes == ("messages are grouped as the receiver says",)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"type": "metric_aggregation"}, "metric_threshold"),
        ({"type": "my_module.Rule"}, "the type my_module.Rule is not known"),
        ({"type": "frequency", "num_events": 5}, "it has no timeframe"),
        ({"type": "frequency", "timeframe": {"minutes": 5}}, "it has no num_events"),
        ({"type": "frequency", "num_events": 5, "timeframe": 5}, "write a length"),
        ({"type": "frequency", "num_events": 0, "timeframe": {"minutes": 5}}, "num_events"),
        ({"type": "change", "compare_key": "a"}, "it has no query_key"),
        ({"type": "new_term", "fields": [["a", "b"]]}, "compound"),
        ({"type": "blacklist", "compare_key": "a", "blacklist": ["!file x"]}, "of the file"),
        ({"type": "spike", "field_value": "a"}, "does not add up"),
        ({"filter": [{"query_string": {"query": "a:(b"}}]}, "cannot be parsed"),
        ({"filter": [{"query_string": {"query": "a:b~2"}}]}, "fuzzy"),
        ({"filter": [{"query_string": {"query": "a:[now-1h TO now]"}}]}, "now-1h"),
        ({"filter": [{"query_string": {"query": "a:b:c"}}]}, "in quotes"),
        ({"filter": [{"range": {"t": {"gte": "now-5m"}}}]}, "now-5m"),
        ({"filter": [{"script": {"source": "x"}}]}, "kind script"),
        ({"filter": [{"eql": "any where true"}]}, "kind eql"),
        ({"import": "base.yaml"}, "not among the files"),
    ],
)
def test_what_cannot_be_used_is_reported_with_its_reason(rule: dict[str, Any], why: str):
    (line,) = imported(**rule).report
    assert line.refused
    assert (line.file, why in line.reason) == ("a.yaml", True), line.reason


def test_a_rule_has_what_it_imports_and_names_are_used_once():
    texts = {
        "rules/one.yaml": "name: one\nimport: base.yml\nfilter: [{term: {b: 2}}]\n",
        "rules/base.yml": "type: any\nindex: x\nfilter: [{term: {a: 1}}]\n",
        "rules/two.yaml": "name: One\ntype: any\n",
        "rules/loop.yaml": "name: loop\nimport: loop.yaml\n",
    }
    found = imported_elastalert(texts)
    by_file = {one.file: one for one in found.report}
    (one,) = [each for each in found.policies if each["name"] == "elastalert-one"]
    assert len(one["rules"]) == 2
    assert "has the name of the rule in rules/one.yaml" in by_file["rules/two.yaml"].reason
    assert "which imports it" in by_file["rules/loop.yaml"].reason


def test_the_filters_of_all_imported_files_count_and_the_last_one_has_the_last_word():
    texts = {
        "r/one.yaml": "name: one\nimport: [a.yml, b.yml]\nfilter: [{term: {c: 3}}]\n",
        "r/a.yml": "type: nonsense\nfilter: [{term: {a: 1}}]\n",
        "r/b.yml": "type: any\nfilter: [{term: {b: 2}}]\n",
        "r/c.yml": "name: c\nimport:\n- d.yml\n",
        "r/d.yml": "filter: []\n",
    }
    found = imported_elastalert(texts)
    (one,) = [each for each in found.policies if each["name"] == "elastalert-one"]
    assert len(one["rules"]) == 3
    assert {line.file: line.reason for line in found.report}["r/d.yml"] == "imported by other rules"


@given(st.text(st.sampled_from('ab:"()[]{}*?~^/\\+-!&| \nTOANDRNnow<>=5.'), max_size=25))
def test_no_query_does_anything_else_than_become_a_policy_or_be_refused(query: str):
    with suppress(PolicyError):
        policy_of({"name": "q", "rules": [clause_of_query(query)]})
