"""A new rule takes no name that something else has, whether or not that has judged anything yet."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sentinel.alerts.run_source import RunSource
from sentinel.errors import Conflict, PrefectUnreachable, RuleError
from sentinel.event_policies.pack import Spec
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.begun_rules import Begun
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.made_rules import MadeRules
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.events.packs import roll_out
from tests.databases import both_databases
from tests.event_policies.streets import policy

CRITICAL = policy("logins", severity="critical")


class Empty(RolloutApi):
    """A Prefect server that has no deployment and takes none."""

    why: Exception = RuleError("Prefect rejected it")

    def live(self, names: Sequence[str] | None = None) -> list[Live]:
        return []


class Made(MadeRules):
    """Rules whose step is not planned, since that needs a server."""

    def _planned(self, entry: Any) -> Any:
        return None

    def apply_change(self, step: Any, *, scheduled: bool | None = None) -> None:
        raise Empty.why


@pytest.fixture
def rules(store: Store, tmp_path: Path) -> Generator[Made]:
    with Empty("http://127.0.0.1:9/api") as api:
        yield Made(store, api, FlowCache(lambda: pytest.fail("unused"), tmp_path / "facts.json"))


def begun(_: Begun) -> bool:
    return True


def draft(above: int = 85) -> Draft:
    return Draft(trigger="cpu_usage", rule={"name": "logins", "when": {"above": above}})


@both_databases
@pytest.mark.parametrize("owner", ["file", "api"])
def test_a_policy_of_a_pack_that_never_fired_keeps_its_row(
    rules: Made, store: Store, owner: str, monkeypatch: pytest.MonkeyPatch
):
    source = RunSource(deployment_id="d-1", owner=owner)
    roll_out(store, Spec(policies=[CRITICAL], rule={"name": "audit"}, source=source))
    there = store.rules.get("logins")
    with pytest.raises(Conflict, match="there is a rule 'logins' already"):
        rules.create(draft(), actor="eve", enabled=False, given={})
    assert store.rules.get("logins") == there
    monkeypatch.setattr(Begun, "before", begun)
    with pytest.raises(Conflict):
        rules.create(draft(), actor="eve", enabled=False, given={})
    assert store.rules.get("logins") == there
    assert page(store, AuditFilter(actions=("rule.created", "rule.dropped"))).items == []


def test_a_begun_rule_gives_its_name_to_another_of_its_owner_in_the_name_of_who_asks(
    rules: Made, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Empty, "why", PrefectUnreachable("no answer"))
    with pytest.raises(PrefectUnreachable):
        rules.create(draft(), actor="ann", given={})
    with pytest.raises(PrefectUnreachable):
        rules.create(draft(90), actor="bob", given={})
    assert store.rules.get("logins").spec["when"] == {"above": 90.0}
    rows = page(store, AuditFilter(actions=("rule.created", "rule.dropped"))).items
    assert [(one.action, one.actor) for one in reversed(rows)] == [
        ("rule.created", "ann"), ("rule.dropped", "bob"), ("rule.created", "bob"),
    ]  # fmt: skip
