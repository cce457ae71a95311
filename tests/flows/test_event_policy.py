"""Event policies as deployments, on a real Prefect server and a real database."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.rules import flow_of
from tests.event_policies.streets import policy
from tests.flows.conftest import Gauges
from triggers.event_pack import event_pack

pytestmark = pytest.mark.prefect


def deployed(gauges: Gauges, *policies: dict[str, Any]) -> str:
    """A deployment of a pack; its id."""
    gauges.flow = flow_of(event_pack)
    return str(
        gauges.client.create_deployment(
            flow_id=gauges.client.create_flow(gauges.flow),
            name="audit",
            parameters={"policies": list(policies), "rule": {"name": "audit"}},
            parameter_openapi_schema=parameter_schema(gauges.flow).model_dump_for_openapi(),
            work_pool_name="sentinel",
        )
    )


def test_a_run_rolls_a_pack_out_and_the_next_one_matches_what_came(gauges: Gauges):
    deployment = deployed(gauges, policy("one"), policy("two"))
    assert gauges.run(deployment).name == "OK"
    gauges.store.events.add([{"action": "login"}, {"action": "other"}])
    assert gauges.run(deployment).name == "OK"
    found = {(one.rule, one.status, one.deployment_id) for one in gauges.store.alerts.page().items}
    assert found == {("one", "open", deployment), ("two", "open", deployment)}
    rows = {row.name: row.outcome for row in gauges.store.rules.list()}
    assert (rows["one"], rows["two"]) == ("firing", "firing")


def test_a_run_with_other_policies_is_a_rehearsal(gauges: Gauges):
    deployment = deployed(gauges, policy("one"))
    gauges.store.events.add([{"action": "login"}])
    run = gauges.start(deployment, policies=[policy("tried")])
    state = gauges.execute(run)
    assert state.name == "Rehearsal"
    assert state.message == "1 of 1 series firing; nothing was stored, nobody was notified"
    assert gauges.store.rules.list() == []
    assert gauges.store.alerts.page().items == []
