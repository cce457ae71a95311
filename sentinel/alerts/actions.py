"""The actions that people take on alerts, their names, and the result of one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, get_args

import msgspec

from sentinel.alerts.reasons import Reason
from sentinel.errors import ConfigurationError

__all__ = [
    "ACTION_NAMES",
    "Acknowledge",
    "Action",
    "ActionName",
    "ActionResult",
    "Assign",
    "Comment",
    "Escalate",
    "MarkNoise",
    "Reopen",
    "Resolve",
    "Suppress",
    "Unacknowledge",
    "UnmarkNoise",
    "Unsuppress",
    "action_named",
    "name_of",
]

ActionName = Literal[
    "acknowledge", "unacknowledge", "resolve", "reopen", "suppress", "unsuppress", "assign",
    "comment", "escalate", "mark_noise", "unmark_noise",
]  # fmt: skip
"""Every action, by the name that the API, the command line and the dashboard give it."""
ACTION_NAMES: tuple[ActionName, ...] = get_args(ActionName)


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Take the alert on: repeats and escalation stop."""

    actor: str
    comment: str = ""


class Unacknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Withdraw the acknowledgement."""

    actor: str
    comment: str = ""


class Resolve(msgspec.Struct, frozen=True, kw_only=True):
    """Resolve the alert by hand."""

    actor: str
    comment: str = ""


class Reopen(msgspec.Struct, frozen=True, kw_only=True):
    """Take a resolve back: the alert is open or acknowledged again, as it was."""

    actor: str
    comment: str = ""


class Assign(msgspec.Struct, frozen=True, kw_only=True):
    """Assign the alert to a person; an empty `assignee` unassigns it."""

    actor: str
    assignee: str
    comment: str = ""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """Add a comment to the timeline."""

    actor: str
    comment: str


class Escalate(msgspec.Struct, frozen=True, kw_only=True):
    """Page the next level of the escalation policy at once; an acknowledgement is withdrawn."""

    actor: str
    comment: str = ""


class MarkNoise(msgspec.Struct, frozen=True, kw_only=True):
    """Mark the alert as noise, one that nobody needed; `comment` says why. Notifies as before."""

    actor: str
    comment: str


class UnmarkNoise(msgspec.Struct, frozen=True, kw_only=True):
    """Withdraw the mark: the alert is no noise."""

    actor: str
    comment: str = ""


class Suppress(msgspec.Struct, frozen=True, kw_only=True):
    """Send no notifications for this fingerprint before `until`, also if it fires again."""

    actor: str
    until: datetime
    comment: str = ""


class Unsuppress(msgspec.Struct, frozen=True, kw_only=True):
    """End the suppression: notifications are sent again."""

    actor: str
    comment: str = ""


Action = (
    Acknowledge
    | Unacknowledge
    | Resolve
    | Reopen
    | Assign
    | Comment
    | Escalate
    | MarkNoise
    | UnmarkNoise
    | Suppress
    | Unsuppress
)


class ActionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one action on one alert.

    Attributes:
        alert_id: of the alert
        ok: whether the action was carried out, or changed nothing because nothing was to change
        reason: why it is so
        status: the stored status afterwards; empty where there is no such alert
        version: of the alert afterwards; 0 where there is no such alert
        error: why not, and what to do, where `ok` is false
    """

    alert_id: str
    ok: bool
    reason: Reason
    status: str = ""
    version: int = 0
    error: str = ""


def name_of(action: Action) -> str:
    """Return the name of an action, one of `ACTION_NAMES`: `mark_noise` of a `MarkNoise`."""
    return _CAPITAL.sub("_", type(action).__name__).lower()


def action_named(
    name: str,
    *,
    actor: str,
    comment: str = "",
    assignee: str = "",
    until: datetime | None = None,
) -> Action:
    """Make the action that `name` stands for.

    Args:
        name: one of `ACTION_NAMES`
        actor: who takes the action
        comment: kept in the timeline
        assignee: for assign, the person; empty unassigns
        until: for suppress, the end of the suppression

    Returns:
        The action, for `Store.act`.

    Raises:
        ConfigurationError: there is no action of this name, or suppress has no end
    """
    match name:
        case "acknowledge":
            return Acknowledge(actor=actor, comment=comment)
        case "unacknowledge":
            return Unacknowledge(actor=actor, comment=comment)
        case "resolve":
            return Resolve(actor=actor, comment=comment)
        case "reopen":
            return Reopen(actor=actor, comment=comment)
        case "suppress":
            if until is None:
                raise ConfigurationError("suppress needs the time when the suppression ends")
            return Suppress(actor=actor, until=until, comment=comment)
        case "unsuppress":
            return Unsuppress(actor=actor, comment=comment)
        case "assign":
            return Assign(actor=actor, assignee=assignee, comment=comment)
        case "comment":
            return Comment(actor=actor, comment=comment)
        case "escalate":
            return Escalate(actor=actor, comment=comment)
        case "mark_noise":
            return MarkNoise(actor=actor, comment=comment)
        case "unmark_noise":
            return UnmarkNoise(actor=actor, comment=comment)
        case _:
            raise ConfigurationError(
                f"there is no action {name!r}", hint=f"The actions are {', '.join(ACTION_NAMES)}."
            )
