"""What a policy matches, compared with a reading of Sigma's specification by brute force."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.event_policies.matcher import compile_policy
from sentinel.event_policies.pack import policy_of
from sentinel.ingest.sigma.reading import imported_sigma

Selection = dict[str, list[str]]
FIELDS = st.sampled_from(["f", "g.h", "n"])
MODIFIERS = st.sampled_from(
    ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|all", "|cased|contains"]
)
TEXTS = st.text(alphabet="aB.*?", min_size=1, max_size=2).filter(lambda text: text.strip("*"))
SELECTIONS = st.dictionaries(
    st.tuples(FIELDS, MODIFIERS).map("".join), st.lists(TEXTS, min_size=1, max_size=2),
    min_size=1, max_size=2,
)  # fmt: skip
KEYWORDS = st.lists(TEXTS, min_size=1, max_size=2)
CONDITIONS: dict[str, Callable[[bool, bool, bool], bool]] = {
    "s1 and not s2": lambda one, two, words: one and not two,
    "s1 or s2": lambda one, two, words: one or two,
    "1 of s*": lambda one, two, words: one or two,
    "all of s*": lambda one, two, words: one and two,
    "not 1 of s* or words": lambda one, two, words: not (one or two) or words,
    "(s1 or words) and not (s2 and words)": lambda one, two, words: (
        (one or words) and not (two and words)
    ),
}
SHORT = st.text(alphabet="abA.\n", max_size=3)
VALUES = st.one_of(SHORT, st.lists(SHORT, max_size=2))
Event = dict[str, Any]
G: st.SearchStrategy[Event] = st.fixed_dictionaries({"h": VALUES})
EVENTS: st.SearchStrategy[Event] = st.fixed_dictionaries({}, optional={"f": VALUES, "g": G})


def like(pattern: str, text: str) -> bool:
    """Return whether a text is the pattern, with * for any letters and ? for one."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and like(pattern[1:], text[1:])


def is_it(values: list[str], pattern: str, *, cased: bool) -> bool:
    if cased:
        return any(like(pattern, one) for one in values)
    return any(like(pattern.lower(), one.lower()) for one in values)


def values_at(event: Event, field: str) -> list[str]:
    value: Any = event
    for part in field.split("."):
        value = value.get(part, []) if hasattr(value, "get") else []
    return [value] if isinstance(value, str) else value


def everything(event: Any) -> list[str]:
    if isinstance(event, str):
        return [event]
    parts: list[Any] = list(event.values()) if hasattr(event, "values") else event
    return [text for one in parts for text in everything(one)]


def selected(selection: Selection, event: Event) -> bool:
    for name, patterns in selection.items():
        field, *modifiers = name.split("|")
        before = "*" if {"contains", "endswith"} & {*modifiers} else ""
        after = "*" if {"contains", "startswith"} & {*modifiers} else ""
        found = [
            is_it(values_at(event, field), before + one + after, cased="cased" in modifiers)
            for one in patterns
        ]
        if not (all(found) if "all" in modifiers else any(found)):
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(SELECTIONS, SELECTIONS, KEYWORDS, st.sampled_from(sorted(CONDITIONS)),
       st.lists(EVENTS, min_size=6, max_size=12))  # fmt: skip
def test_a_policy_matches_what_the_specification_says(
    one: Selection, two: Selection, words: list[str], condition: str, events: list[Event]
) -> None:
    rule = {
        "title": "t", "logsource": {"product": "p"},
        "detection": {"s1": one, "s2": two, "words": words, "condition": condition},
    }  # fmt: skip
    found = imported_sigma({"a.yml": json.dumps(rule)})
    (policy,) = found.policies
    check = compile_policy(policy_of(policy))
    for event in events:
        texts = everything(event)
        anywhere = any(is_it(texts, f"*{word}*", cased=False) for word in words)
        expected = CONDITIONS[condition](selected(one, event), selected(two, event), anywhere)
        assert check(event) is expected, (policy, event)


def test_the_conditions_tell_all_combinations_apart() -> None:
    for says in CONDITIONS.values():
        answers = {says(*each) for each in product((False, True), repeat=3)}
        assert answers == {False, True}
