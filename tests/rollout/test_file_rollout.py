"""A rollout of files that stops half way, and what a repetition of it finds."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest

from sentinel.clock import FakeClock
from sentinel.errors import Conflict, NotFound, PrefectUnreachable
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.diff import Difference
from sentinel.rollout.file_rollout import FileRollout, version_of
from sentinel.rollout.files import Entry
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.made_rules import MadeRules
from sentinel.rollout.plan import Live, Step
from sentinel.rules.health import RuleHealth, health_of
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.rules.health import FACTS, NONE, facts_of, note_paused
from tests.databases import both_databases
from tests.world import World

NAMES = ("one", "two", "three", "four")


class Prefect:
    """Deployments of a pack; after some requests it answers no more."""

    def __init__(self, names: Sequence[str]) -> None:
        self.there = {f"id of {name}": name for name in names}
        self.answers = 0
        self.slow = ""
        self.silent = threading.Event()

    def live(self, names: Sequence[str]) -> list[Live]:
        return [
            Live(flow="disk", deployment={
                "id": id_, "name": name, "entrypoint": "flows.rules.disk_space",
                "labels": {"sentinel.origin": "sentinel/pack.yaml"},
                "parameters": {"rule": {"name": name}},
            })
            for id_, name in self.there.items() if name in names
        ]  # fmt: skip

    def automations(self) -> list[dict[str, Any]]:
        return []

    def flow_id(self, name: str) -> str:
        return f"id of {name}"

    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        self.there[f"id of {body['name']}"] = body["name"]
        return {"id": f"id of {body['name']}"}

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        if deployment_id not in self.there:
            raise NotFound("Prefect knows no such deployment")
        return {"id": deployment_id}

    def delete_deployment(self, deployment_id: str) -> None:
        if deployment_id == self.slow:
            self.silent.wait(5)
            time.sleep(0.05)  # its answer comes after the failure of another request was seen
        elif self.answers == 0:
            self.silent.set()
            raise PrefectUnreachable("Prefect does not answer")
        else:
            self.answers -= 1
        self.there.pop(deployment_id, None)


def entries() -> list[Entry]:
    return [
        Entry(
            file="pack.yaml", origin="sentinel/pack.yaml", place=n, name=name, whole={},
            spec={"name": name, "entrypoint": "flows.rules.disk_space",
                  "parameters": {"rule": {"name": name}}},
        )
        for n, name in enumerate(NAMES)
    ]  # fmt: skip


@pytest.mark.parametrize("after", [0, 2, 3])
def test_a_removal_that_stops_retires_what_it_deleted_and_a_repetition_does_the_rest(
    store: Store, clock: FakeClock, after: int
):
    for name in NAMES:
        World(store, clock, name=name).sees({"/": 99})
    prefect = Prefect(NAMES)
    rollout = FileRollout(store, cast("RolloutApi", prefect), cast("FlowCache", None))
    prefect.answers = after
    with pytest.raises(PrefectUnreachable):
        rollout.carry_out(rollout.plan_removal(entries()), actor="ann")
    kept = {row.name for row in store.rules.list()}
    assert kept == set(prefect.there.values())
    assert len(kept) == len(NAMES) - after
    told = page(store, AuditFilter(actions=("rule.undeployed",))).items
    assert {one.object_name for one in told if one.note.startswith("not done")} == kept
    prefect.answers = 10
    done = rollout.carry_out(rollout.plan_removal(entries()), actor="ann")
    assert {one.name for one in done} == kept
    assert store.rules.list() == []
    assert rollout.plan_removal(entries()) == []


def test_a_deletion_that_was_under_way_when_another_failed_is_followed_up(
    store: Store, clock: FakeClock
):
    for name in NAMES:
        World(store, clock, name=name).sees({"/": 99})
    prefect = Prefect(NAMES)
    prefect.slow = "id of two"
    rollout = FileRollout(store, cast("RolloutApi", prefect), cast("FlowCache", None))
    with pytest.raises(PrefectUnreachable):
        rollout.carry_out(rollout.plan_removal(entries()), actor="ann")
    assert {row.name for row in store.rules.list()} == {"one", "three", "four"}


def test_a_rule_whose_deployment_went_without_it_is_removed_and_no_other(
    store: Store, clock: FakeClock
):
    """Prefect took a deletion whose answer was lost, or the process ended behind it."""
    for name in NAMES:
        World(store, clock, name=name).sees({"/": 99})
    prefect = Prefect(())
    rollout = FileRollout(store, cast("RolloutApi", prefect), cast("FlowCache", None))
    prefect.there["dep-1"] = "of another file"
    assert rollout.plan_removal(entries()) == []  # they ran as a deployment of another name
    del prefect.there["dep-1"]
    prefect.answers = 10
    (first, *_) = steps = rollout.plan_removal(entries())
    assert [one.name for one in steps] == list(NAMES)
    assert first.kind == "removed"
    rollout.carry_out(steps, actor="ann")
    assert store.rules.list() == []


class Facts:
    """What the flows are, without Prefect."""

    def facts_of(self, entrypoint: str) -> FlowFacts:
        return FlowFacts(name="disk", version="1", description="", form={})


def sent(**rule: Any) -> list[Entry]:
    spec: dict[str, Any] = {
        "name": "new", "entrypoint": "flows.rules.disk_space", "pull": [],
        "work_pool": {"name": "sentinel"}, "schedules": [],
        "parameters": {"rule": {"name": "new", "every": "1h", **rule}},
    }  # fmt: skip
    return [Entry(file="a.yaml", origin="a", place=1, name="new", spec=spec, whole={})]


@both_databases
def test_what_a_file_deploys_is_listed_before_it_is_evaluated_and_gone_once_removed(store: Store):
    """Also with its schedule switched off, which nothing would ever evaluate."""
    given: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("new", {}, {}),
        ("off", {}, {"schedules": [{"interval": 3600, "active": False, "slug": "off"}]}),
        ("over", {"renamed_from": "old"}, {}),
    ]
    files = [
        msgspec.structs.replace(
            one, origin="sentinel/pack.yaml", name=name, place=n,
            spec={**one.spec, "name": name, **more},
        )
        for n, (name, rule, more) in enumerate(given)
        for one in sent(name=name, **rule)
    ]  # fmt: skip
    prefect = Prefect(())
    rollout = FileRollout(store, cast("RolloutApi", prefect), FlowCache(cast("Any", Facts), None))
    done = rollout.carry_out(rollout.plan(files), actor="ann")
    assert [(one.kind, one.reasons) for one in done] == [("created", ())] * 3
    rows = {row.name: row for row in store.rules.list()}
    assert set(rows) == {"new", "off"}  # what takes over the state of another rule follows it
    health = {
        name: health_of(facts_of({one: getattr(row, one) for one in FACTS}, NONE), store.now())
        for name, row in rows.items()
    }
    assert health == {"new": RuleHealth.NEVER_EVALUATED, "off": RuleHealth.PAUSED}
    new = rows["new"]
    assert (new.source, new.trigger, new.deployment_id) == ("file", "disk_space", "id of new")
    assert note_paused(store, {"id of off"}) == 0
    prefect.answers = 10
    rollout.carry_out(rollout.plan_removal(files), actor="ann")
    assert store.rules.list() == []


def test_an_on_call_schedule_that_is_not_there_is_refused(store: Store):
    cache = FlowCache(cast("Any", Facts), None)
    rollout = FileRollout(store, cast("RolloutApi", Prefect(())), cache)
    pages = {"on_call_schedule": "nights"}
    (step,) = rollout.plan_sent(sent(escalation_rules=pages))
    assert step.kind == "refused"
    assert "nights" in step.reasons[0]
    (created,) = rollout.plan_sent(sent())
    assert created.kind == "created"


def test_the_version_of_a_plan_covers_what_is_created_and_what_is_hidden():
    def version(severity: str, secret: str) -> str:
        (entry,) = sent(severity=severity)
        hidden = Difference(place="job_variables.env", there="a", here=secret)
        steps = [
            Step(kind="created", name="new", file="a.yaml", entry=entry),
            Step(kind="changed", name="new", file="a.yaml", entry=entry, differences=[hidden]),
        ]
        return version_of(steps, [entry])

    assert version("low", "x") == version("low", "x")
    assert len({version("low", "x"), version("high", "x"), version("low", "y")}) == 3


def test_a_long_rollout_keeps_its_lease(store: Store, clock: FakeClock):
    prefect = Prefect(NAMES)
    prefect.answers = 10
    rollout = FileRollout(store, cast("RolloutApi", prefect), cast("FlowCache", None))
    with rollout.alone():
        steps = rollout.plan_removal(entries())
        clock.forward(minutes=6)
        rollout.carry_out(steps, actor="ann")
        assert store.leases.holder("rollout") is not None
    assert store.leases.holder("rollout") is None


def test_a_rollout_that_lost_its_lease_stops_and_records_what_it_did(
    store: Store, clock: FakeClock
):
    prefect = Prefect(NAMES)
    prefect.answers = 10
    rollout = FileRollout(store, cast("RolloutApi", prefect), cast("FlowCache", None))
    with rollout.alone():
        steps = rollout.plan_removal(entries())
        clock.forward(minutes=6)
        assert store.leases.take("rollout", "other", timedelta(minutes=5))
        with pytest.raises(Conflict, match="somebody else has begun"):
            rollout.carry_out(steps, actor="ann")
    assert store.leases.holder("rollout") == "other"
    told = page(store, AuditFilter(actions=("rule.undeployed",))).items
    left = {one.object_name for one in told if one.note.startswith("not done")}
    assert left == set(prefect.there.values())
    assert {one.object_name for one in told} == set(NAMES)


@both_databases
def test_rules_are_not_rolled_out_and_changed_at_once(store: Store):
    api = cast("RolloutApi", Prefect(()))
    rollout = FileRollout(store, api, cast("FlowCache", None))
    made = MadeRules(store, api, cast("FlowCache", None))
    with rollout.alone(), pytest.raises(Conflict, match="rolled out now"), made.alone("disk"):
        raise AssertionError("unreachable")
    with made.alone("disk"), pytest.raises(Conflict, match="changes a rule"), rollout.alone():
        raise AssertionError("unreachable")
    with rollout.alone():  # neither is kept out by what is over
        pass
    with made.alone("disk"):
        pass
