"""Files of Sigma become policies named after their ids, and each rule has its line in a report."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.pack import policy_of
from sentinel.ingest.sigma.reading import imported_sigma

ID = "06d71506-7beb-4f22-8888-e2e5e2ca7fd8"
FAILED = """
title: A failed {login}
name: failed
logsource: {product: linux}
detection: {sel: {action: login.failed}, condition: sel}
"""
LOGIN = """
title: A login
name: login
logsource: {product: linux}
detection: {sel: {action: login.done}, condition: sel}
"""


def correlation(**more: Any) -> str:
    given = {"type": "event_count", "rules": ["failed"], "group-by": ["user"], "timespan": "5m",
             "condition": {"gte": 10}} | more  # fmt: skip
    return f"title: Many\nid: {ID}\nlevel: high\ncorrelation: {given!r}\n"


def window(*texts: str) -> dict[str, Any]:
    found = imported_sigma({"a.yml": "\n---\n".join(texts)})
    (policy,) = [one for one in found.policies if one["name"] == f"sigma-{ID}"]
    policy_of(policy)
    return policy


def refused(*texts: str) -> str:
    found = imported_sigma({"a.yml": "\n---\n".join(texts)})
    return " ".join(one.reason for one in found.report if one.refused)


def test_a_policy_is_named_after_the_id_whatever_the_rule_is_called():
    whole = f"id: {ID}\nlevel: informational\n{FAILED}"
    policy = window(whole)
    assert policy["summary_template"] == "A failed (login)"  # braces are fields of the event
    assert policy["severity"] == "info"
    renamed = window(whole.replace("A failed {login}", "Another title"))
    assert renamed["name"] == policy["name"]
    assert renamed["rules"] == policy["rules"]


def test_what_cannot_be_used_is_listed_with_its_reason_while_the_rest_is_used():
    bad = ["- 5", "a: [", "title: x", "correlation: {type: 5}\ntitle: r", "filter: 5\ntitle: f",
           "title: q\nlogsource: {product: x}\ndetection: {s: {a: 3}, condition: s and}",
           "title: w\nlogsource: {product: x}\ndetection: {s: {a|what: 3}, condition: s}",
           "title: w\nlogsource: {product: x}\ndetection: {s: {a: '{{ x }}'}, condition: s}",
           "title: w\nlogsource: {product: x}\ndetection: {s: ['*'], condition: s}",
           "title: w\nlogsource: {product: x}\ndetection: {s: {a..b: 1}, condition: s}"
           ]  # fmt: skip
    found = imported_sigma({"a.yml": "\n---\n".join([*bad, FAILED]), "b.yml": LOGIN})
    assert [one["name"] for one in found.policies] == ["sigma-failed", "sigma-login"]
    lines = [one for one in found.report if one.refused]
    assert len(lines) == len(bad)
    assert all(one.reason and one.file == "a.yml" and not one.rule for one in lines)


def test_of_two_rules_with_one_id_the_second_names_the_file_of_the_first():
    found = imported_sigma({"a.yml": f"id: {ID}\n{FAILED}", "b.yml": f"id: {ID}\n{LOGIN}"})
    assert len(found.policies) == 1
    assert [one.reason for one in found.report if one.refused] == [
        "it has the id of a rule in a.yml"
    ]


def test_a_global_document_is_part_of_those_after_it():
    text = f"action: global\ntitle: Both\nlogsource: {{product: x}}\nid: {ID}\n---\n" + (
        "detection: {s: {a: 1}, condition: s}"
    )
    check = compile_policy(policy_of(window(text)))
    assert check({"a": 1})
    assert check({"a": "1"})
    assert not check({"a": True})


def test_a_filter_narrows_the_rules_that_it_names():
    narrowing = f"""
