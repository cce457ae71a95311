"""Events, policies over them, and whoever matches them."""

from __future__ import annotations

from typing import Any

from sentinel import Context, Rule
from sentinel.alerts.run_source import RunSource
from sentinel.alerts.view import AlertView
from sentinel.checks.event_port import MatchResult
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.events.matching import PackMatcher
from sentinel.store.events.packs import waiting
from triggers.event_pack import event_pack
from triggers.event_policy import event_policy

__all__ = ["Street", "policy"]


def policy(name: str = "logins", **more: Any) -> dict[str, Any]:
    """A policy on events whose action is login."""
    rules = [{"field": "action", "operator": "eq", "value": "login"}]
    return {"name": name, "rules": rules, **more}


class Street:
    """A store, and what happens in it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.relay = PackMatcher(store)

    def deployed(self, *policies: dict[str, Any], tenant: str = "default", **rule: Any) -> Applied:
        """A minute later, a run of a deployment with these policies."""
        alone = rule.pop("alone", False)
        self.clock.forward(minutes=1)
        chosen = Rule.model_validate({"name": "audit", "tenant": tenant, **rule})
        at = self.clock.now()
        gate = self.store.rules.begin(chosen, slot=at, now=at)
        if not gate.go:
            return Applied(outcome=gate.reason)
        seen = self.observe(chosen, *policies, alone=alone)
        if seen.error is not None:
            raise seen.error
        return self.store.apply(
            Evaluation(
                rule=chosen,
                trigger="event_policy" if alone else "event_pack",
                slot=at,
                at=at,
                observation=seen,
                keeps_readings=False,
            )
        )

    def observe(
        self, rule: Rule, *policies: dict[str, Any], alone: bool, rehearsal: bool = False
    ) -> Observation:
        """Return what the trigger yields."""
        source = None if rehearsal else RunSource(deployment_id="d-1", flow_run_id="run-1")
        ctx = Context(clock=self.clock, events=self.store.event_port(rule, source))
        if alone:
            return observe(event_policy, ctx, {"policy": policies[0]}, timeout=None)
        return observe(event_pack, ctx, {"policies": list(policies)}, timeout=None)

    def comes(self, *events: dict[str, Any], tenant: str = "default") -> None:
        """Events come, and the relay matches them."""
        self.sent(*events, tenant=tenant)
        self.matched()

    def sent(self, *events: dict[str, Any], tenant: str = "default") -> None:
        """Events come; nobody matches them yet."""
        self.store.events.add(events, tenant=tenant)

    def matched(self) -> MatchResult:
        """The relay matches what there is; what the last batch came to."""
        done = MatchResult()
        for _ in range(100):
            _, due = waiting(self.store, self.clock.now())
            if not due:
                return done
            for tenant, name in due:
                done = self.relay.step(tenant, name)
        raise AssertionError("there is always more to match")

    def alerts(self, rule: str = "", tenant: str = "default") -> list[AlertView]:
        """Every alert, in the order of their titles."""
        found = self.store.alerts.page(AlertFilter(rule=rule, tenant=tenant), limit=100).items
        return sorted(found, key=lambda alert: (alert.title, alert.labels.get("actor.name", "")))
