"""Which flows depend on which, by what Prefect says of runs and Automations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.services.flow_graph import (
    ChildRun,
    GraphNode,
    Names,
    automation_edges,
    child_edges,
    result_edges,
)

NAMES = Names(
    flows={"f1": "extract", "f2": "load", "f3": "nightly"},
    deployed={"d1": "extract", "d2": "load", "d3": "nightly"},
    deployments={"prod": ["extract", "load"]},
)


def started_by(trigger: dict[str, Any], deployment: str = "d2", **more: Any) -> dict[str, Any]:
    action = {"type": "run-deployment", "deployment_id": deployment}
    return {"enabled": True, "trigger": trigger, "actions": [action], **more}


def after(related: Any, *expect: str, **more: Any) -> dict[str, Any]:
    return {"type": "event", "posture": "Reactive", "match_related": related,
            "expect": list(expect or ["prefect.flow-run.Completed"]), **more}  # fmt: skip


OF_EXTRACT = {"prefect.resource.role": "deployment", "prefect.resource.id": "prefect.deployment.d1"}


@pytest.mark.parametrize(
    "related",
    [
        OF_EXTRACT,
        [OF_EXTRACT, {"prefect.resource.role": "tag"}],
        {"prefect.resource.id": ["prefect.flow.f1"]},
        {"prefect.resource.role": "flow", "prefect.resource.name": "extract"},
        {"prefect.resource.role": "deployment", "prefect.resource.name": "prod"},
    ],
)
def test_an_automation_makes_what_it_starts_depend_on_what_it_waits_for(related: Any):
    assert automation_edges([started_by(after(related))], NAMES) == {("load", "extract"): 1}
    both = {"type": "sequence", "triggers": [after(related), after({})]}
    assert automation_edges([started_by(both)], NAMES) == {("load", "extract"): 1}


@pytest.mark.parametrize(
    "automation",
    [
        started_by(after(OF_EXTRACT), enabled=False),
        started_by(after(OF_EXTRACT, "prefect.flow-run.Failed")),  # mends what failed
        started_by(after(OF_EXTRACT, posture="Proactive")),  # waits for runs that do not come
        started_by(after({"prefect.resource.role": "deployment"})),  # waits for any
        started_by(after({"prefect.resource.id": "prefect.deployment.gone"})),
        started_by(after(OF_EXTRACT), deployment="d1"),  # itself
        started_by({"type": "metric"}),
        {**started_by(after(OF_EXTRACT)), "actions": [{"type": "send-notification"}]},
    ],
)
def test_what_says_nothing_of_a_dependency_makes_none(automation: dict[str, Any]):
    assert automation_edges([automation], NAMES) == {}


def test_runs_of_flows_that_were_deleted_are_left_out():
    runs = [
        ChildRun(id=str(place), flow_id=child, parent_run_id="p", parent_flow_id=parent)
        for place, (parent, child) in enumerate(
            [("f3", "f1"), ("f3", "f1"), ("f3", "f3"), ("gone", "f1"), ("f3", "gone")]
        )
    ]
    assert child_edges(runs, NAMES) == {("nightly", "extract"): 2}


@given(
    st.integers(2, 12).flatmap(
        lambda size: st.tuples(
            st.lists(st.booleans(), min_size=size, max_size=size),
            st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))),
        )
    )
)
def test_a_result_is_followed_through_tasks_and_not_through_flows(
    graph: tuple[list[bool], set[tuple[int, int]]],
):
    """By a second way: close the relation over tasks step by step, in graphs with circles too."""
    flows, follows = graph
    nodes = [
        GraphNode(
            id=str(one), is_flow=is_flow,
            parents=[str(parent) for child, parent in sorted(follows) if child == one],
        )
        for one, is_flow in enumerate(flows)
    ]  # fmt: skip
    names = Names(flows={str(one): f"flow-{one}" for one in range(len(flows))})
    own = {str(one): str(one) for one, is_flow in enumerate(flows) if is_flow}
    reached = set(follows)
    while (
        more := {(a, d) for a, b in reached for c, d in follows if b == c and not flows[b]}
        - reached
    ):
        reached |= more
    expected = {(a, b) for a, b in reached if a != b and flows[a] and flows[b]}
    assert set(result_edges(nodes, own, names)) == {(f"flow-{a}", f"flow-{b}") for a, b in expected}
