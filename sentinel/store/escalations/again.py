"""The last level is paged again, where an acknowledgement no longer holds and no level follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.errors import ConfigurationError
from sentinel.notifications.grouping import UNDO_WITHIN
from sentinel.oncall.escalation import Page, pages_of
from sentinel.oncall.escalation_state import Escalation, Plan, State
from sentinel.severity import Severity
from sentinel.store.escalations.leases import WAITS
from sentinel.store.escalations.pages import add_pages
from sentinel.store.escalations.rows import PAGE
from sentinel.store.oncall.stored import OnCallNow, read_oncall_now

__all__ = ["OWNER_FIRST", "last_level", "page_last_level_again"]

OWNER_FIRST = timedelta(minutes=5)
"""So long the owner of an acknowledgement that ran out has to answer, before others are paged."""


def last_level(
    plan: Plan, level: int, severity: Severity, oncall: OnCallNow, at: datetime
) -> list[Page]:
    """Return what the last step pages that was done, and pages somebody now.

    Args:
        plan: the steps of the escalation
        level: how many of them are done
        severity: of the group
        oncall: the on-call document, with overrides
        at: when the step is paged again

    Returns:
        Its messages, earliest first; none where no step pages anybody.
    """
    for place in reversed(plan.steps[:level]):
        done = pages_of(place, severity, at, oncall.document, oncall.overrides_of)
        if done.pages:
            return list(done.pages)
    return []


def page_last_level_again(
    connection: Connection, row: Row[Any], after: Escalation, plan: Plan, severity: Severity,
    now: datetime,
) -> list[datetime]:  # fmt: skip
    """Page the last level again, since a person takes back the acknowledgement that stopped it.

    Args:
        connection: the caller's open transaction
        row: of the escalation, locked, as it was before
        after: what becomes of it
        plan: its steps
        severity: of the group
        now: the present moment

    Returns:
        When each page is sent; nothing where a level follows, pages wait already, or the
        acknowledgement is so young that taking it back is an undo.
    """
    made = row.acknowledged_at
    if after.state is not State.EXHAUSTED or made is None or now - made <= UNDO_WITHIN:
        return []
    if connection.execute(_WAITING, {"escalation": row.id}).first() is not None:
        return []  # such as those of an acknowledgement that ran out
    try:
        oncall = read_oncall_now(connection, now)
    except ConfigurationError:  # as for each step that needs it: the next one says so
        return []
    pages = last_level(plan, after.level, severity, oncall, now)
    add_pages(connection, row.id, row.group_id, row.level, pages, kind="again")
    return [page.at for page in pages]


_WAITING = (
    select(PAGE.c.id)
    .where(PAGE.c.escalation_id == bindparam("escalation"))
    .where(PAGE.c.kind.in_(("page", "again")), PAGE.c.state.in_(WAITS))
    .limit(1)
)
