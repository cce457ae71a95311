"""The auditor of escalations: what is stuck, and which steps found nobody on call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, or_, select, text

from sentinel.schema.columns import Moment
from sentinel.store.escalations.leases import BEHIND, OUTSTANDING
from sentinel.store.escalations.pages import WANTED
from sentinel.store.escalations.rows import ESCALATION, PAGE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LATE", "UNREACHED", "Stuck", "stuck", "unmanned"]

LATE = timedelta(minutes=2)
"""What is due for longer is stuck: wake, sweep and relay have all failed to see it."""
UNREACHED = timedelta(minutes=5)
"""A page that is tried for longer, and reached nobody, is stuck; the inbox alone is nobody."""
_MOST = 100


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """An escalation that does not go on.

    Attributes:
        escalation_id: of the escalation
        group_id: its group
        policy: its name; empty for a rule's own
        why: overdue (a step), unsent (a page), unreached (a page that is tried again and again, or
            that such a one stands for) or undue (it waits for nothing)
        since: when that was due; None where nothing is
    """

    escalation_id: str
    group_id: str
    policy: str
    why: str
    since: datetime | None


def stuck(store: Store, now: datetime, late: timedelta = LATE) -> list[Stuck]:
    """Return escalations that do not go on, by queries of which each reads an index.

    Args:
        store: the shared database
        now: the present moment
        late: how long something may be due

    Returns:
        At most 100 of each kind; empty where all is well.
    """
    asked: dict[str, Any] = {"before": now - late, "tried": now - max(late, UNREACHED)}
    found: list[Stuck] = []
    with store.read() as connection:
        for why, query in _QUERIES.items():
            found += [
                Stuck(
                    escalation_id=row.id, group_id=row.group_id, policy=row.policy,
                    why="unreached" if why == "behind" else why, since=row.since,
                )
                for row in connection.execute(query, asked)
            ]  # fmt: skip
    return found


def unmanned(store: Store) -> dict[tuple[str, str], int]:
    """Return targets that had nobody on call when a step of a live escalation paged them.

    Args:
        store: the shared database

    Returns:
        Policy and target, with the number of live escalations that found it so.
    """
    found: dict[tuple[str, str], int] = {}
    with store.read() as connection:
        for row in connection.execute(_UNMANNED):
            for target in row.missing.split("\n"):
                found[row.policy, target] = found.get((row.policy, target), 0) + 1
    return found


_BEFORE = bindparam("before", type_=Moment())
_TRIED = bindparam("tried", type_=Moment())
_MAIN = PAGE.alias("main")
_FOUND = (ESCALATION.c.id, ESCALATION.c.group_id, ESCALATION.c.policy)
_QUERIES = {
    "overdue": select(*_FOUND, ESCALATION.c.due_at.label("since"))
    .where(ESCALATION.c.due_at.is_not(None), ESCALATION.c.due_at <= _BEFORE)
    .order_by(ESCALATION.c.due_at)
    .limit(_MOST),
    "undue": select(*_FOUND, ESCALATION.c.due_at.label("since"))
    .where(ESCALATION.c.state == "waiting", ESCALATION.c.due_at.is_(None))
    .order_by(ESCALATION.c.id)
    .limit(_MOST),
    "unsent": select(*_FOUND, PAGE.c.at.label("since"))
    .join(PAGE, PAGE.c.escalation_id == ESCALATION.c.id)
    .where(OUTSTANDING, PAGE.c.at <= _BEFORE)
    .where(WANTED)
    .where(or_(PAGE.c.attempted_at.is_(None), PAGE.c.attempted_at <= _BEFORE))
    .order_by(PAGE.c.at)
    .limit(_MOST),
    # Each try puts off the next one, so that it is never due for long.
    "unreached": select(*_FOUND, PAGE.c.planned_at.label("since"))
    .join(PAGE, PAGE.c.escalation_id == ESCALATION.c.id)
    .where(OUTSTANDING, PAGE.c.attempts > 0, PAGE.c.planned_at <= _TRIED)
    .where(PAGE.c.kind.in_(("page", "again")), PAGE.c.at > _BEFORE)
    .where(WANTED)
    .order_by(PAGE.c.planned_at)
    .limit(_MOST),
    "behind": select(*_FOUND, PAGE.c.planned_at.label("since"))
    .join(PAGE, PAGE.c.escalation_id == ESCALATION.c.id)
    .join(_MAIN, _MAIN.c.id == PAGE.c.gathered_in)
    .where(text("main.state IN ('pending', 'put_off', 'attempted')"), BEHIND)
    .where(PAGE.c.state == "gathered", _MAIN.c.attempts > 0, _MAIN.c.planned_at <= _TRIED)
    .where(WANTED)
    .order_by(PAGE.c.planned_at)
    .limit(_MOST),
}
_UNMANNED = (
    select(ESCALATION.c.policy, ESCALATION.c.missing)
    .where(ESCALATION.c.missing != "", ESCALATION.c.state != "ended")
    .order_by(ESCALATION.c.id.desc())
    .limit(1_000)
)
