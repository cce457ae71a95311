"""The rules of a pack, as its deployment's parameters say them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import Rule, above
from sentinel.errors import RuleError
from sentinel.rules.pack import MOST_MEMBERS, is_pack, member_names, members_of

BASE = Rule.model_validate(
    {"name": "hosts", "every": "60s", "when": {"above": 90}, "labels": {"env": "prod"}}
)


def test_an_entry_goes_before_what_the_pack_says_for_all():
    web, db = members_of(
        BASE,
        {
            "shared": {"metric": "cpu", "over": "5m"},
            "members": [
                {"name": "web", "parameters": {"match": ['host="web"']}},
                {
                    "name": "db", "parameters": {"over": "1m"},
                    "rule": {"severity": "high", "when": {"above": 50}, "labels": {"tier": "db"}},
                },
            ],
        },
    )  # fmt: skip
    assert web.rule == BASE.model_copy(update={"name": "web"})
    assert web.parameters == {"metric": "cpu", "over": "5m", "match": ['host="web"']}
    assert (db.rule.severity, db.rule.when, db.rule.every) == (
        "high", above(50), timedelta(seconds=60),
    )  # fmt: skip
    assert db.rule.labels == {"env": "prod", "tier": "db"}
    assert db.parameters == {"metric": "cpu", "over": "1m"}


def test_a_table_says_the_same_in_a_row_a_rule_and_null_leaves_a_cell_to_the_pack():
    table: dict[str, Any] = {
        "columns": ["name", "path", "rule.severity", "rule.when.above"],
        "rows": [["a", "/a", "high", 50], ["b", "/b", None, None]],
    }
    objects: dict[str, Any] = {
        "members": [
            {
                "name": "a", "parameters": {"path": "/a"},
                "rule": {"severity": "high", "when": {"above": 50}},
            },
            {"name": "b", "parameters": {"path": "/b"}},
        ]
    }  # fmt: skip
    assert members_of(BASE, table) == members_of(BASE, objects)
    assert member_names(table) == ["a", "b"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "has 0 rules"),
    ({"members": [{"name": str(n)} for n in range(MOST_MEMBERS + 1)]}, "has 501 rules"),
    ({"members": [{"name": "a"}, {"name": "a"}]}, "the name of another rule of the pack"),
    ({"members": [{"name": "hosts"}]}, "the name of the deployment's own rule"),
    ({"members": [{"parameters": {}}]}, "members.0 has no name"),
    ({"members": ["a"]}, "members.0 must be an object"),
    ({"members": "a"}, "members must be a list"),
    ({"members": [{"name": "A b"}]}, "rule 'A b': name: must be at most 100 small letters"),
    ({"members": [{"name": "a", "sevrity": "high"}]}, "sevrity is not a field of an entry"),
    ({"members": [{"name": "a", "rule": {"every": "5s"}}]}, "every is the same for all rules"),
    ({"members": [{"name": "a", "rule": {"tenant": "x"}}]}, "tenant is the same for all"),
    ({"members": [{"name": "a", "rule": {"sevrity": 1}}]}, "rule 'a': sevrity"),
    ({"members": [{"name": "a", "rule": {"consecutive": 0}}]}, "rule 'a': consecutive: must"),
    ({"columns": ["name"]}, "takes columns and rows"),
    ({"columns": ["path"], "rows": [["/a"]]}, "must have `name`"),
    ({"columns": ["name", "name"], "rows": [["a", "b"]]}, "no name twice"),
    ({"columns": ["name", "path"], "rows": [["a"]]}, "rows.0 has 1 values for 2 columns"),
    (
        {"columns": ["name", "rule.when", "rule.when.above"], "rows": [["a", 1, 2]]},
        "column rule.when.above contradicts another",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), REFUSED)
def test_what_cannot_be_used_is_refused_by_the_name_of_its_entry(
    parameters: dict[str, Any], message: str
):
    with pytest.raises(RuleError, match=message):
        members_of(BASE, parameters)


def test_only_parameters_with_a_trigger_and_rules_are_those_of_a_pack():
    assert is_pack({"trigger": "disk_space", "members": [{"name": "a"}]})
    assert is_pack({"trigger": "disk_space", "rows": [["a"]]})
    assert not is_pack({"policies": [{"name": "a"}]})
    assert member_names({"rows": [["a"]]}) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("members", "columns", "rows"), _JSON)))
def test_whatever_is_written_there_are_rules_or_an_error_that_says_why(parameters: dict[str, Any]):
    try:
        made = members_of(BASE, parameters)
    except RuleError:
        return
    assert [one.rule.name for one in made] == member_names(parameters)
