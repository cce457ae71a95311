"""Pages: the messages of escalations' steps, who sends each, and what came of it.

`page_attempted` is the claim of a page and is committed before it is sent, so that of several
senders one sends it. A sender that dies leaves it attempted, and it is sent again after `LEASE`:
at most one repeat a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Row,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from sentinel.oncall.escalation import Page
from sentinel.oncall.escalation_state import attempted
from sentinel.schema.columns import Moment, new_id
from sentinel.schema.escalations import EscalationPage
from sentinel.store.database.bulk import insert_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import model_of
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.gathered import release_behind, release_behind_page, stand_again
from sentinel.store.escalations.leases import LEASE, OUTSTANDING, WAITS
from sentinel.store.escalations.rows import ESCALATION, PAGE, state_of, write_states

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "add_pages", "answer", "attempt", "drop_pages", "due_in", "next_page_at", "page_answered",
    "page_attempted", "pages_due", "pages_of_group", "people_paged",
]  # fmt: skip

_COLUMNS = (
    "id", "escalation_id", "group_id", "kind", "level", "person", "receiver", "why", "planned_at",
    "at", "state", "attempts", "attempted_at", "answered_at", "delivery_id", "error", "gathered_in",
)  # fmt: skip


def add_pages(
    connection: Connection, escalation_id: str, group_id: str, level: int, pages: Sequence[Page],
    kind: str = "page",
) -> list[str]:  # fmt: skip
    """Add the messages of a step.

    Args:
        connection: the caller's open transaction
        escalation_id: whose
        group_id: its group
        level: of the step
        pages: as `pages_of` returns them
        kind: page, again or resolved

    Returns:
        Their ids.
    """
    rows: list[tuple[Any, ...]] = [
        (
            new_id(), escalation_id, group_id, kind, level, one.person, one.receiver, one.why,
            one.at, one.at, "put_off" if one.put_off else "pending", 0, None, None, "", "",
            "",
        )
        for one in pages
    ]  # fmt: skip
    insert_many(connection, "escalation_page", _COLUMNS, rows)
    return [row[0] for row in rows]


def pages_due(store: Store, now: datetime, limit: int = 200) -> list[EscalationPage]:
    """Return the messages that are to be sent now.

    Those of paused escalations wait; what an acknowledgement or the end of a group made needless
    was dropped in its transaction.

    Args:
        store: the shared database
        now: the present moment
        limit: at most so many

    Returns:
        The earliest first; claim each with `page_attempted` before it is sent.
    """
    with store.read() as connection:
        return due_in(connection, now, limit)


def next_page_at(store: Store) -> datetime | None:
    """Return when the next page is sent; None where none waits."""
    with store.glance() as connection:
        return connection.execute(_NEXT_AT).scalar()


def due_in(connection: Connection, now: datetime, limit: int = 200) -> list[EscalationPage]:
    """Return what `pages_due` returns, as an open transaction reads it."""
    asked = {"now": now, "lost": now - LEASE, "most": limit}
    return [model_of(EscalationPage, row) for row in connection.execute(_DUE, asked)]


def page_attempted(store: Store, page_id: str, now: datetime, delivery_id: str = "") -> bool:
    """Claim a message, right before it is sent; commit this first.

    The first of an escalation starts its clock.

    Args:
        store: the shared database
        page_id: of the message
        now: the present moment
        delivery_id: of the attempt

    Returns:
        Whether to send it: False where another sender has it, or nobody needs it any more.
    """
    return store.in_transaction(
        lambda connection: attempt(store, connection, page_id, now, delivery_id)
    )


def attempt(
    store: Store, connection: Connection, page_id: str, now: datetime, delivery_id: str = ""
) -> bool:
    """Do what `page_attempted` does, within an open writing transaction."""
    row = connection.execute(select(PAGE).where(PAGE.c.id == page_id)).first()
    if row is None:
        return False
    locked = connection.execute(_LOCKED, {"id": row.escalation_id}).first()
    if locked is None or not _is_wanted(row.kind, locked.state):
        return False
    if row.kind == "page" and row.person in locked.acknowledgements:
        drop_pages(connection, [locked.id], now, row.person)  # of all who must, this one has
        return False
    asked: dict[str, Any] = {
        "page": page_id, "now": now, "lost": now - LEASE, "delivery": delivery_id
    }  # fmt: skip
    if not connection.execute(_ATTEMPT, asked).rowcount:
        return False
    before = state_of(locked)
    after = attempted(before, now, row.planned_at)
    if after != before:
        write_states(connection, [(locked.id, after)], now)
        if after.due_at != before.due_at:
            store.outbox.add(connection, armed_events([after.due_at], now))
    return True


def _is_wanted(kind: str, state: str) -> bool:
    """Return what `WANTED` selects."""
    return (
        kind == "resolved"
        or state in ("waiting", "exhausted")
        or (kind == "acknowledged" and state == "acknowledged")
    )


def page_answered(
    store: Store, page_id: str, now: datetime, *, error: str = "", retry_at: datetime | None = None
) -> None:
    """Record what came of an attempt.

    Args:
        store: the shared database
        page_id: of the message
        now: the present moment
        error: empty where the channel took it
        retry_at: when it is tried again; None for never
    """
    store.in_transaction(
        lambda connection: answer(store, connection, page_id, now, error=error, retry_at=retry_at)
    )


def answer(
    store: Store, connection: Connection, page_id: str, now: datetime, *, error: str = "",
    retry_at: datetime | None = None, attempt_number: int | None = None,
) -> None:  # fmt: skip
    """Do what `page_answered` does, within an open writing transaction.

    What nobody needs any more, since somebody acknowledged meanwhile, is not tried again. The
    answer of an attempt is ignored where another sender has begun one since: `attempt_number` is
    the number of the attempt, from 1 on; None for the last.
    """
    mine = and_(PAGE.c.id == page_id, PAGE.c.state == "attempted")
    if attempt_number is not None:
        mine = and_(mine, PAGE.c.attempts == attempt_number)
    values: dict[str, Any] = {"error": error[:2000], "answered_at": now}
    if not error:
        values["state"] = "sent"
    elif retry_at is None:
        values["state"] = "failed"
    elif _is_needless(connection, page_id):
        values["state"], retry_at = "dropped", None
    else:
        values |= {"state": "pending", "at": retry_at}
    if connection.execute(PAGE.update().where(mine).values(**values)).rowcount:
        if values["state"] in ("failed", "dropped"):
            release_behind_page(connection, page_id)
        elif values["state"] == "sent":
            stand_again(connection, page_id)
        store.outbox.add(connection, armed_events([retry_at if error else None], now))
        store.changed(connection)


def _is_needless(connection: Connection, page_id: str) -> bool:
    """Return whether a page is stopped, or its person has acknowledged where all must."""
    row = connection.execute(_ANSWERED_BY, {"page": page_id}).first()
    if row is None:
        return False
    return row.state in ("acknowledged", "ended") or row.person in row.acknowledgements


def drop_pages(
    connection: Connection, escalations: Sequence[str], now: datetime, person: str = ""
) -> None:
    """Drop the messages that nobody is sending, since nobody needs them any more.

    What they stand for is sent after all.

    Args:
        connection: the caller's open transaction
        escalations: ids
        now: the present moment
        person: whose; empty for everybody's
    """
    statement = _DROP if not person else _DROP.where(PAGE.c.person == person)
    for piece in chunks(escalations):
        connection.execute(statement, {"escalations": piece, "lost": now - LEASE, "now": now})
    release_behind(connection, escalations, now)


def people_paged(connection: Connection, row: Row[Any]) -> list[str]:
    """Return the people whom the last step pages, whether they were reached or not.

    Args:
        connection: an open transaction
        row: of the escalation

    Returns:
        Their names, without those whom it paged before the escalation began anew.
    """
    since = row.round_at or row.opened_at
    asked = {"escalation": row.id, "level": row.level, "since": since}
    return list(connection.execute(_PEOPLE, asked).scalars())


def pages_of_group(store: Store, group_id: str) -> list[EscalationPage]:
    """Return all messages of a group's escalations, the oldest first."""
    query = select(PAGE).join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id)
    query = query.where(ESCALATION.c.group_id == group_id).order_by(PAGE.c.id)
    with store.read() as connection:
        return [model_of(EscalationPage, row) for row in connection.execute(query)]


