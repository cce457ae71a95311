"""Separation of duties: changes to critical rules that wait for a second person. Pure.

Where it is switched on for a tenant, a change to a critical rule takes effect once somebody else
than whoever asked for it has approved it. Until then it is a pending change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, cast

import msgspec

from sentinel.errors import Conflict, OutOfScope, SentinelError
from sentinel.rules.pack import is_pack, member_severities
from sentinel.severity import Severity, severity_of

__all__ = [
    "EXPIRES_AFTER",
    "MARK",
    "ChangeKind",
    "ChangeStatus",
    "ChangeWaits",
    "FieldChange",
    "Lifecycle",
    "applied",
    "approve",
    "fields_changed",
    "in_words",
    "is_critical",
    "reject",
    "take_back",
    "withdraw",
    "worst_severity",
]

EXPIRES_AFTER = timedelta(days=7)
"""A change that nobody decided for so long can no longer be approved."""
MARK = ("approval", "required")
"""The label that makes a rule of any severity critical."""
ChangeKind = Literal["change", "enable", "disable", "delete", "deploy"]
"""What was asked for; `deploy` is a rollout of the rule's file, which is sent again later."""
_VERBS: dict[ChangeKind, str] = {
    "change": "changing", "enable": "enabling", "disable": "disabling", "delete": "deleting",
    "deploy": "deploying",
}  # fmt: skip


class ChangeStatus(StrEnum):
    """What became of a change that somebody asked for."""

    WAITING = "waiting"
    APPROVED = "approved"
    """By a second person; it is carried out now, or by the next deploy."""
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class ChangeWaits(SentinelError):
    """A change that was asked for has not taken effect: it waits for a second person.

    Args:
        message: what waits
        hint: what to do
        change: id of the pending change
    """

    def __init__(self, message: str, *, hint: str = "", change: str = "") -> None:
        super().__init__(message, hint=hint)
        self.change = change


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """What decides which steps a pending change allows.

    Attributes:
        status: as stored, which is never `expired`
        asked_by: the person who asked for it, or for whom a key did
        expires_at: from then on it can no longer be approved
        decided_by: the person who approved, rejected or withdrew it; empty while it waits
        decided_at: when
    """

    status: ChangeStatus
    asked_by: str
    expires_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None

    def shown(self, now: datetime) -> ChangeStatus:
        """Return the status at a moment: `expired` where it waited for too long."""
        if self.status is ChangeStatus.WAITING and now >= self.expires_at:
            return ChangeStatus.EXPIRED
        return self.status


def approve(state: Lifecycle, person: str, now: datetime, *, may_edit: bool) -> Lifecycle:
    """Approve a change that waits; one that is approved and not yet applied stays approved.

    Args:
        state: of the change
        person: who approves it
        now: the present moment
        may_edit: whether the person has the role editor or a higher one for the rule

    Returns:
        The state afterwards.

    Raises:
        Conflict: it was decided or has expired, or the person is the one who asked for it
        OutOfScope: the person may not edit the rule
    """
    _check_second(state, person, may_edit=may_edit)
    if state.status is ChangeStatus.APPROVED:
        return state
    _check_waits(state, now)
    return _decided(state, ChangeStatus.APPROVED, person, now)


def reject(state: Lifecycle, person: str, now: datetime, *, may_edit: bool) -> Lifecycle:
    """Reject a change that waits; see `approve` for arguments and errors."""
    _check_second(state, person, may_edit=may_edit)
    _check_waits(state, now)
    return _decided(state, ChangeStatus.REJECTED, person, now)


def withdraw(state: Lifecycle, person: str, now: datetime) -> Lifecycle:
    """Withdraw a change that waits.

    Args:
        state: of the change
        person: who withdraws it
        now: the present moment

    Returns:
        The state afterwards.

    Raises:
        Conflict: it was decided or has expired, or another person asked for it
    """
    if not _same(state.asked_by, person):
        raise Conflict(
            f"{state.asked_by} asked for this change, and only they withdraw it",
            hint="Reject it instead.",
        )
    _check_waits(state, now)
    return _decided(state, ChangeStatus.WITHDRAWN, person, now)


def applied(state: Lifecycle) -> Lifecycle:
    """Return the state of an approved change that has taken effect.

    Args:
        state: of the change

    Returns:
        The state afterwards.

    Raises:
        Conflict: it is not approved
    """
    _check_approved(state)
    return msgspec.structs.replace(state, status=ChangeStatus.APPLIED)


