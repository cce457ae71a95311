"""A rule pack on a Prefect server: rehearsal, live run, one rule alone, one that leaves."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.rules import flow_of
from sentinel.checks import rule_pack as checks
from sentinel.errors import NotFound
from tests.flows.conftest import Gauges, gauge
from triggers.rule_pack import rule_pack

TABLE = {
    "columns": ["name", "factor", "rule.when.above"],
    "rows": [["low", 1.0, 50], ["high", 2.0, 150]],
}


def _gauge(_: str) -> Any:
    return gauge


def _deploy(gauges: Gauges, members: dict[str, Any]) -> str:
    flow = gauges.flow
    return str(
        gauges.client.create_deployment(
            flow_id=gauges.client.create_flow(flow),
            name="gauges",
            parameters={
                "trigger": "gauge", "shared": {"path": str(gauges.file)}, **members,
                "rule": {"name": "gauges", "group_wait": "0s"},
            },
            parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
            work_pool_name="sentinel",
        )
    )  # fmt: skip


def test_each_rule_of_a_pack_is_evaluated_stored_and_shown(
    gauges: Gauges, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checks, "find", _gauge)
    gauges.flow = flow_of(rule_pack)
    gauges.shows(a=60)
    pack = _deploy(gauges, TABLE)
    rehearsal = gauges.run(pack, each="1s")
    assert (rehearsal.name, str(rehearsal.message)[:21]) == ("Rehearsal", "1 of 2 rules firing; ")
    with pytest.raises(NotFound):
        gauges.store.rules.get("low")

    state = gauges.run(pack)
    assert (state.name, state.message) == (
        "Firing", "1 of 2 rules firing, 0 failed; live alerts: 1",
    )  # fmt: skip
    rows = {row.name: (row.outcome, row.pack, row.trigger) for row in gauges.store.rules.list()}
    assert rows == {
        "low": ("firing", "gauges", "gauge"), "high": ("ok", "gauges", "gauge"),
        "gauges": ("ok", "", "rule_pack"),
    }  # fmt: skip

    gauges.shows(a=80)
    assert gauges.run(pack, only=["high"]).message == (
        "1 of 1 rules firing, 0 failed; live alerts: 1"
    )
    assert gauges.store.rules.get("low").evaluations == 1

    _deploy(gauges, {**TABLE, "rows": TABLE["rows"][:1]})
    gauges.run(pack)
    assert [row.name for row in gauges.store.rules.list()] == ["gauges", "low"]

    _deploy(gauges, {"members": [{"name": "low", "rule": {"consecutive": 0}}]})
    failed = gauges.run(pack)
    assert failed.is_failed()
    assert "consecutive: must be" in gauges.store.rules.get("gauges").error
    assert gauges.store.rules.get("low").outcome == "firing"
