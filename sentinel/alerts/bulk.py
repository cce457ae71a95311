"""One action on many alerts: what it is for, and what undoes it. Pure."""

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
    MarkNoise,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    UnmarkNoise,
    Unsuppress,
)
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView

__all__ = ["Step", "changed", "undo_steps"]


class Step(msgspec.Struct, frozen=True):
    """One action on some alerts.

    Attributes:
        action: what is done
        ids: to which alerts
        versions: by id; an alert that has moved on since then is left alone
    """

    action: Action
    ids: list[str]
    versions: dict[str, int]


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
        One for each action; none for a comment, for escalate and for an acknowledgement beside that
        of another person, which cannot be undone, and where nothing changed.
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
        case "mark_noise" | "unmark_noise":
            inverse = lambda was: (  # noqa: E731
                MarkNoise(actor=actor, comment=was.noise_reason)
                if was.noise_reason
                else UnmarkNoise(actor=actor, comment="undo")
            )
        case "comment" | "escalate":
            return []
    together: dict[Action, dict[str, int]] = {}
    for one in changed(results):
        if one.reason is Reason.ACKNOWLEDGED_TOO:
            continue  # what the others acknowledged stays
        if was := before.get(one.alert_id):
            together.setdefault(inverse(was), {})[one.alert_id] = one.version
    return [Step(action, list(versions), versions) for action, versions in together.items()]