title: Not root
logsource: {{product: linux}}
filter: {{rules: ["{ID}"], selection: {{user: root}}, condition: not selection}}
"""
    check = compile_policy(policy_of(window(f"id: {ID}\n{FAILED}", narrowing)))
    assert check({"action": "login.failed", "user": "ada"})
    assert not check({"action": "login.failed", "user": "root"})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"type": "frequency", "num_events": 10, "timeframe": "300s"}),
        ({"condition": {"gt": 10}}, {"type": "frequency", "num_events": 11, "timeframe": "300s"}),
        (
            {"type": "value_count", "condition": {"gte": 3, "field": "host"}},
            {"type": "cardinality", "cardinality_field": "host", "max_cardinality": 2,
             "timeframe": "300s"},
        ),
    ],
)  # fmt: skip
def test_a_correlation_is_a_window(more: dict[str, Any], expected: dict[str, Any]):
    policy = window(FAILED, correlation(**more))
    assert policy["window"] == expected
    assert policy["by"] == ["user"]
    assert policy["severity"] == "high"


@pytest.mark.parametrize(("kind", "any_order"), [("temporal", True), ("temporal_ordered", False)])
def test_a_temporal_correlation_is_an_event_for_each_rule(kind: str, any_order: bool):
    both = {"type": kind, "rules": ["failed", "login"], "condition": {"gte": 2}}
    policy = policy_of(window(FAILED, LOGIN, correlation(**both)))
    assert policy.window is not None
    assert getattr(policy.window, "any_order") is any_order  # noqa: B009 - of one kind of window
    assert compile_policy(policy)({"action": "login.done"})


def test_rules_of_a_correlation_are_part_of_it_unless_it_generates_them():
    alone = imported_sigma({"a.yml": "\n---\n".join([FAILED, correlation()])})
    assert [one["name"] for one in alone.policies] == [f"sigma-{ID}"]
    assert [one.reason for one in alone.report if not one.rule] == [
        "part of the correlation 'Many'"
    ]
    beside = imported_sigma({"a.yml": "\n---\n".join([FAILED, correlation(generate=True)])})
    assert {one["name"] for one in beside.policies} == {f"sigma-{ID}", "sigma-failed"}


def test_an_alias_is_the_field_that_all_rules_have():
    both = {"rules": ["failed", "login"], "group-by": ["who"]}
    same = {"who": {"failed": "user", "login": "user"}}
    assert window(FAILED, LOGIN, correlation(**both, aliases=same))["by"] == ["user"]
    other = {"who": {"failed": "user", "login": "account"}}
    assert "alias 'who'" in refused(FAILED, LOGIN, correlation(**both, aliases=other))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"condition": {"lt": 3}}, "only gte and gt are counted"),
        ({"condition": {"eq": 0}}, "only gte and gt are counted"),
        ({"condition": {"gte": 0}}, "always"),
        ({"condition": {"gte": 2.5}}, "no whole number"),
        ({"condition": {"gte": 20_000}}, "10000"),
        ({"timespan": "2M"}, "at most 31d"),
        ({"rules": ["nothing"]}, "nothing"),
        ({"type": "temporal", "condition": {"gte": 1}}, "one rule only"),
        ({"type": "temporal", "rules": ["failed", "login"], "condition": "failed or login"},
         "otherwise than by `and`"),
        ({"type": "temporal", "rules": ["failed", "login"], "condition": {"gte": 1}}, "1 of its 2"),
        ({"type": "value_sum", "condition": {"gte": 3, "field": "b"}}, "value_sum"),
        ({"type": "value_count", "condition": {"gte": 3, "field": ["a", "b"]}}, "2 fields"),
    ],
)  # fmt: skip
def test_a_correlation_that_no_window_can_say_is_refused(more: dict[str, Any], reason: str):
    assert reason in refused(FAILED, LOGIN, correlation(**more))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["s", "x|re", "*", "1 of s"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["s", "condition", "a|cidr", "type", "rules"]), inner)
    ),
    max_leaves=6,
)
FIELDS = ["title", "id", "logsource", "detection", "correlation", "filter", "action", "level"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, min_size=1))
def test_no_document_stops_the_others(document: dict[str, Any]):
    import json

    found = imported_sigma({"a.yml": json.dumps(document), "b.yml": FAILED})
    assert "sigma-failed" in {one["name"] for one in found.policies} or any(
        not one.refused for one in found.report if one.file == "b.yml"
    )
