"""One action on many alerts: its steps, what undoes it, and how it was taken. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionName,
    ActionResult,
    Assign,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    Unsuppress,
)
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView
from sentinel.errors import DatabaseError

__all__ = ["Act", "Step", "changed", "steps_by_version", "take", "undo_steps"]


class Step(msgspec.Struct, frozen=True):
    """One action on alerts that share a version; None for whatever version they have."""

    action: Action
    ids: list[str]
    version: int | None


Act = Callable[[Step], list[ActionResult]]
"""Carries out one step in one transaction."""


def steps_by_version(action: Action, versions: Mapping[str, int | None]) -> list[Step]:
    """Return the steps of one action on alerts, each with the version that it was decided on.

    Args:
        action: what is done to all of them
        versions: by id; None for an alert that is acted on whatever its version

    Returns:
        One step for each version.
    """
    ids: dict[int | None, list[str]] = {}
    for alert_id, version in versions.items():
        ids.setdefault(version, []).append(alert_id)
    return [Step(action, some, version) for version, some in ids.items()]


def take(steps: Sequence[Step], act: Act) -> list[ActionResult]:
    """Carry out each step; where the database fails midway, the alerts that are left are refused.

    Args:
        steps: in their order
        act: carries out one of them

    Returns:
        One result per alert.

    Raises:
        DatabaseError: the database cannot be used, and nothing was done
    """
    results: list[ActionResult] = []
    for number, step in enumerate(steps):
        try:
            results += act(step)
        except DatabaseError as error:
            if not results:
                raise
            left = [one for later in steps[number:] for one in later.ids]
            why = str(error)
            return results + [
                ActionResult(alert_id=one, ok=False, reason=Reason.NOT_DONE, error=why)
                for one in left
            ]
    return results


def changed(results: Sequence[ActionResult]) -> list[ActionResult]:
    """Return the results of the alerts that an action changed."""
    return [one for one in results if one.ok and one.reason is not Reason.UNCHANGED]


def undo_steps(
    name: ActionName,
    actor: str,
    before: Mapping[str, AlertView],
    results: Sequence[ActionResult],
    now: datetime,
) -> list[Step]:
    """Return the steps that undo an action, each on the version that it left.

    Args:
        name: of the action
        actor: who undoes it
        before: the alerts as they were, by id
        results: of the action
        now: the present time; a suppression that has ended since is not restored

    Returns:
        The steps; none for a comment, for escalate and for an acknowledgement beside that of
        another person, which cannot be undone, and where nothing changed.
    """
    inverse: Callable[[AlertView], Action]
    match name:
        case "acknowledge":
            inverse = lambda _: Unacknowledge(actor=actor, comment="undo")  # noqa: E731
        case "unacknowledge":
            inverse = lambda was: Acknowledge(  # noqa: E731
                actor=was.acknowledged_by or actor, comment=was.acknowledge_comment
            )
        case "resolve":
            inverse = lambda _: Reopen(actor=actor, comment="undo")  # noqa: E731
        case "reopen":
            inverse = lambda _: Resolve(actor=actor, comment="undo")  # noqa: E731
        case "assign":
            inverse = lambda was: Assign(actor=actor, assignee=was.assignee, comment="undo")  # noqa: E731
        case "suppress" | "unsuppress":
            inverse = lambda was: (  # noqa: E731
                Suppress(actor=actor, until=was.suppressed_until, comment=was.suppress_reason)
                if was.suppressed_until is not None and was.suppressed_until > now
                else Unsuppress(actor=actor, comment="undo")
            )
        case "comment" | "escalate":
            return []
    together: dict[tuple[Action, int], list[str]] = {}
    for one in changed(results):
        if one.reason is Reason.ACKNOWLEDGED_TOO:
            continue  # what the others acknowledged stays
        if was := before.get(one.alert_id):
            together.setdefault((inverse(was), one.version), []).append(one.alert_id)
    return [Step(action, ids, version) for (action, version), ids in together.items()]
