"""The audit rows of a rollout: one for each deployment that it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sentinel.audit.change import Change, not_done
from sentinel.rollout.plan import Step

__all__ = ["changes_of", "refused_of", "rule_changes"]

_ACTIONS = {
    "created": "rule.deployed", "changed": "rule.deployed", "removed": "rule.undeployed",
}  # fmt: skip


def changes_of(steps: Sequence[Step]) -> list[Change]:
    """Return what the planned steps change, with the fields that differ as they were and will be.

    Args:
        steps: of the plan

    Returns:
        One change for each deployment that is created, changed or removed.
    """
    return [_change(step) for step in steps if step.kind in _ACTIONS]


def refused_of(planned: Sequence[Change], steps: Sequence[Step]) -> list[Change]:
    """Return a row for each planned change that was refused while it was made.

    Args:
        planned: from `changes_of`
        steps: as they were carried out

    Returns:
        The rows, which say why.
    """
    refused = {step.name: step for step in steps if step.kind == "refused"}
    return [
        not_done(one, "; ".join(refused[one.object_name].reasons))
        for one in planned
        if one.object_name in refused
    ]


def rule_changes(step: Step, name: str, tenant: str) -> list[Change]:
    """Return what a person's edit of one rule changes; nothing where its step changes nothing.

    Args:
        step: of the rule's deployment
        name: of the rule
        tenant: whose it is

    Returns:
        One change, or none.
    """
    if step.kind == "unchanged":
        return []
    return [
        msgspec.structs.replace(
            _change(step), action="rule.changed", object_kind="rule", object_id=name,
            object_name=name, tenant=tenant,
        )
    ]  # fmt: skip


def _change(step: Step) -> Change:
    before: dict[str, Any] | None = {one.place: one.there for one in step.differences}
    after: dict[str, Any] | None = {one.place: one.here for one in step.differences}
    if step.kind == "created":
        before, after = None, after or {"file": step.file}
    elif step.kind == "removed":
        before, after = before or {"file": step.file}, None
    return Change(
        action=_ACTIONS.get(step.kind, "rule.deployed"), object_kind="deployment",
        object_id=step.name[:100], object_name=step.name, before=before, after=after,
    )  # fmt: skip
