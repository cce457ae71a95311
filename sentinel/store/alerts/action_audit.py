"""The audit row of an action on alerts: one for each command and tenant, in its transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from sentinel.alerts.actions import Action, Assign, MarkNoise, Suppress, name_of
from sentinel.alerts.state import AlertState
from sentinel.audit.change import Change, Recorded
from sentinel.audit.origin import Origin

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Done", "Made", "record_actions"]

_FIELDS = ("status", "assignee", "suppressed_until", "escalation_level", "noise_reason")
_PEOPLE = ("assignee",)


class Made(NamedTuple):
    """One alert that an action changed: before, after, its tenant and its title."""

    before: AlertState
    after: AlertState
    tenant: str
    title: str


class Done(NamedTuple):
    """An action, the alerts that it changed, and its door; None for that of the present request."""

    action: Action
    made: Sequence[Made]
    origin: Origin | None = None


def record_actions(store: Store, connection: Connection, done: Sequence[Done]) -> None:
    """Write who did what to which alerts.

    Args:
        store: the shared database
        connection: the transaction of the actions
        done: what people did; nothing is written of what changed nothing
    """
    store.audit.add_all(
        connection,
        [
            Recorded(_change(one.action, some), one.action.actor, one.origin)
            for one in done
            for some in _by_tenant(one.made)
        ],
    )


def _by_tenant(made: Sequence[Made]) -> Collection[Sequence[Made]]:
    found: dict[str, list[Made]] = {}
    for one in made:
        found.setdefault(one.tenant, []).append(one)
    return found.values()


def _change(action: Action, made: Sequence[Made]) -> Change:
    first = made[0]
    many = len(made) > 1
    before, after = ({}, _given(action)) if many else _differing(first.before, first.after)
    if not before and not after:
        after = _given(action)  # the silence of its rule lasts longer, so its row stays
    if many:
        after |= {"count": len(made), "ids": [one.after.id for one in made]}
    return Change(
        action=f"alert.{name_of(action)}", object_kind="alert",
        object_id="" if many else first.after.id,
        object_name=f"{len(made):,} alerts" if many else first.title,
        tenant=first.tenant, before=before, after=after, note=action.comment, people=_PEOPLE,
    )  # fmt: skip


def _given(action: Action) -> dict[str, Any]:
    """Return what an action sets on every alert, beyond its name."""
    if isinstance(action, Assign):
        return {"assignee": action.assignee}
    if isinstance(action, MarkNoise):
        return {"noise_reason": action.comment}
    return {"suppressed_until": action.until} if isinstance(action, Suppress) else {}


def _differing(before: AlertState, after: AlertState) -> tuple[dict[str, Any], dict[str, Any]]:
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for name in _FIELDS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            was[name], now[name] = old, new
    return was, now
