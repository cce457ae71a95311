"""Pending changes as people see them, read from their rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import Scope
from sentinel.errors import Conflict, NotFound
from sentinel.rules.approval import (
    ChangeKind,
    ChangeStatus,
    FieldChange,
    Lifecycle,
    fields_changed,
)
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import PENDING_CHANGE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PendingView", "check_unchanged", "found_change", "state_of_row", "view_of"]


class PendingView(msgspec.Struct, frozen=True, kw_only=True):
    """A change that somebody asked for, as people see it.

    Attributes:
        kind: what was asked for
        asked_by: the person; `asked_as` as timelines name them
        before, after: the rule as it was when it was asked for, and as it is to be
        given: the words that the change was made of
        reason: of whoever asked
        decided_by: who approved, rejected or withdrew it; empty while it waits
        comment: of whoever decided
    """

    id: str
    tenant: str
    team: str
    rule: str
    kind: ChangeKind
    status: ChangeStatus
    asked_by: str
    asked_as: str
    asked_at: datetime
    expires_at: datetime
    reason: str
    decided_by: str
    decided_at: datetime | None
    comment: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def differences(self) -> list[FieldChange]:
        """What differs between both states, by field."""
        return fields_changed(self.before, self.after)


def view_of(store: Store, row: Row[Any]) -> PendingView:
    """Return a change as people see it now."""
    shown = state_of_row(row).shown(store.now())
    fields: dict[str, Any] = dict(row._mapping)  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name
    shown_fields: dict[str, Any] = {**fields, "status": shown}
    return PendingView(**shown_fields)


def check_unchanged(rule: str, asked: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to approve a change of a rule that changed after it was asked for.

    Args:
        rule: name
        asked: the rule when the change was asked for
        now: the rule as it is

    Raises:
        Conflict: they differ; names each field
    """
    found = fields_changed(asked, now)
    if found:
        raise Conflict(
            f"the rule {rule!r} changed after this was asked for: {'; '.join(map(str, found))}",
            hint="Reject this change, look at the rule, and ask for it again.",
        )


def state_of_row(row: Row[Any]) -> Lifecycle:
    """Return what decides which steps the change of a row allows."""
    return Lifecycle(
        status=ChangeStatus(row.status), asked_by=row.asked_by, expires_at=row.expires_at,
        decided_by=row.decided_by, decided_at=row.decided_at,
    )  # fmt: skip


def found_change(
    connection: Connection, change_id: str, scope: Scope, *, lock: bool = False
) -> Row[Any]:
    """Return the row whose id begins with `change_id`, as people type it.

    Args:
        connection: an open one
        change_id: an id, or a unique prefix
        scope: of whoever asks
        lock: whether to lock the row, in a writing transaction

    Returns:
        The row.

    Raises:
        NotFound: there is none in scope
        Conflict: several ids begin so
    """
    wanted = change_id.strip().lower()
    missing = NotFound(
        f"there is no pending change {change_id[:40]!r}", hint="See: sentinel rule pending --all"
    )
    if not wanted or not all(letter in "0123456789abcdef" for letter in wanted):
        raise missing
    column = PENDING_CHANGE.c.id
    query = select(PENDING_CHANGE).where(
        column >= wanted, column < wanted + "g",
        *in_scope(scope, PENDING_CHANGE.c.tenant, PENDING_CHANGE.c.team),
    ).limit(2)  # fmt: skip
    rows = connection.execute(query.with_for_update() if lock else query).all()
    if not rows:
        raise missing
    if len(rows) > 1:
        raise Conflict(f"{change_id!r} begins the ids of several changes", hint="Give more of it.")
    return rows[0]
