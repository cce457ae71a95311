"""Event policies: the index never changes an answer, and all of an event is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.event_policies import EventPolicy, Matcher, compile_policy
from sentinel.event_policies.clause import COMPARABLE
from sentinel.event_policies.outcome import key_of
from tests.event_policies.test_operators import policy, rule

FIELDS = ["a", "b", "n.x", "n.y", "n.l.z", "l"]
WORDS = ["", "a", "ab", "abc", "xabcx", "ABC", "10.0.0.1", "5", "é", "zzzz"]
SCALARS = st.one_of(
    st.sampled_from(WORDS), st.integers(-3, 6), st.sampled_from([0.5, 5.0]), st.booleans()
)


def _valued(operator: str) -> st.SearchStrategy[Any]:
    match operator:
        case "in" | "not_in":
            return st.lists(SCALARS, max_size=3)
        case "exists":
            return st.booleans()
        case "cidr":
            return st.sampled_from(["10.0.0.0/8", "10.0.0.1", "::/0", "0.0.0.0/0"])
        case "regex":
            return st.sampled_from(["a", "^a.c$", "ab|zz", "b+", "", "(?i)aBc", "\\d"])
        case "startswith" | "endswith":
            return st.sampled_from(WORDS)
        case "gt" | "gte" | "lt" | "lte":
            return st.one_of(st.sampled_from(WORDS), st.integers(-3, 6))
        case _:
            return SCALARS


_OPERATORS = st.sampled_from(
    ["eq", "ne", "gt", "lt", "gte", "lte", "in", "not_in", "contains", "startswith", "endswith",
     "regex", "exists", "cidr"]
)  # fmt: skip


def _conditions(operator: str) -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "field": st.sampled_from([*FIELDS, "*"]),
        "operator": st.just(operator),
        "case_sensitive": st.booleans(),
    }
    with_value = st.fixed_dictionaries({**common, "value": _valued(operator)})
    if operator not in COMPARABLE:
        return with_value
    other = st.fixed_dictionaries({**common, "value_field": st.sampled_from(FIELDS)})
    return st.one_of(with_value, with_value, other)


CONDITIONS = _OPERATORS.flatmap(_conditions)
CLAUSES = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda x: {"all": x}),
        st.lists(inner, min_size=1, max_size=3).map(lambda x: {"any": x}),
        inner.map(lambda x: {"not": x}),
    ),
    max_leaves=5,
)
POLICIES = st.fixed_dictionaries(
    {
        "name": st.just("p"),
        "rules": st.lists(CLAUSES, min_size=1, max_size=3),
        "match_all": st.booleans(),
        "enabled": st.sampled_from([True, True, False]),
    }
).map(EventPolicy.model_validate)
LEAF = st.one_of(SCALARS, st.none(), st.lists(SCALARS, max_size=3))
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "a": LEAF,
        "b": LEAF,
        "n.x": SCALARS,
        "n": st.one_of(
            SCALARS,
            st.fixed_dictionaries(
                {},
                optional={
                    "x": LEAF,
                    "y": LEAF,
                    "l": st.lists(st.fixed_dictionaries({"z": LEAF}), max_size=3),
                },
            ),
        ),
        "l": st.lists(st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=3),
    },
)


@settings(max_examples=150)
@given(policies=st.lists(POLICIES, max_size=6), events=st.lists(EVENTS, min_size=1, max_size=6))
def test_the_index_opens_whatever_matches(
    policies: list[EventPolicy], events: list[dict[str, Any]]
):
    checks = [compile_policy(one) for one in policies]
    expected = [
        [n for n, one in enumerate(policies) if one.enabled and checks[n](event)]
        for event in events
    ]
    plain, sampled = Matcher(policies), Matcher(policies, events)
    for _ in range(2):  # once unknown, once remembered
        assert list(plain.matches(events)) == expected
    assert list(sampled.matches(events)) == expected


def test_texts_that_never_come_back_are_not_remembered_and_the_answer_stays():
    matcher = Matcher([policy(rule("id", "endswith", "77"))])
    found = [n for n in range(12_000) if matcher.match({"id": f"request-{n}"})]
    assert found == [n for n in range(12_000) if str(n).endswith("77")]


def test_only_what_must_not_be_is_asked_for_every_event():
    matcher = Matcher(
        [policy(rule("a", "eq", n)) for n in range(100)]
        + [policy({"not": rule("a", "eq", 1)}), policy(rule("b", "exists", False))]
    )
    assert matcher.always_asked == 2


def _both(one: EventPolicy, event: dict[str, Any]) -> bool:
    """Whether a policy matches, by itself and through the index."""
    alone, indexed = compile_policy(one)(event), Matcher([one]).match(event) == [0]
    assert alone is indexed
    return alone


def test_a_pattern_without_regard_to_case_is_found_by_its_letters():
    policies = [policy(rule("text", "regex", f"(?i)Task{n}s?$")) for n in range(50)]
    policies += [policy(rule("text", "regex", "kiss\\d", case_sensitive=False))]
    matcher = Matcher(policies)
    for text, found in (("taSK7", [7]), ("tas\u212a7S", [7]), ("KI\u017fS1", [50]), ("task", [])):
        assert matcher.match({"text": text}) == found
        assert [n for n, one in enumerate(policies) if compile_policy(one)({"text": text})] == found


@pytest.mark.parametrize("source", ["root logged in", "[r]oot", "(?i)ROOT LOGGED", "in$"])
def test_what_a_text_hides_behind_padding_is_found(source: str):
    one = policy(rule("text", "regex", source))
    assert _both(one, {"text": "a" * 20_000 + " root logged in"})
    assert _both(one, {"text": ["x", "a" * 20_000 + " root logged in"]})
    assert not _both(policy(rule("text", "regex", "^a+$")), {"text": "a" * 20_000 + "!"})


def test_what_a_list_hides_behind_padding_is_found():
    deep: Any = ["evil"]
    for _ in range(500):
        deep = [deep]
    for tags in (["x"] * 5000 + ["evil"], deep, ["x", [["x"]], deep, "x"]):
        assert _both(policy(rule("tags", "eq", "evil")), {"tags": tags})
        assert _both(policy(rule("tags", "contains", "evil")), {"tags": tags})
    people = [{"name": "x"}] * 5000 + [{"name": "evil"}]
    assert _both(policy(rule("people.name", "eq", "evil")), {"people": people})


def test_keys_that_differ_only_after_their_first_characters_stay_apart():
    one = policy(rule("status", "exists"), by=["user"])
    first, second = ("x" * 500 + end for end in "ab")
    assert key_of(one, {"user": first}) != key_of(one, {"user": second})
    assert len(key_of(one, {"user": first})[0]) == 200
    assert key_of(one, {"user": "x" * 200}) == ("x" * 200,)


KEYWORDS: dict[str, Any] = {
    "id": 4711,
    "ok": True,
    "empty": None,
    "process": {"args": ["cmd.exe", ["/c", "whoami /ALL"]], "env": {"deep": [{"er": "Mimikatz"}]}},
}


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("contains", "whoami", True),
        ("contains", "mimikatz", False),
        ("eq", "cmd.exe", True),
        ("eq", 4711, True),
        ("regex", "(?i)MIMI(katz|dogz)", True),
        ("startswith", "whoami", True),
        ("contains", "process", False),  # a name, and no value
        ("contains", "471", True),
        ("eq", True, True),
        ("ne", "cmd.exe", False),
        ("ne", "bash", True),
        ("gt", 5000, False),
    ],
)
def test_a_star_is_every_value_of_the_event_however_deep(operator: str, value: Any, found: bool):
    assert _both(policy(rule("*", operator, value)), KEYWORDS) is found


def test_a_star_can_leave_out_case_and_finds_nothing_in_an_empty_event():
    keyword = rule("*", "contains", "mimikatz", case_sensitive=False)
    assert _both(policy(keyword), KEYWORDS)
    assert not _both(policy(keyword), {})
    assert not _both(policy({"not": keyword}), KEYWORDS)
    assert _both(policy({"any": [keyword, rule("id", "eq", 1)]}), {"id": 1})


TWO: dict[str, Any] = {
    "subject": {"user": "Ada"},
    "target": {"user": "ada"},
    "sent": 10,
    "limit": "9.5",
    "path": "/home/ada/x",
    "names": ["bob", "ada"],
    "text": "zz",
    "empty": [],
}


@pytest.mark.parametrize(
    ("field", "operator", "other", "found"),
    [
        ("subject.user", "eq", "target.user", False),
        ("subject.user", "ne", "target.user", True),
        ("target.user", "eq", "names", True),
        ("names", "ne", "target.user", False),
        ("sent", "gt", "limit", True),
        ("limit", "gte", "sent", False),
        ("sent", "gt", "text", False),  # a number and a text have no order
        ("text", "gt", "target.user", True),
        ("path", "contains", "names", True),
        ("path", "startswith", "names", False),
        ("path", "endswith", "text", False),
        ("missing", "ne", "sent", False),
        ("sent", "ne", "missing", False),
        ("empty", "eq", "empty", False),
    ],
)
def test_a_field_is_compared_with_another_of_the_same_event(
    field: str, operator: str, other: str, found: bool
):
    one = policy({"field": field, "operator": operator, "value_field": other})
    assert _both(one, TWO) is found


def test_two_fields_are_compared_without_regard_to_case():
    one = {"field": "subject.user", "operator": "eq", "value_field": "target.user"}
    assert _both(policy({**one, "case_sensitive": False}), TWO)


@pytest.mark.slow
def test_long_lists_are_compared_in_time_that_grows_with_them():
    many = {"a": [f"x{n}" for n in range(50_000)], "b": [f"y{n}" for n in range(50_000)]}
    for operator in COMPARABLE:
        one = policy({"field": "a", "operator": operator, "value_field": "b"})
        assert _both(one, many) is (operator in ("ne", "lt", "lte"))


def test_thousands_of_conditions_are_one_policy():
    hashes = [rule("hash", "contains", f"MD5={n:032x}") for n in range(5000)]
    one = policy({"any": hashes})
    assert _both(one, {"hash": f"SHA1=0,MD5={4321:032x}"})
    assert not _both(one, {"hash": f"SHA1=0,MD5={5000:032x}"})
