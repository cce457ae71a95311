"""Steps of a rollout that need a second person: refused until the same step is approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import ValidationError

from sentinel.checks.catalog import find
from sentinel.errors import TriggerError
from sentinel.rollout.asked_changes import tenant_of
from sentinel.rollout.plan import RULES, Step
from sentinel.rules.approval import ChangeWaits, is_critical, worst_severity
from sentinel.rules.rule import Rule
from sentinel.store.alerts.changed_rules import keep_changed
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.rules.asking import Asked, ask_first
from sentinel.store.rules.critical import critical_among
from sentinel.store.rules.made import add_deployed

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["gate", "keep_deployed", "permit"]


def gate(store: Store, steps: Sequence[Step], *, actor: str) -> tuple[list[Step], dict[str, str]]:
    """Refuse the steps whose change of a critical rule waits for a second person.

    What is approved is the difference: a file that says something else asks anew.

    Args:
        store: the shared database
        steps: of a plan
        actor: who rolls out

    Returns:
        The steps, some of them refused; and the ids of the approved changes that the others carry
        out, by the name of the deployment.
    """
    done, approved = list(steps), dict[str, str]()
    for n, step in enumerate(steps):
        try:
            change = permit(store, step, actor=actor)
        except ChangeWaits as waits:
            reason = f"{waits}, then deploy again"
            done[n] = msgspec.structs.replace(step, kind="refused", reasons=[reason])
        else:
            if change is not None:
                approved[step.name] = change
    return done, approved


def permit(store: Store, step: Step, *, actor: str) -> str | None:
    """Ask for one step, where it needs a second person; see `gate`.

    Args:
        store: the shared database
        step: of a plan
        actor: who rolls out

    Returns:
        The id of the approved change that it carries out; None where it needs nobody.

    Raises:
        ChangeWaits: it waits, and must not be carried out now
    """
    asked = _takeover(store, step) or _asked(step)
    if asked is None:
        return None
    change = PendingChanges(store).approved(asked)
    if change is None:
        ask_first(store, asked, actor=actor)
    return change


def keep_deployed(store: Store, steps: Sequence[Step]) -> None:
    """Keep the rules that a rollout made or changed in their rows.

    A row says whether its rule is critical, and lists it before it is first evaluated. The rule
    that takes over the state of another one has no row until then.

    Args:
        store: the shared database
        steps: as they were carried out
    """
    for step in steps:
        rule = _rule_of(step) if step.kind in ("created", "changed") else None
        if rule is None or step.desired is None or step.entry is None:
            continue
        severity = worst_severity(rule.rank, step.desired.body["parameters"])
        if step.kind == "changed":
            keep_changed(store, rule, severity)
        deployment = step.made if step.live is None else step.live.id
        if deployment and not rule.renamed_from:
            trigger = step.entry.entrypoint.removeprefix(RULES)
            add_deployed(
                store, rule, trigger, rule.category or _category_of(trigger), severity=severity,
                deployment_id=deployment, paused=_is_off(step),
            )  # fmt: skip


def _category_of(trigger: str) -> str:
    try:
        return find(trigger).category
    except TriggerError:  # it is where the rule runs, and not here
        return ""


def _is_off(step: Step) -> bool:
    """Return whether a deployment begins paused, or with all of its schedules switched off."""
    body: Mapping[str, Any] = step.desired.body if step.desired is not None else {}
    if step.live is not None:  # a rollout leaves both as people switched them
        body = step.live.deployment
    schedules: list[dict[str, Any]] = body.get("schedules") or []
    off = bool(schedules) and not any(one.get("active", True) for one in schedules)
    return bool(body.get("paused")) or off


def _rule_of(step: Step) -> Rule | None:
    """Return the rule that a step deploys; None where it is none, or Prefect fills it in."""
    if step.desired is None or step.entry is None or not step.entry.entrypoint.startswith(RULES):
        return None
    try:
        return Rule.model_validate(step.desired.body["parameters"]["rule"])
    except (KeyError, ValidationError):
        return None


def _takeover(store: Store, step: Step) -> Asked | None:
    """Return what a step asks for whose rule takes over the state of a critical one.

    A rule that was evaluated under its own name takes nothing over any more.

    Args:
        store: the shared database
        step: of a plan

    Returns:
        What is asked for; None where it takes over nothing critical.
    """
    rule = _rule_of(step) if step.kind in ("created", "changed") else None
    if rule is None or not rule.renamed_from:
        return None
    rows = {row.name: row for row in store.rules.list(rule.tenant)}
    old = rows.get(rule.renamed_from)
    if old is None or rule.name in rows:
        return None
    with store.read() as connection:
        if (rule.tenant, old.name) not in critical_among(connection, [old.name]):
            return None
    differences = [] if step.live is None else [one for one in step.differences if not one.of_code]
    before: dict[str, Any] = {one.place: one.there for one in differences}
    after: dict[str, Any] = {one.place: one.here for one in differences}
    return Asked(
        kind="deploy", tenant=rule.tenant, rule=old.name, spec=old.spec, critical=True,
        before=_json({**before, "name": old.name}), after=_json({**after, "name": rule.name}),
    )  # fmt: skip


def _asked(step: Step) -> Asked | None:
    """Return what a step asks for; None where it changes no rule that is there."""
    live = step.live
    if live is None or step.kind not in ("changed", "removed"):
        return None
    if not str(live.deployment.get("entrypoint") or "").startswith(RULES):
        return None
    differences = [one for one in step.differences if not one.of_code]
    if step.kind == "changed" and not differences:
        return None
    before: dict[str, Any] = {one.place: one.there for one in differences}
    after: dict[str, Any] = {one.place: one.here for one in differences}
    if step.kind == "removed":
        before, after = {"deployed": True}, {"deployed": False}
    parameters: dict[str, Any] = live.deployment.get("parameters") or {}
    spec: dict[str, Any] = parameters.get("rule") or {}
    name = str(spec.get("name") or live.name)[:100]
    return Asked(
        kind="deploy", tenant=tenant_of(live), rule=name, spec=spec,
        critical=is_critical(spec, parameters), before=_json(before), after=_json(after),
    )  # fmt: skip


def _json(fields: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(fields))
