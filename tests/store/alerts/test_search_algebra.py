"""Searches of any shape, against a plain evaluation of what they say over every alert."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import Reading, Rule
from sentinel.alerts.actions import Acknowledge, Action, Assign, Resolve, Suppress
from sentinel.alerts.view import AlertView
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter, both
from sentinel.store.alerts.search_syntax import read_search

RULES, TEAMS, HOSTS = ("disk", "cpu"), ("db", "web", "ops"), ("one", "two", "three")
SEVERITIES, STATUSES = ("critical", "high", "low"), ("open", "acknowledged", "suppressed")
WORDS = ("amber", "brown", "cyan")

Node = tuple[str, Any]
"""A term (`term`, its text), or `not`, `and` or `or` with the nodes that it is of."""


@pytest.fixture
def alerts(store: Store, clock: FakeClock) -> list[AlertView]:
    """54 alerts of all rules, severities, teams and statuses, some assigned."""
    chance = random.Random(13)
    for rule in RULES:
        for team in TEAMS:
            for severity in SEVERITIES:
                clock.forward(seconds=1)
                readings = [
                    Reading(
                        labels={"host": host, "of": f"{team}-{severity}"}, firing=True,
                        summary=f"{chance.choice(WORDS)} {host}",
                    )
                    for host in HOSTS
                ]  # fmt: skip
                spec = {"name": rule, "team": team, "severity": severity}
                store.apply(
                    Evaluation(
                        rule=Rule.model_validate(spec), trigger="t", slot=clock.now(),
                        at=clock.now(), observation=Observation(readings=readings, state={}),
                    )
                )  # fmt: skip
    ids = [one.id for one in store.alerts.page(limit=500).items]
    clock.forward(seconds=1)
    later = clock.now() + timedelta(days=1)
    actions: tuple[Action | None, ...] = (
        None, Acknowledge(actor="a"), Suppress(actor="a", until=later), Resolve(actor="a"),
        Assign(actor="a", assignee="ann"),
    )  # fmt: skip
    for alert in ids:
        action = chance.choice(actions)
        if action is not None:
            store.act([alert], action)
    return store.alerts.page(limit=500).items


def holds(node: Node, alert: AlertView) -> bool:
    """Whether an alert is what a search says, read plainly."""
    kind, of = node
    if kind == "not":
        return not holds(of, alert)
    if kind != "term":
        return (all if kind == "and" else any)(holds(one, alert) for one in of)
    name, _, value = of.rpartition(":")
    if name in ("severity", "status"):
        return getattr(alert, name) in value.split(",")
    if name in ("rule", "team"):
        return getattr(alert, name) == value
    if name == "assignee":
        return alert.assignee == ("ann" if value == "me" else value)
    return alert.labels.get("host") == value if name else value in alert.title


def typed(node: Node, spell: Callable[[], bool], *, inner: bool = False) -> str:
    """The search as somebody types it; `spell` chooses among ways to write the same."""
    kind, of = node
    if kind == "term":
        return of
    if kind == "not":
        within = typed(of, spell, inner=of[0] != "not")
        if of[0] != "term":
            within = within if within.startswith("(") else f"({within})"
        if spell():
            return f"-{within}"
        return f"NOT{'' if within.startswith('(') and spell() else ' '}{within}"
    parts = [typed(one, spell, inner=True) for one in of]
    if kind == "and":
        text = (" AND " if spell() else " ").join(parts)
    else:
        text = parts[0]
        for part in parts[1:]:
            close = text.endswith(")") and part.startswith("(") and spell()
            text += f"OR{part}" if close else f" OR {part}"
    return f"({text})" if inner else text


def one_of(name: str, values: tuple[str, ...]) -> st.SearchStrategy[Node]:
    return st.sampled_from([("term", f"{name}:{value}" if name else value) for value in values])


TERMS = st.one_of(
    one_of("severity", (*SEVERITIES, "critical,high", "high,low")),
    one_of("status", (*STATUSES, "resolved", "open,resolved")),
    one_of("rule", RULES), one_of("team", TEAMS), one_of("host", HOSTS), one_of("", WORDS),
    one_of("assignee", ("me", "bob")),
)  # fmt: skip
SEARCHES: st.SearchStrategy[Node] = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


@pytest.mark.slow
def test_a_search_finds_what_it_says_and_nothing_more(store: Store, alerts: list[AlertView]):
    assert {one.status for one in alerts} == {*STATUSES, "resolved"}

    @settings(max_examples=120 if store.dialect == "sqlite" else 40)
    @given(node=SEARCHES, seed=st.integers(0, 999))
    def agrees(node: Node, seed: int) -> None:
        chance = random.Random(seed)
        text = typed(node, lambda: chance.random() < 0.5)
        asked = read_search(text, me="ann")
        expected = {one.id for one in alerts if holds(node, one)}
        found = {one.id for one in store.alerts.page(asked, limit=500).items}
        assert found == expected, text
        assert store.alerts.count(asked) == len(expected), text

    agrees()


def test_a_filter_of_two_selects_what_both_select(store: Store, alerts: list[AlertView]):
    @settings(max_examples=60 if store.dialect == "sqlite" else 20)
    @given(one=SEARCHES, other=SEARCHES)
    def agrees(one: Node, other: Node) -> None:
        asked = both(*(read_search(typed(node, lambda: True), me="ann") for node in (one, other)))
        expected = {each.id for each in alerts if holds(one, each) and holds(other, each)}
        assert {each.id for each in store.alerts.page(asked, limit=500).items} == expected

    agrees()


@pytest.mark.parametrize(
    ("search", "plain"),
    [
        ("(severity:critical OR team:db) severity:high", ("team:db", "severity:high")),
        ("(rule:disk OR team:db) rule:cpu", ("team:db", "rule:cpu")),
    ],
)
def test_two_values_of_one_field_must_both_hold(
    store: Store, alerts: list[AlertView], search: str, plain: tuple[str, ...]
):
    node = ("and", [("term", one) for one in plain])
    found = {one.id for one in store.alerts.page(read_search(search), limit=500).items}
    assert found == {one.id for one in alerts if holds(node, one)} != set()


@pytest.mark.parametrize(
    "search", ["team:db team:web", "severity:high severity:low", "status:open status:resolved"]
)
def test_two_values_that_exclude_each_other_find_nothing(
    store: Store, alerts: list[AlertView], search: str
):
    assert alerts
    assert store.alerts.page(read_search(search)).items == []
    assert store.alerts.page(read_search(search), order="live").items == []


def test_an_alias_is_the_same_value(store: Store, alerts: list[AlertView]):
    found = store.alerts.page(read_search("severity:critical severity:emergency"), limit=500).items
    assert len(found) == sum(one.severity == "critical" for one in alerts) > 0


@pytest.mark.parametrize(
    ("search", "same"),
    [
        ("NOT(a)", "NOT (a)"),
        ('NOT"a b"', 'NOT "a b"'),
        ("a OR(b)", "a OR (b)"),
        ("(a)OR(b)", "(a) OR (b)"),
        ("(a)OR b", "(a) OR b"),
        ("a AND(b OR c)", "a (b OR c)"),
        ("a NOT(b OR c)", "a -(b OR c)"),
        ("(a)(b)", "a b"),
        ("NOT NOT a", "a"),
        ("NOT -a", "a"),
        ("NOTE", '"NOTE"'),
        ("f(x)OR(y)", '"f(x)OR(y)"'),
    ],
)
def test_an_operator_needs_no_space_before_a_parenthesis(search: str, same: str):
    assert read_search(search) == read_search(same)


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("web NOT", "NOT of the search stands before nothing"),
        ("(web NOT) disk", "NOT of the search stands before nothing"),
        ("web NOT OR disk", "NOT of the search stands before nothing"),
        ('NOT "" web', "NOT of the search stands before nothing"),
        ('-"" web', "a minus of the search stands before nothing"),
        ("severity:, web", "names no severity"),
    ],
)
def test_what_leaves_out_nothing_is_refused(search: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        read_search(search)


def test_both_keeps_the_fields_of_the_first_at_the_top():
    one = AlertFilter(rule="disk", words=("a",), any_of=(AlertFilter(team="x"),))
    other = AlertFilter(rule="cpu", words=("b",), team="y", any_of=(AlertFilter(team="z"),))
    found = both(one, other)
    assert (found.rule, found.team, found.words) == ("disk", "y", ("a", "b"))
    (again,) = found.all_of
    assert (again.rule, again.any_of, again.team) == ("cpu", other.any_of, "")


def test_me_of_nobody_is_not_the_unassigned():
    assert read_search("assignee:me").assignee == "me"
    assert read_search("assignee:me", me="ann").assignee == "ann"
