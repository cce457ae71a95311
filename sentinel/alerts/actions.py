"""What people do to an alert, and what became of one action."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.alerts.reasons import Reason

__all__ = [
    "Acknowledge",
    "Action",
    "ActionResult",
    "Assign",
    "Comment",
    "Reopen",
    "Resolve",
    "Suppress",
    "Unacknowledge",
    "Unsuppress",
]


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """A person takes it on; repeats and escalation stop."""

    actor: str
    comment: str = ""


class Unacknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """The acknowledgement is taken back."""

    actor: str
    comment: str = ""


class Resolve(msgspec.Struct, frozen=True, kw_only=True):
    """A person says it is over."""

    actor: str
    comment: str = ""


class Reopen(msgspec.Struct, frozen=True, kw_only=True):
    """A person says that it is not over after all."""

    actor: str
    comment: str = ""


class Assign(msgspec.Struct, frozen=True, kw_only=True):
    """It is somebody's; an empty `assignee` makes it nobody's."""

    actor: str
    assignee: str
    comment: str = ""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A person says something about it."""

    actor: str
    comment: str


class Suppress(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody is told of this fingerprint until `until`; survives resolve and refire."""

    actor: str
    until: datetime
    comment: str = ""


class Unsuppress(msgspec.Struct, frozen=True, kw_only=True):
    """It is told of again."""

    actor: str
    comment: str = ""


Action = Acknowledge | Unacknowledge | Resolve | Reopen | Assign | Comment | Suppress | Unsuppress


class ActionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one action did to one alert; `error` says why where `ok` is false."""

    alert_id: str
    ok: bool
    reason: Reason
    status: str = ""
    version: int = 0
    error: str = ""
