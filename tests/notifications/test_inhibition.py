"""Inhibition rules against the plainest way to say what Alertmanager does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.notifications.inhibition import InhibitionIndex, InhibitRule
from sentinel.notifications.route_document import read_routes

NAMES = ("tenant", "severity", "host", "zone")
LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("", "a", "b")))
MATCHER = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(("=", "!=", "=~", "!~")),
    st.sampled_from(("a", "b", "a|b", "")),
)  # fmt: skip
SIDE = st.lists(MATCHER, min_size=1, max_size=2)
RULE = st.tuples(SIDE, SIDE, st.lists(st.sampled_from(NAMES), max_size=2))
Side = list[tuple[str, str, str]]


def plainly(side: Side, labels: dict[str, str]) -> bool:
    for name, operator, text in side:
        value = labels.get(name, "")
        same = re.fullmatch(text, value) is not None if "~" in operator else value == text
        if same is operator.startswith("!"):
            return False
    return True


def inhibits(rule: tuple[Side, Side, list[str]], source: dict[str, str], target: dict[str, str]):
    source_side, target_side, equal = rule
    return (
        plainly(source_side, source)
        and plainly(target_side, target)
        and source.get("tenant", "") == target.get("tenant", "")
        and all(source.get(name, "") == target.get(name, "") for name in equal)
        and not (plainly(source_side, target) and plainly(target_side, source))
    )


@given(st.lists(RULE, min_size=1, max_size=4), st.lists(LABELS, min_size=2, max_size=6))
def test_the_keys_find_what_comparing_each_pair_would(
    rules: list[tuple[Side, Side, list[str]]], alerts: list[dict[str, str]]
):
    def written(side: Side) -> list[str]:
        return [f'{name}{operator}"{text}"' for name, operator, text in side]

    index = InhibitionIndex(
        InhibitRule(source_matchers=written(source), target_matchers=written(target), equal=equal)
        for source, target, equal in rules
    )
    sources = [index.as_source(one) for one in alerts]
    for place, target in enumerate(alerts):
        expected = {
            other
            for other, source in enumerate(alerts)
            if other != place and any(inhibits(rule, source, target) for rule in rules)
        }
        found = {
            other
            for key, both in index.as_target(target).items()
            for other, keys in enumerate(sources)
            if other != place and key in keys and not (both and keys[key])
        }
        assert found == expected


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{target_matchers: [a=b]}", "source_matchers"),
        ("{source_matchers: [], target_matchers: [a=b]}", "source_matchers"),
        ("{source_matchers: ['a=~('], target_matchers: [a=b]}", "cannot be used"),
        ("{source_matchers: [a=b], target_matchers: [a=b], same: [c]}", "same"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(rule: str, words: str):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        read_routes(f"route: {{}}\ninhibit_rules: [{rule}]")