def take_back(state: Lifecycle) -> Lifecycle:
    """Return the state of an approved change that could not be carried out: it waits again.

    Args:
        state: of the change

    Returns:
        The state afterwards, decided by nobody.

    Raises:
        Conflict: it is not approved
    """
    _check_approved(state)
    return msgspec.structs.replace(
        state, status=ChangeStatus.WAITING, decided_by="", decided_at=None
    )


def _decided(state: Lifecycle, status: ChangeStatus, person: str, now: datetime) -> Lifecycle:
    return msgspec.structs.replace(state, status=status, decided_by=person, decided_at=now)


def _check_second(state: Lifecycle, person: str, *, may_edit: bool) -> None:
    if _same(state.asked_by, person):
        raise Conflict(
            f"{person} asked for this change, so somebody else has to decide on it",
            hint="Ask another person with the role editor, or withdraw the change.",
        )
    if not may_edit:
        raise OutOfScope(
            f"{person} may not edit this rule",
            hint="This needs the role editor or a higher one in its tenant and team.",
        )


def _check_waits(state: Lifecycle, now: datetime) -> None:
    shown = state.shown(now)
    if shown is ChangeStatus.EXPIRED:
        raise Conflict(
            f"this change expired at {state.expires_at:%Y-%m-%d %H:%M} UTC",
            hint="Ask for it again.",
        )
    if shown is not ChangeStatus.WAITING:
        raise Conflict(f"this change was {shown} by {state.decided_by}", hint="Ask for it again.")


def _check_approved(state: Lifecycle) -> None:
    if state.status is not ChangeStatus.APPROVED:
        raise Conflict(f"this change is {state.status}, not approved")


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def is_critical(rule: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> bool:
    """Return whether a rule is critical, so that its changes may need a second person.

    Args:
        rule: its fields, as people write them
        parameters: of its check; a check of events has its policies, with their severities, there

    Returns:
        Whether its severity, one of its levels or one of its policies is critical, or it has the
        label `MARK`.
    """
    when = rule.get("when")
    levels = cast("dict[str, Any]", when).get("levels") if isinstance(when, dict) else None
    words = [str(rule.get("severity") or ""), *map(str, levels or ()), *_of_policies(parameters)]
    labels = rule.get("labels")
    marked = isinstance(labels, dict) and MARK in cast("dict[str, Any]", labels).items()
    return marked or Severity.CRITICAL in map(_severity, words)


def worst_severity(severity: Severity, parameters: Mapping[str, Any]) -> Severity:
    """Return the worst severity that alerts of a rule can have by itself or by its policies.

    Args:
        severity: of the rule
        parameters: of its check

    Returns:
        The severity of the rule, or that of a policy that is worse.
    """
    return max([severity, *filter(None, map(_severity, _of_policies(parameters)))])


def _of_policies(parameters: Mapping[str, Any] | None) -> list[str]:
    """Return the words of severities in `policy`, `policies` and a pack's rules."""
    given = parameters or {}
    own = member_severities(given) if is_pack(given) else []
    many = given.get("policies")
    policies = [given.get("policy"), *(cast("list[Any]", many) if isinstance(many, list) else ())]
    return own + [
        str(cast("dict[str, Any]", one).get("severity") or "")
        for one in policies
        if isinstance(one, dict)
    ]


def _severity(word: str) -> Severity | None:
    try:
        return severity_of(word)
    except ValueError:
        return None


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that a change concerns; None is a field that is not given."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.field}: {_text(self.before)} → {_text(self.after)}"


def fields_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Return the fields in which two states of a rule differ.

    Args:
        before: the one
        after: the other

    Returns:
        One entry for each dotted path that has another value, by path.
    """
    was, now = dict(_flat(before)), dict(_flat(after))
    return [
        FieldChange(field=path, before=was.get(path), after=now.get(path))
        for path in sorted(was.keys() | now.keys())
        if was.get(path) != now.get(path)
    ]


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in value.items():
        where = f"{path}.{name}" if path else str(name)
        if isinstance(one, dict) and one:
            yield from _flat(cast("dict[str, Any]", one), where)
        else:
            yield where, one


def _text(value: Any) -> str:
    return "not set" if value is None else msgspec.json.encode(value).decode()


def in_words(kind: ChangeKind, rule: str) -> str:
    """Return what was asked for, in words that begin a sentence: `disabling the rule 'x'`."""
    return f"{_VERBS[kind]} the rule {rule!r}"
