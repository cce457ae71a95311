"""What a rollout decides, from files and from what Prefect has."""

from __future__ import annotations

from typing import Any

import msgspec

from sentinel.errors import RuleError
from sentinel.rollout.desired import Desired, FlowFacts, desired_of
from sentinel.rollout.files import Entry, names_elsewhere, pack_file, read_files
from sentinel.rollout.plan import APPLIED, ORIGIN, OWNER, Live, Step, make_plan
from tests.prefect_server import ROOT
from tests.rollout.entries import entry, live


def named(name: str, file: str = "rules.yaml", flow: str = "disk_space", **more: Any) -> Entry:
    made = entry(**more)
    spec = {**made.spec, "name": name, "entrypoint": f"flows.rules.{flow}"}
    return msgspec.structs.replace(made, name=name, spec=spec, file=file, origin=f"project/{file}")


def desired_for(given: Entry) -> Desired:
    flow = given.entrypoint.rpartition(".")[2]
    return desired_of(
        given, FlowFacts(name=flow, version="1", description="How full.", form={"a": 1})
    )


def there(name: str, flow: str = "disk_space", **more: Any) -> Live:
    deployment = live(name=name, entrypoint=f"flows.rules.{flow}", id=f"id-{name}-{flow}", **more)
    return Live(flow=flow, deployment=deployment)


def plan(*entries: Entry, known: list[Live] | None = None, **more: Any) -> list[Step]:
    return make_plan(entries, known or [], more.pop("automations", []), desired_for, **more)


def test_missing_deployments_are_created_and_equal_ones_are_unchanged():
    first, second = plan(named("a"), named("b"), known=[there("b")])
    assert (first.kind, second.kind) == ("created", "unchanged")


def test_a_second_rule_of_one_name_is_refused_across_files():
    steps = plan(named("a"), named("a", "other.yaml", "cpu_usage"))
    assert [step.kind for step in steps] == ["created", "refused"]
    assert steps[1].reasons == [
        "another deployment has this name too (flows.rules.disk_space in rules.yaml); rename one"
    ]


def test_a_rule_of_the_name_under_another_flow_in_prefect_is_a_second_one():
    (step,) = plan(named("a"), known=[there("a", "cpu_usage", labels={ORIGIN: "project/old.yaml"})])
    assert step.kind == "refused"
    assert "already, under the flow cpu_usage (from project/old.yaml)" in step.reasons[0]


def test_somebody_elses_deployment_of_the_name_is_no_rule():
    other = Live(flow="etl", deployment=live(name="a", entrypoint="etl.py:etl", id="1"))
    (step,) = plan(named("a"), known=[other])
    assert step.kind == "created"


def test_an_edit_in_prefect_is_distinguished_from_a_change_of_the_file():
    rule = named("a")
    edited = {"rule": {"name": "full", "every": "60s", "when": {"above": 90}}}
    (drift,) = plan(rule, known=[there("a", parameters=edited, labels={APPLIED: rule.digest})])
    assert (drift.kind, drift.drift) == ("changed", True)
    (change,) = plan(rule, known=[there("a", parameters=edited, labels={APPLIED: "older"})])
    assert (change.kind, change.drift) == ("changed", False)


def test_new_code_is_no_edit():
    rule = named("a")
    (step,) = plan(rule, known=[there("a", version="0", labels={APPLIED: rule.digest})])
    assert (step.kind, step.drift) == ("changed", False)


def test_a_rollout_touches_only_its_own():
    (step,) = plan(named("a"), known=[there("a", labels={OWNER: "ui"})])
    assert step.kind == "refused"
    assert "by hand and not in a file" in step.reasons[0]
    (step,) = plan(named("a"), known=[there("a")], owner="ui")
    assert "a file made a rule of this name" in step.reasons[0]


def test_only_former_deployments_of_the_files_are_removed_and_only_when_asked():
    mine = {ORIGIN: "project/rules.yaml"}
    known = [
        there("a"),
        there("gone", labels=mine),
        there("others", labels={ORIGIN: "other/rules.yaml"}),
        there("unknown"),
        there("made by hand", labels={**mine, OWNER: "ui"}),
    ]
    assert [step.kind for step in plan(named("a"), known=known)] == ["unchanged"]
    kept, removed = plan(named("a"), known=known, remove=True)
    assert (kept.kind, removed.kind, removed.name) == ("unchanged", "removed", "gone")


def test_what_another_file_of_the_same_origin_has_is_not_removed():
    own, pack = read_files([ROOT / "prefect.yaml"]), read_files([pack_file("prefect")])
    assert own[0].origin == pack[0].origin  # a project and a pack can have one name
    came = {ORIGIN: own[0].origin}
    known = [there(one.name, labels=came) for one in own] + [there("gone", labels=came)]
    steps = plan(*pack, known=known, remove=True, kept=names_elsewhere(pack))
    assert [step.name for step in steps if step.kind == "removed"] == ["gone"]
    assert {one.name for one in pack} == names_elsewhere(own)
    assert names_elsewhere([named("a")]) == frozenset()


def test_a_refused_deployment_is_not_removed():
    def broken(_: Entry) -> Desired:
        raise RuleError("broken")

    known = [there("a", labels={ORIGIN: "project/rules.yaml"})]
    (step,) = make_plan([named("a")], known, [], broken, remove=True)
    assert (step.kind, step.reasons) == ("refused", ["broken"])


def test_an_entry_without_a_name_is_named_by_its_place():
    (step,) = plan(msgspec.structs.replace(named(""), name=""))
    assert (step.kind, step.name, step.reasons) == ("refused", "entry 1", ["it has no name"])
