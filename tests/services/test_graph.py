"""Which service an alert belongs to, who calls whom, blast radius and readiness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinel.labels.matchers import Matcher, matcher
from sentinel.services import naming
from sentinel.services.definition import ServiceDefinition, definition_of
from sentinel.services.graph import Edge, ServiceGraph, blast_radius, declared_edges
from sentinel.services.naming import ServiceNames
from sentinel.services.readiness import OperationFacts, readiness_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def service(name: str, *calls: str, **more: object) -> ServiceDefinition:
    return definition_of({"name": name, "depends_on": list(calls), **more})


CATALOG = {
    one.name: one
    for one in (
        service("web", "checkout", tier=1, owner="shop"),
        service("checkout", "payments", tier=1, aliases=["shop/checkout"]),
        service("payments", "db", tier=2, match=['job="pay"', 'env=~"prod|stage"']),
        service("db", tier=2),
    )
}  # fmt: skip
NAMES = ServiceNames(CATALOG.values(), {"pay-slo": "payments"})


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"service": "checkout"}, "checkout"),
        ({"service": "shop/checkout"}, "checkout"),
        ({"service.name": "unknown one"}, "unknown one"),
        ({"slo": "pay-slo"}, "payments"),
        ({"job": "pay", "env": "prod"}, "payments"),
        ({"job": "pay", "env": "test"}, ""),
        ({"service": "db", "job": "pay", "env": "prod"}, "db"),
        ({}, ""),
    ],
)
def test_an_alert_belongs_to_the_service_that_its_labels_name(labels: dict[str, str], name: str):
    assert NAMES.of_labels(labels) == name


def test_the_blast_radius_is_who_depends_on_it_by_tier_and_distance_with_the_way():
    seen = [
        Edge(caller="shop/checkout", callee="payments", source="traces", calls=7, last_seen=NOW),
        Edge(caller="robot", callee="payments", source="traces", calls=1, last_seen=NOW),
    ]
    graph = ServiceGraph([*declared_edges(CATALOG.values()), *seen], NAMES)
    found = blast_radius("db", graph, CATALOG)
    assert [(one.name, one.tier, one.distance) for one in found.affected] == [
        ("checkout", 1, 2), ("web", 1, 3), ("payments", 2, 1), ("robot", None, 2),
    ]  # fmt: skip
    assert found.affected[1].path == ["web", "checkout", "payments", "db"]
    assert found.affected[0].sources == ["declared", "traces"]
    assert found.tiers == {0: 1, 1: 2, 2: 1}
    assert blast_radius("web", graph, CATALOG).affected == []


def test_one_edge_of_two_names_of_a_service_is_one_seen_last():
    edges = [
        Edge(caller=name, callee="payments", source="traces", calls=calls,
             last_seen=NOW - timedelta(hours=calls))
        for name, calls in (("checkout", 2), ("shop/checkout", 5))
    ]  # fmt: skip
    (only,) = ServiceGraph(edges, NAMES).edges
    assert (only.caller, only.calls, only.last_seen) == ("checkout", 7, NOW - timedelta(hours=2))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20), st.randoms())
def test_whoever_reaches_a_service_is_in_its_blast_radius_whatever_the_order(
    pairs: list[tuple[int, int]], random: object
):
    """Against reachability found by repetition; also where calls go in a circle."""
    edges = [Edge(caller=str(a), callee=str(b), source="traces") for a, b in pairs]
    shuffled = sorted(edges, key=lambda _: random.random())  # type: ignore[attr-defined]
    names = ServiceNames([])
    reaches = {(a, b) for a, b in pairs if a != b}
    while more := {(a, d) for a, b in reaches for c, d in reaches if b == c} - reaches:
        reaches |= more
    for number in range(8):
        found = blast_radius(str(number), ServiceGraph(edges, names), {})
        expected = {str(a) for a, b in reaches if b == number and a != number}
        assert {one.name for one in found.affected} == expected
        assert found == blast_radius(str(number), ServiceGraph(shuffled, names), {})


def test_readiness_is_the_sum_of_what_holds_and_says_what_to_do():
    bare = readiness_of(service("a"), OperationFacts())
    assert (bare.score, sum(one.weight for one in bare.checks)) == (0, 100)
    assert all(one.evidence for one in bare.checks)
    link = {"title": "Board", "url": "https://grafana.example/d/1", "kind": "dashboard"}
    entry = service("a", owner="shop", runbook="https://wiki.example/a", links=[link])
    facts = OperationFacts(rules=[f"r{n}" for n in range(7)], schedules=["shop"])
    found = readiness_of(entry, facts)
    assert found.score == 90
    assert [one.code for one in found.checks if not one.passed] == ["slo"]
    rule = next(one for one in found.checks if one.code == "alert_rule")
    assert rule.evidence == "r0, r1, r2, r3, r4 and 2 more"


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    st.sets(st.integers(0, 7)), st.integers(1, 8),
)  # fmt: skip
# A service that is wrong itself, behind one that has enough causes.
@example(pairs=[(0, 1), (0, 3), (1, 0)], wrong={1, 3}, most=1)
def test_a_service_is_impaired_by_the_nearest_that_it_depends_on(
    pairs: list[tuple[int, int]], wrong: set[int], most: int
):
    edges = [Edge(caller=str(a), callee=str(b), source="traces") for a, b in pairs]
    graph = ServiceGraph(edges, ServiceNames([]))
    far: dict[str, list[int]] = {}
    for cause in map(str, wrong):
        for name, way in graph.upstream(cause).items():
            far.setdefault(name, []).append(len(way))
    found = graph.impaired(map(str, wrong), most)
    assert found.keys() == far.keys()
    for name, causes in found.items():
        ways = [len(graph.upstream(cause)[name]) for cause in causes]
        assert ways == sorted(far[name])[:most]


MATCHES = st.lists(
    st.sampled_from(["job=a", "job=b", "env=a", 'env=""', "job!=b", "env=~a|b"]), max_size=3
)


@settings(max_examples=150)
@given(
    st.lists(MATCHES, max_size=6),
    st.dictionaries(st.sampled_from(["job", "env"]), st.sampled_from(["a", "b", "c"])),
)
def test_of_services_whose_match_holds_the_first_by_name_has_the_alert(
    matches: list[list[str]], labels: dict[str, str]
):
    entries = [service(f"s{place}", match=match) for place, match in enumerate(matches)]
    holding = [
        one.name for one in entries
        if one.match and all(matcher(text)(labels) for text in one.match)
    ]  # fmt: skip
    assert ServiceNames(entries).of_labels(labels) == next(iter(holding), "")


def test_alerts_are_not_compared_with_every_service_of_a_large_catalog(
    monkeypatch: pytest.MonkeyPatch,
):
    asked = list[str]()

    class Counted(Matcher):
        def __call__(self, labels: Mapping[str, str]) -> bool:
            asked.append(self.source)
            return super().__call__(labels)

    monkeypatch.setattr(naming, "matcher", Counted)
    names = ServiceNames([service(f"s{n}", match=["env=~x|y", f"job=j{n}"]) for n in range(500)])
    assert names.of_labels({"job": "j7", "env": "x"}) == "s7"
    assert len(asked) == 2
