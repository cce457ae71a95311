"""What the dashboard's process learns of deployments from a process that imports Prefect."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from dashboard import rule_commands
from dashboard.rule_commands import Saved, taken_back
from dashboard.rule_deployments import facts_of_another_process
from flows.flow_facts import automations_of
from sentinel.errors import Conflict
from sentinel.rollout.files import pack_file, packs, read_files
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, draft_of, entry_of_draft


def test_the_automations_of_a_pack_are_those_that_prefect_makes():
    entries = [one for name in packs() for one in read_files([pack_file(name)])]
    (entry,) = [one for one in entries if one.spec.get("triggers")]
    triggers = entry.spec["triggers"]
    found = facts_of_another_process().automations_of(entry.name, triggers)
    assert found == automations_of(entry.name, triggers) != []


def test_a_creation_is_taken_back_only_as_it_was_saved(monkeypatch: pytest.MonkeyPatch):
    draft = Draft(trigger="cpu_usage", rule={"name": "a", "every": "60s", "when": {"above": 1}})
    deleted: list[str] = []

    class Rules:
        above = 1

        def delete(self, name: str, tenant: str, *, actor: str, check: Any) -> int:
            rule = {**draft.rule, "when": {"above": self.above}}
            spec = entry_of_draft(msgspec.structs.replace(draft, rule=rule)).spec
            check(Live(flow="cpu-usage", deployment={**spec, "id": "1"}))
            deleted.append(name)
            return 0

    rules = Rules()

    def connected(_: object) -> Any:
        return nullcontext(rules)

    monkeypatch.setattr(rule_commands, "rules_of_people", connected)
    made = entry_of_draft(draft).spec
    back = taken_back(Saved(draft=draft_of(made), before=None, deployment_id="1"))
    services: Any = SimpleNamespace(within=SimpleNamespace(instance=None))
    rules.above = 2
    with pytest.raises(Conflict, match="changed the rule 'a' meanwhile"):
        back.carry_out(services, "ann")
    rule_commands.DeleteRule(name="a").carry_out(services, "ann")
    rules.above = 1
    back.carry_out(services, "ann")
    assert deleted == ["a", "a"]
