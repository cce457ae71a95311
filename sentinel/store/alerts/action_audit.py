"""The audit row of an action on alerts: one for each command and tenant, in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from sentinel.alerts.actions import Action, Assign, Suppress
from sentinel.alerts.state import AlertState
from sentinel.audit.change import Change

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Made", "record_action"]

_FIELDS = ("status", "assignee", "suppressed_until")
_PEOPLE = ("assignee",)


class Made(NamedTuple):
    """One alert that an action changed: before, after, its tenant and its title."""

    before: AlertState
    after: AlertState
    tenant: str
    title: str


def record_action(
    store: Store, connection: Connection, action: Action, made: Sequence[Made]
) -> None:
    """Write who did what to which alerts.

    Args:
        store: the shared database
        connection: the transaction of the action
        action: what a person did
        made: the alerts that it changed; nothing is written where there is none
    """
    if len(made) == 1:
        return _write(store, connection, action, made)
    by_tenant: dict[str, list[Made]] = {}
    for one in made:
        by_tenant.setdefault(one.tenant, []).append(one)
    for some in by_tenant.values():
        _write(store, connection, action, some)
    return None


def _write(store: Store, connection: Connection, action: Action, made: Sequence[Made]) -> None:
    first = made[0]
    many = len(made) > 1
    before, after = ({}, _given(action)) if many else _differing(first.before, first.after)
    if not before and not after:
        after = _given(action)  # the silence of its rule lasts longer, so its row stays
    if many:
        after |= {"count": len(made), "ids": [one.after.id for one in made]}
    store.audit.add(
        connection,
        Change(
            action=f"alert.{type(action).__name__.lower()}", object_kind="alert",
            object_id="" if many else first.after.id,
            object_name=f"{len(made):,} alerts" if many else first.title,
            tenant=first.tenant, before=before, after=after, note=action.comment, people=_PEOPLE,
        ),
        actor=action.actor,
    )  # fmt: skip


def _given(action: Action) -> dict[str, Any]:
    """Return what an action sets on every alert, beyond its name."""
    if isinstance(action, Assign):
        return {"assignee": action.assignee}
    return {"suppressed_until": action.until} if isinstance(action, Suppress) else {}


def _differing(before: AlertState, after: AlertState) -> tuple[dict[str, Any], dict[str, Any]]:
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for name in _FIELDS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            was[name], now[name] = old, new
    return was, now
