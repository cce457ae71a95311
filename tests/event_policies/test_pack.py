"""What a pack of policies may be, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel import Context, Rule
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.errors import PolicyError
from sentinel.event_policies.pack import policy_of, rule_name_of
from sentinel.lint.deployment_file import lint_files
from sentinel.store import Store
from tests.event_policies.streets import Street, policy
from triggers.event_pack import event_pack


@pytest.fixture
def street(store: Store, clock: FakeClock) -> Street:
    return Street(store, clock)


def test_a_pack_may_lie_in_a_file(street: Street, tmp_path: Path):
    file = tmp_path / "policies.json"
    file.write_text(json.dumps({"policies": [policy("one"), policy("two")]}))
    ctx = Context(clock=street.clock, events=street.store.event_port(Rule(name="audit"), None))
    seen = observe(event_pack, ctx, {"file": str(file)}, timeout=None)
    assert seen.error is None
    nowhere = observe(event_pack, ctx, {"file": "nowhere.yaml"}, timeout=None).error
    assert isinstance(nowhere, PolicyError)
    assert "cannot be read" in nowhere.message


@pytest.mark.parametrize(
    ("policies", "rule", "said"),
    [
        ([policy("a b"), policy("A-B")], {}, "'A-B' would be the rule 'a-b', and so would policy"),
        ([policy("Audit")], {}, "and so would the deployment's own rule"),
        ([policy("!!")], {}, "has no letter or digit"),
        ([policy(colour="red")], {}, "policy 'logins': colour: there is no such field"),
        ([policy(rules=[{"field": "a", "operator": "is", "value": 1}])], {}, "rules.0.operator"),
        ([policy()], {"for": "5m"}, "for is about readings"),
        ([policy()], {"when": {"above": 1}}, "when is about readings"),
        ([policy(f"p{n}") for n in range(1001)], {}, "has 1,001 policies"),
    ],
)
def test_what_cannot_be_used_is_named(
    street: Street, policies: list[dict[str, Any]], rule: dict[str, Any], said: str
):
    with pytest.raises(PolicyError) as error:
        street.deployed(*policies, **rule)
    assert said in error.value.message
    assert street.store.rules.list() == []


def test_a_policy_cannot_take_the_rule_of_another_deployment_or_trigger(street: Street):
    street.deployed(policy("one"))
    with pytest.raises(PolicyError, match="which the deployment of 'audit' has already"):
        street.deployed(policy("one"), name="other")
    with pytest.raises(PolicyError, match="which exists already, with the trigger event_pack"):
        street.deployed(policy("audit"), name="third")


def test_a_policys_name_becomes_its_rules():
    assert rule_name_of("Failed logins (admin)") == "failed-logins-admin"
    assert rule_name_of(" disk_full.v2 ") == "disk_full.v2"


def test_the_deployment_of_the_how_to_page_fits(tmp_path: Path):
    page = Path(__file__).parent.parent.parent / "docs/how-to/events-and-policies.md"
    shown = page.read_text().split("```yaml\n")
    (tmp_path / "prefect.yaml").write_text(shown[1].split("```")[0])
    assert lint_files([tmp_path / "prefect.yaml"]) == []
    window = yaml.safe_load(
        next(one for one in shown[2:] if one.startswith("rules:")).split("```")[0]
    )
    assert policy_of({"name": "shown", **window}).window is not None
