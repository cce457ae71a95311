"""Which steps of a rollout wait for a second person: read from the plan and the rows of rules."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.audit.origin import Origin, acting
from sentinel.cli import change_log, watch
from sentinel.clock import FakeClock
from sentinel.errors import Conflict
from sentinel.rollout.asked_changes import ask_for_change, ask_for_deletion, refuse_takeover
from sentinel.rollout.desired import Desired
from sentinel.rollout.diff import Difference
from sentinel.rollout.files import Entry
from sentinel.rollout.gated_rollout import gate, keep_deployed
from sentinel.rollout.plan import Live, Step
from sentinel.rollout.rule_draft import draft_of
from sentinel.rules.approval import ChangeWaits
from sentinel.rules.rule import Rule
from sentinel.store import Store
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.separation import Separation
from tests.world import World

PACK = {"policies": [{"name": "a", "severity": "low"}, {"name": "b", "severity": "critical"}]}


@pytest.fixture(autouse=True)
def separated(store: Store) -> None:
    """Separation of duties in all tenants."""
    Separation(store).switch(None, on=True, actor="root")


def live(name: str = "audit", **parameters: Any) -> Live:
    """The deployment of a rule of severity medium."""
    rule = {"name": name, "severity": "medium"}
    deployment = {
        "id": f"id of {name}", "name": name, "entrypoint": "flows.rules.event_pack",
        "parameters": {"rule": rule, **parameters}, "labels": {"sentinel.owner": "ui"},
    }  # fmt: skip
    return Live(flow="event-pack", deployment=deployment)


def deploys(name: str, there: Live | None = None, **rule: Any) -> Step:
    """The step that deploys a rule of a file."""
    body: dict[str, Any] = {"name": name, "parameters": {"rule": {"name": name, **rule}}}
    spec = {"name": name, "entrypoint": "flows.rules.disk_usage"}
    entry = Entry(file="a.yaml", origin="", place=1, name=name, spec=spec, whole={})
    return Step(
        kind="created" if there is None else "changed", name=name, entry=entry, live=there,
        desired=Desired(flow="disk-usage", body=body),
        differences=[Difference(place="rule.x", there=1, here=2)],
    )  # fmt: skip


@pytest.mark.parametrize("parameters", [PACK, {"policy": {"severity": "Emergency"}}])
def test_the_policies_of_a_deployment_make_it_critical_whatever_is_done_to_it(
    store: Store, parameters: dict[str, Any]
):
    there = live(**parameters)
    with pytest.raises(ChangeWaits, match="changing the rule 'audit'"):
        ask_for_change(
            store, there, draft_of(live().deployment), {}, actor="maria", enabled=None, differs=True
        )
    with pytest.raises(ChangeWaits, match="deleting the rule 'audit'"):
        ask_for_deletion(store, there, "audit", "default", actor="maria")
    for step in (Step(kind="removed", name="audit", live=there), deploys("audit", there)):
        ((done,), approved) = gate(store, [step], actor="maria")
        assert (done.kind, approved) == ("refused", {})
    harmless = live(policies=[{"name": "a", "severity": "high"}])
    ask_for_deletion(store, harmless, "audit", "default", actor="maria")


def test_a_rule_that_takes_a_critical_one_over_waits(store: Store, clock: FakeClock):
    World(store, clock, name="disk", severity="critical").sees({"/": 99})
    World(store, clock, name="low", severity="medium").sees({"/": 1})
    steps = [deploys("mine", renamed_from=old) for old in ("disk", "low", "none")]
    done, _ = gate(store, steps, actor="maria")
    assert [one.kind for one in done] == ["refused", "created", "created"]
    never_evaluated = deploys("mine", live("mine"), renamed_from="disk")
    ((refused,), _) = gate(store, [never_evaluated], actor="maria")
    assert refused.kind == "refused"
    shown = [[str(one) for one in each.differences] for each in PendingChanges(store).list()]
    assert sorted(shown) == [
        ['name: "disk" → "mine"'], ['name: "disk" → "mine"', "rule.x: 1 → 2"],
    ]  # fmt: skip
    rule = Rule.model_validate({"name": "mine", "renamed_from": "disk"})
    with pytest.raises(Conflict, match="'disk' is still deployed"):
        refuse_takeover(rule, [live("disk")])
    refuse_takeover(rule, [live("disk", rule={"name": "disk", "tenant": "red"})])


def test_what_was_deployed_counts_before_it_is_evaluated(store: Store, clock: FakeClock):
    World(store, clock, name="low", severity="medium").sees({"/": 1})
    store.rules.disable("low", actor="maria")
    keep_deployed(store, [deploys("low", live("low"), severity="critical"), deploys("new")])
    with pytest.raises(ChangeWaits):
        store.rules.enable("low", actor="maria")
    assert [row.name for row in store.rules.list()] == ["low"]


def test_watching_a_server_is_changed_and_stopped_by_two_people(
    store: Store, migrated_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    theirs = live("theirs", rule={"name": "theirs", "severity": "critical"})
    deleted: list[str] = []

    class Api:
        def deployment_named(self, flow: str, name: str) -> Any:
            assert (flow, name) == ("prefect_runs", "theirs")
            return theirs.deployment

        def delete_deployment(self, deployment_id: str) -> None:
            deleted.append(deployment_id)

    with pytest.raises(ChangeWaits, match="run this command again") as waits:
        watch._stop(Api(), "theirs", as_json=True)  # pyright: ignore
    assert deleted == []
    with pytest.raises(ChangeWaits):
        change_log.permitted(deploys("theirs", theirs))
    with acting(Origin("dashboard", "person")):
        PendingChanges(store).begin(waits.value.change, actor="bob")
    watch._stop(Api(), "theirs", as_json=True)  # pyright: ignore
    assert deleted == ["id of theirs"]
    assert PendingChanges(store).get(waits.value.change).status == "applied"
