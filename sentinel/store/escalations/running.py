"""The escalations that run: where each is, and whom its next step would page."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BindParameter, Connection, Integer, Row, bindparam, select

from sentinel.oncall.escalation import Paged
from sentinel.oncall.escalation_state import State
from sentinel.store.database.tables import GROUP
from sentinel.store.escalations.rows import ESCALATION, PAGE, plan_to_read, state_of
from sentinel.store.escalations.who_is_next import next_pages
from sentinel.store.oncall.stored import OnCallNow, readable_oncall_now

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Running", "running"]

_MOST_RESTING = 50
"""So many that are paused, or wait for nothing more, are read beside those with a next step."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An escalation that is not over.

    Attributes:
        id: of the escalation
        group_id: its group
        tenant: of the group
        title: of the group's last notification, else the labels that its alerts share
        severity: of the group
        firing: number of its alerts that fire
        receivers: of the group: an alert of two routes is in two groups
        policy: its name; empty for a rule's own
        state: waiting, paused, acknowledged or exhausted
        level: number of steps that were done
        levels: number of all steps, repeats included
        opened_at: when the group opened
        due_at: when the next step is due, or the acknowledgement runs out; None for neither
        acknowledged_by: whose acknowledgement holds; empty for none
        paged: people and receivers that were paged, in their order, each once
        missing: targets that had nobody on call
        following: whom the next step would page by who is on call then; None after the last,
            and where the on-call document cannot be read
    """

    id: str
    group_id: str
    tenant: str
    title: str
    severity: int
    firing: int
    receivers: list[str]
    policy: str
    state: State
    level: int
    levels: int
    opened_at: datetime
    due_at: datetime | None
    acknowledged_by: str
    paged: list[str]
    missing: tuple[str, ...]
    following: Paged | None


def running(store: Store, now: datetime, most: int = 100) -> list[Running]:
    """Return the escalations that run, those with the earliest next step first.

    Args:
        store: the shared database
        now: the present moment
        most: at most so many with a next step; 50 without one are added

    Returns:
        Where each is, and whom its next step would page.
    """
    with store.read() as connection:
        rows: list[Row[Any]] = [
            *connection.execute(_WITH_NEXT, {"most": most}),
            *connection.execute(_RESTING, {"most": _MOST_RESTING}),
        ]
        if not rows:
            return []
        paged = _paged(connection, [row.id for row in rows])
        oncall = readable_oncall_now(connection, now)
    return [_running(row, paged.get(row.id, {}), oncall, now) for row in rows]


def _paged(connection: Connection, ids: list[str]) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in connection.execute(_PAGED, {"ids": ids}):
        found[row.escalation_id][row.person or row.receiver] = None
    return found


def _running(
    row: Row[Any], paged: dict[str, None], oncall: OnCallNow | None, now: datetime
) -> Running:
    state, plan = state_of(row), plan_to_read(row)
    shared = ", ".join(f"{name}={text}" for name, text in row.labels.items())
    return Running(
        id=row.id, group_id=row.group_id, tenant=row.tenant, title=row.title or shared,
        severity=row.severity, firing=row.firing, receivers=list(row.receivers),
        policy=row.policy, state=state.state, level=state.level,
        levels=max(state.level, len(plan.steps)),
        opened_at=row.opened_at, due_at=state.due_at,
        acknowledged_by=state.acknowledged_by, paged=list(paged), missing=state.missing,
        following=None if oncall is None else next_pages(row, oncall, now),
    )  # fmt: skip


_FOUND = (
    select(
        ESCALATION,
        GROUP.c.title,
        GROUP.c.labels,
        GROUP.c.severity,
        GROUP.c.firing,
        GROUP.c.receivers,
    )
    .join(GROUP, GROUP.c.id == ESCALATION.c.group_id)
    .limit(bindparam("most", type_=Integer))
)
_WITH_NEXT = _FOUND.where(ESCALATION.c.due_at.is_not(None)).order_by(ESCALATION.c.due_at)
_RESTING = _FOUND.where(ESCALATION.c.state != "ended", ESCALATION.c.due_at.is_(None)).order_by(
    ESCALATION.c.group_id
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_PAGED = (
    select(PAGE.c.escalation_id, PAGE.c.person, PAGE.c.receiver)
    .where(PAGE.c.escalation_id.in_(_IDS), PAGE.c.kind == "page")
    .where(PAGE.c.state.in_(("sent", "attempted")))
    .order_by(PAGE.c.escalation_id, PAGE.c.id)
)