# Built once, since SQLAlchemy compiles a statement once for each object.
_NOW, _LOST = bindparam("now", type_=Moment()), bindparam("lost", type_=Moment())
_NEXT_AT = select(func.min(PAGE.c.at)).where(OUTSTANDING, PAGE.c.state.in_(WAITS))
SENDABLE = and_(
    OUTSTANDING,
    or_(PAGE.c.state.in_(WAITS), PAGE.c.attempted_at <= _LOST),
)
"""What a sender may claim, by the parameter `lost`; the first term is that of the index."""
WANTED = or_(
    PAGE.c.kind == "resolved",
    ESCALATION.c.state.in_(("waiting", "exhausted")),
    and_(PAGE.c.kind == "acknowledged", ESCALATION.c.state == "acknowledged"),
)
"""What somebody still needs: a page only of an escalation that nobody has stopped."""
_DUE = (
    select(PAGE)
    .join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id)
    .where(SENDABLE, PAGE.c.at <= _NOW)
    .where(WANTED)
    .order_by(PAGE.c.at, PAGE.c.id)
    .limit(bindparam("most", type_=Integer))
)
_ANSWERED_BY = (
    select(PAGE.c.person, ESCALATION.c.state, ESCALATION.c.acknowledgements)
    .join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id)
    .where(PAGE.c.id == bindparam("page"), PAGE.c.kind.in_(("page", "again")))
)
_LOCKED = select(ESCALATION).where(ESCALATION.c.id == bindparam("id")).with_for_update()
_ATTEMPT = (
    PAGE.update()
    .where(PAGE.c.id == bindparam("page"), SENDABLE)
    .values(
        state="attempted", gathered_in="", attempted_at=bindparam("now", type_=Moment()),
        attempts=PAGE.c.attempts + 1, delivery_id=bindparam("delivery"),
    )
)  # fmt: skip
_ESCALATIONS: BindParameter[Any] = bindparam("escalations", expanding=True)
_DROP = (
    PAGE.update()
    .where(PAGE.c.escalation_id.in_(_ESCALATIONS), SENDABLE)
    .where(PAGE.c.kind != "resolved")
    .values(state="dropped", answered_at=_NOW)
)
_PEOPLE = (
    select(PAGE.c.person)
    .where(PAGE.c.escalation_id == bindparam("escalation"), PAGE.c.person != "")
    .where(PAGE.c.level == bindparam("level", type_=Integer), PAGE.c.kind == "page")
    .where(PAGE.c.planned_at >= bindparam("since", type_=Moment()))
    .group_by(PAGE.c.person)
    .order_by(func.min(PAGE.c.id))
)
