"""Dependencies: what is muted while something fails that it needs."""

from __future__ import annotations

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.routing import RouteTree

DOCUMENT = """
route: {}
dependencies:
  - {upstream: {deployment: ingest/nightly}, downstream: [{deployment: transform/nightly}]}
  - {upstream: {deployment: transform/nightly}, downstream: [{service: dashboard}, {service: api}]}
"""
PAIRS = st.sets(st.sampled_from([(a, b) for a, b in permutations(range(5), 2) if a < b]))


def mutes(tree: RouteTree, source: dict[str, str], target: dict[str, str]) -> bool:
    sources, targets = tree.inhibitions.as_source(source), tree.inhibitions.as_target(target)
    return any(key in sources for key in targets)


def test_what_needs_it_over_several_steps_is_muted_and_never_the_other_way():
    tree = RouteTree(read_routes(DOCUMENT))
    ingest, transform = ({"deployment": f"{name}/nightly"} for name in ("ingest", "transform"))
    dashboard = {"service": "dashboard", "severity": "low"}
    assert mutes(tree, ingest, transform)
    assert mutes(tree, ingest, dashboard)
    assert mutes(tree, transform, {"service": "api"})
    assert not mutes(tree, transform, ingest)
    assert not mutes(tree, dashboard, {"service": "api"})
    assert not mutes(tree, {**ingest, "tenant": "red"}, {**transform, "tenant": "blue"})


@given(PAIRS)
def test_it_is_the_transitive_closure(pairs: set[tuple[int, int]]):
    lines = [
        f"  - {{upstream: {{service: s{above}}}, downstream: {{service: s{below}}}}}"
        for above, below in sorted(pairs)
    ]
    tree = RouteTree(read_routes("route: {}\ndependencies:\n" + "\n".join(lines or ["  []"])))
    closed = set(pairs)
    for _ in range(5):
        closed |= {(a, d) for a, b in closed for c, d in closed if b == c}
    for a, b in permutations(range(5), 2):
        assert mutes(tree, {"service": f"s{a}"}, {"service": f"s{b}"}) is ((a, b) in closed)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{upstream: {service: a}, downstream: {service: a}}", "needs itself"),
        ("{upstream: {service: a, deployment: b}, downstream: {service: c}}", "either service"),
        ("{upstream: {}, downstream: {service: c}}", "either service"),
        ("{upstream: {service: a}}", "downstream"),
    ],
)
def test_a_dependency_that_cannot_be_is_refused_by_name(line: str, words: str):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        read_routes(f"route: {{}}\ndependencies: [{line}]")
    circle = "[{upstream: {service: a}, downstream: {service: b}}, {upstream: {service: b}, "
    with pytest.raises(ConfigurationError, match="needs itself over"):
        read_routes(f"route: {{}}\ndependencies: {circle}downstream: {{service: a}}}}]")
