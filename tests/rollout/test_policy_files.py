"""Policies of another system as deployment files: one, or sixteen that keep what they have."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import ConfigurationError
from sentinel.rollout.files import read_documents
from sentinel.rollout.policy_files import policy_files
from sentinel.rollout.posted_files import reasons_against


def policies(count: int, text: str = "x") -> list[dict[str, Any]]:
    rule = {"field": "f", "operator": "eq", "value": text}
    return [{"name": f"rule-{one}", "rules": [rule]} for one in range(count)]


def members(files: dict[str, str]) -> dict[str, set[str]]:
    return {
        entry.name: {one["name"] for one in entry.spec["parameters"]["policies"]}
        for entry in read_documents(files)
    }


def test_up_to_a_thousand_policies_are_one_deployment_of_their_tenant():
    files = policy_files("sigma", policies(2), project="sigma", tenant="acme", receivers=["team"])
    (entry,) = read_documents(files)
    assert reasons_against(entry) == []  # it may be sent to a server
    assert entry.spec["entrypoint"] == "flows.rules.event_pack"
    rule = entry.spec["parameters"]["rule"]
    assert (rule["name"], rule["tenant"], rule["receivers"]) == ("sigma", "acme", ["team"])
    assert policy_files("sigma", [], project="sigma") == {}


def test_a_policy_stays_in_its_deployment_when_others_come():
    before = members(policy_files("sigma", policies(1100), project="sigma"))
    after = members(policy_files("sigma", policies(1200), project="sigma"))
    assert len(before) == 16
    assert all(before[name] <= after[name] for name in before)
    assert sum(map(len, after.values())) == 1200


def test_every_character_is_read_back_as_it_was():
    text = "a\u0085\u2028\ufeff\x7f\u0000\uffff\U0001f600\\\"'é"
    files = policy_files("sigma", policies(1, text), project="sigma")
    (entry,) = read_documents(files)
    assert entry.spec["parameters"]["policies"] == policies(1, text)


def test_what_does_not_fit_says_to_import_it_in_parts():
    with pytest.raises(ConfigurationError, match="too many for one import") as refused:
        policy_files("sigma", policies(1, "x" * 1_600_000), project="sigma")
    assert "--name" in refused.value.hint
