"""Event policies as deployments, on a real Prefect server and a real database."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.rules import flow_of
from tests.event_policies.streets import policy
from tests.flows.conftest import Desk
from triggers.event_pack import event_pack

pytestmark = pytest.mark.prefect


def deployed(desk: Desk, *policies: dict[str, Any]) -> str:
    """A deployment of a pack; its id."""
    desk.flow = flow_of(event_pack)
    return str(
        desk.client.create_deployment(
            flow_id=desk.client.create_flow(desk.flow),
            name="audit",
            parameters={"policies": list(policies), "rule": {"name": "audit"}},
            parameter_openapi_schema=parameter_schema(desk.flow).model_dump_for_openapi(),
            work_pool_name="sentinel",
        )
    )


def test_a_run_rolls_a_pack_out_and_the_next_one_matches_what_came(desk: Desk):
    deployment = deployed(desk, policy("one"), policy("two"))
    assert desk.run(deployment).name == "OK"
    desk.store.events.add([{"action": "login"}, {"action": "other"}])
    assert desk.run(deployment).name == "OK"
    found = {(one.rule, one.status, one.deployment_id) for one in desk.store.alerts.page().items}
    assert found == {("one", "open", deployment), ("two", "open", deployment)}
    rows = {row.name: row.outcome for row in desk.store.rules.list()}
    assert (rows["one"], rows["two"]) == ("firing", "firing")


def test_a_run_with_other_policies_is_a_rehearsal(desk: Desk):
    deployment = deployed(desk, policy("one"))
    desk.store.events.add([{"action": "login"}])
    run = desk.start(deployment, policies=[policy("tried")])
    state = desk.execute(run)
    assert state.name == "Rehearsal"
    assert state.message == "1 of 1 series firing; nothing was stored, nobody was notified"
    assert desk.store.rules.list() == []
    assert desk.store.alerts.page().items == []
