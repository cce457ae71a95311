"""A rule whose deployment Prefect took, or may have taken, without an answer that arrived."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from sentinel.errors import Conflict, NotFound, PrefectUnreachable, RuleError
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.made_rules import API, MadeRules
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft
from sentinel.store import Store
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect
DRAFT = Draft(trigger="cpu_usage", rule={"name": "lost-cpu", "when": {"above": 85}})
GIVEN = {"name": "Lost CPU", "enabled": False}


class Lossy(RolloutApi):
    """Prefect's API, of which the answer about a deployment is lost on the way."""

    loses = True
    waits_for_server = False

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        answer = super()._send(method, path, **arguments)
        if self.loses and (method, path) == ("POST", "/deployments/"):
            raise PrefectUnreachable("the answer was lost")
        return answer


@pytest.fixture
def api(prefect_server: PrefectServer) -> Generator[Lossy]:
    with Lossy(prefect_server.url) as api:
        yield api
        for live in api.live([DRAFT.name]):
            api.delete_deployment(live.id)


@pytest.fixture
def rules(store: Store, api: Lossy, tmp_path: Path) -> MadeRules:
    def facts() -> Any:
        from flows import flow_facts

        return flow_facts

    return MadeRules(store, api, FlowCache(facts, tmp_path / "facts.json"))


def test_an_answer_that_is_lost_leaves_the_rule_with_its_switch_and_the_request_completes_it(
    rules: MadeRules, api: Lossy, store: Store
):
    with pytest.raises(PrefectUnreachable):
        rules.create(DRAFT, actor="ann", enabled=False, given=GIVEN)
    assert [one.name for one in api.live([DRAFT.name])] == [DRAFT.name]
    assert store.rules.get(DRAFT.name).enabled is False
    with pytest.raises(Conflict):
        rules.create(DRAFT, actor="bob", enabled=True, given={})
    api.loses = False
    assert rules.create(DRAFT, actor="ann", enabled=False, given=GIVEN).name == DRAFT.name
    assert store.rules.get(DRAFT.name).enabled is False
    with pytest.raises(Conflict):
        rules.create(DRAFT, actor="ann", enabled=False, given=GIVEN)
    taker = Draft(trigger="cpu_usage", rule={"name": "taker", "renamed_from": DRAFT.name})
    with pytest.raises(Conflict, match="'lost-cpu' is still deployed"):
        rules.create(taker, actor="bob", given={})
    worse = msgspec.structs.replace(DRAFT, rule={**DRAFT.rule, "severity": "critical"})
    rules.change(DRAFT.name, "default", lambda _: (worse, GIVEN), actor="ann")
    row = store.rules.get(DRAFT.name)
    assert (row.spec["severity"], row.severity, row.given) == ("critical", 5, GIVEN)


def test_a_refusal_leaves_nothing(rules: MadeRules, api: Lossy, store: Store):
    def refused(body: Any) -> Any:
        raise RuleError("Prefect rejected it")

    api.put = refused
    with pytest.raises(RuleError, match="rejected"):
        rules.create(DRAFT, actor="ann", given=GIVEN)
    with pytest.raises(NotFound):
        store.rules.get(DRAFT.name)
    assert api.live([DRAFT.name]) == []


def test_a_name_of_a_hundred_characters_is_made_changed_and_deleted(
    rules: MadeRules, api: Lossy, store: Store
):
    api.loses = False
    name = "n" * 100
    draft = Draft(trigger="cpu_usage", rule={**DRAFT.rule, "name": name})
    rules.create(draft, actor="ann", given={})
    rules.change(name, "default", lambda now: (now, {"team": "web"}), actor="ann")
    assert store.rules.get(name).given == {"team": "web"}
    rules.delete(name, "default", actor="ann")
    assert api.live([name]) == []


def test_a_version_is_compared_while_nobody_else_changes_the_rule(
    rules: MadeRules, api: Lossy, store: Store
):
    api.loses = False
    rules.create(DRAFT, actor="ann", given={})

    def check(live: Live | None) -> None:
        assert live is not None
        with pytest.raises(Conflict, match="somebody else changes"):
            rules.owned_by(API).change(DRAFT.name, "default", lambda now: (now, {}), actor="bob")
        raise Conflict("another version")

    with pytest.raises(Conflict, match="another version"):
        rules.delete(DRAFT.name, "default", actor="ann", check=check)
    assert [one.name for one in api.live([DRAFT.name])] == [DRAFT.name]
    assert store.rules.get(DRAFT.name).enabled
