"""Steps of a rollout that need a second person: refused until the same step is approved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.rollout.asked_changes import tenant_of
from sentinel.rollout.plan import RULES, Step
from sentinel.rules.approval import ChangeWaits
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.rules.asking import Asked, ask_first

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["gate"]


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
        asked = _asked(step)
        if asked is None:
            continue
        change = PendingChanges(store).approved(asked)
        if change is not None:
            approved[step.name] = change
            continue
        try:
            ask_first(store, asked, actor=actor)
        except ChangeWaits as waits:
            reason = f"{waits}, then deploy again"
            done[n] = msgspec.structs.replace(step, kind="refused", reasons=[reason])
    return done, approved


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
        kind="deploy", tenant=tenant_of(live), rule=name, spec=spec, before=_json(before),
        after=_json(after),
    )  # fmt: skip


def _json(fields: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(fields))
