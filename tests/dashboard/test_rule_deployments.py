"""What the dashboard's process learns of deployments from a process that imports Prefect."""

from __future__ import annotations

from dashboard.rule_deployments import facts_of_another_process
from flows.flow_facts import automations_of
from sentinel.rollout.files import pack_file, packs, read_files


def test_the_automations_of_a_pack_are_those_that_prefect_makes():
    entries = [one for name in packs() for one in read_files([pack_file(name)])]
    (entry,) = [one for one in entries if one.spec.get("triggers")]
    triggers = entry.spec["triggers"]
    found = facts_of_another_process().automations_of(entry.name, triggers)
    assert found == automations_of(entry.name, triggers) != []
