"""Many pages of one receiver within a minute: a few by themselves, and one for all the others.

A storm of groups would else ring a telephone a thousand times. Each group still escalates by
itself; what its page is gathered into names the number of groups, and is one message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from sentinel.oncall.escalation_state import attempted
from sentinel.schema.columns import Moment
from sentinel.schema.escalations import EscalationPage
from sentinel.store.database.chunks import chunks
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.leases import WAITS
from sentinel.store.escalations.pages import attempt
from sentinel.store.escalations.rows import ESCALATION, PAGE, state_of, write_states

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ALONE", "Taken", "take_pages"]

ALONE = 5
"""Pages of a receiver within a minute that are messages of their own; one more gathers the rest."""
MINUTE = timedelta(minutes=1)


class Taken(NamedTuple):
    """A page that is sent now, and how many others it stands for."""

    page: EscalationPage
    further: int


def take_pages(
    store: Store, connection: Connection, due: Sequence[EscalationPage], now: datetime
) -> list[Taken]:
    """Claim pages that are due, and gather what would be too many messages of a receiver.

    Args:
        store: whose outbox gets what is armed
        connection: an open writing transaction
        due: as `pages_due` returns them
        now: the present moment

    Returns:
        What is to be sent, in the order of escalations. Past one message that stands for others
        within a minute, pages wait for the end of that minute.
    """
    fresh: dict[str, list[EscalationPage]] = defaultdict(list)
    for page in due:
        if page.kind == "page" and page.attempts == 0:
            fresh[page.receiver].append(page)
    late: set[str] = set()
    mains: set[str] = set()
    for receiver, pages in fresh.items():
        asked = {"receiver": receiver, "since": now - MINUTE}
        count, first = connection.execute(_RECENT, asked).one()
        room = max(0, ALONE - count)
        if len(pages) <= room:
            continue
        late.update(page.id for page in pages[room:])
        if count <= ALONE:
            mains.add(pages[room].id)
            late.discard(pages[room].id)
        else:
            _put_off(store, connection, receiver, first + MINUTE, now)
    found: list[Taken] = []
    # Escalations are locked before channels are, in the order of their ids.
    for page in sorted(due, key=lambda one: (one.escalation_id, one.id)):
        if page.id not in late and attempt(store, connection, page.id, now):
            found.append(Taken(page, 0))
    return [
        Taken(one.page, _gather(store, connection, one.page, now)) if one.page.id in mains else one
        for one in found
    ]


def _gather(store: Store, connection: Connection, main: EscalationPage, now: datetime) -> int:
    """Let a page stand for all others of its receiver that are due; return how many."""
    asked = {"receiver": main.receiver, "now": now}
    rows = connection.execute(_OTHERS, asked).all()
    ids = [row.page_id for row in rows]
    states: dict[str, Any] = {}
    due: list[datetime | None] = []
    for row in rows:
        before = states.get(row.id) or state_of(row)
        after = attempted(before, now, row.planned_at)
        if after != before:
            states[row.id] = after
            due.append(after.due_at)
    write_states(connection, list(states.items()), now)
    for piece in chunks(ids):
        connection.execute(_GATHERED, {"pages": piece, "main": main.id, "moment": now})
    store.outbox.add(connection, armed_events(due, now))
    return len(ids)


def _put_off(
    store: Store, connection: Connection, receiver: str, until: datetime, now: datetime
) -> None:
    later = max(until, now + timedelta(seconds=1))
    connection.execute(_LATER, {"to": receiver, "now": now, "later": later})
    store.outbox.add(connection, armed_events([later], now))


# Built once, since SQLAlchemy compiles a statement once for each object.
_RECENT = select(func.count(), func.min(PAGE.c.attempted_at)).where(
    PAGE.c.receiver == bindparam("receiver"),
    PAGE.c.attempted_at > bindparam("since", type_=Moment()),
    PAGE.c.kind == "page",
    PAGE.c.gathered_in == "",
)
_OTHERS = (
    select(ESCALATION, PAGE.c.id.label("page_id"), PAGE.c.planned_at)
    .join(PAGE, PAGE.c.escalation_id == ESCALATION.c.id)
    .where(PAGE.c.receiver == bindparam("receiver"), PAGE.c.kind == "page")
    .where(PAGE.c.state.in_(WAITS), PAGE.c.attempts == 0)
    .where(PAGE.c.at <= bindparam("now", type_=Moment()))
    .where(ESCALATION.c.state.in_(("waiting", "exhausted")))
    .order_by(ESCALATION.c.id, PAGE.c.id)
    .with_for_update()
)
_GATHERED = (
    PAGE.update()
    .where(PAGE.c.id.in_(bindparam("pages", expanding=True)))
    .values(
        state="gathered",
        gathered_in=bindparam("main"),
        attempted_at=bindparam("moment", type_=Moment()),
    )
)
_LATER = (
    PAGE.update()
    .where(PAGE.c.receiver == bindparam("to"), PAGE.c.kind == "page", PAGE.c.attempts == 0)
    .where(PAGE.c.state.in_(WAITS), PAGE.c.at <= bindparam("now", type_=Moment()))
    .values(at=bindparam("later", type_=Moment()))
)
