"""Many pages of one receiver within a minute: a few by themselves, and one for all the others.

A storm of groups would else ring a telephone a thousand times. Each group still escalates by
itself; what its page is gathered into names the number of groups, and is one message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Integer, bindparam, case, func, select

from sentinel.oncall.escalation_state import attempted
from sentinel.prefect_client.channel_types import keeps_incidents
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.schema.columns import Moment
from sentinel.schema.escalations import EscalationPage
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.leases import OUTSTANDING, WAITS
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
        within a minute, pages wait for the end of that minute. Critical ones do not wait for less
        severe ones, and what a vendor keeps an incident of is never gathered.
    """
    fresh: dict[str, list[EscalationPage]] = defaultdict(list)
    for page in due:
        if page.kind == "page" and page.attempts == 0:
            fresh[page.receiver].append(page)
    late: set[str] = set()
    mains: dict[str, int] = {}
    waits: list[tuple[str, int, datetime]] = []
    channels = store.receivers.all_in(connection) if fresh else {}
    for receiver, pages in fresh.items():
        if any(keeps_incidents(ref) for ref in channels.get(receiver, ())):
            continue
        asked = {"receiver": receiver, "since": now - MINUTE}
        count, first, critical = connection.execute(_RECENT, asked).one()
        if len(pages) <= ALONE - count:
            continue
        known = _known(connection, pages)
        critical_room = max(0, ALONE - critical)
        severe = [one for one in pages if known[one.group_id].severity is Severity.CRITICAL]
        alone = {one.id for one in severe[:critical_room]}
        rest = sorted(
            (one for one in pages if one.id not in alone),
            key=lambda one: (known[one.group_id].drill, -known[one.group_id].severity),
        )
        room = max(0, ALONE - count - len(alone))
        if len(rest) <= room:
            continue
        late.update(page.id for page in rest[room:])
        # Critical ones that are not among `due` keep their room.
        most = Severity.CRITICAL if len(severe) >= critical_room else Severity.HIGH
        if count <= ALONE and not known[rest[room].group_id].drill:
            mains[rest[room].id] = most
            late.discard(rest[room].id)
        else:
            waits.append((receiver, most, (first or now) + MINUTE))
    found: list[Taken] = []
    # Escalations are locked before channels are, in the order of their ids.
    for page in sorted(due, key=lambda one: (one.escalation_id, one.id)):
        if page.id not in late and attempt(store, connection, page.id, now):
            found.append(Taken(page, 0))
    for receiver, most, until in waits:
        _put_off(store, connection, receiver, most, until, now)
    return [
        Taken(one.page, _gather(store, connection, one.page, mains[one.page.id], now))
        if one.page.id in mains
        else one
        for one in found
    ]


class _Known(NamedTuple):
    """What a page is about: how severe its group is, and whether it is a fire drill's."""

    severity: Severity
    drill: bool


def _known(connection: Connection, pages: Sequence[EscalationPage]) -> dict[str, _Known]:
    """Return what each group of pages is."""
    found: dict[str, _Known] = {}
    drills: set[str] = set()
    for piece in chunks(sorted({page.group_id for page in pages})):
        asked = {"groups": piece}
        # Of no other alert, since a drill has a group of its own.
        drills |= set(connection.execute(_DRILLS, asked).scalars())
        for row in connection.execute(_GROUPS, asked):
            found[row.id] = _Known(Severity(row.severity), row.id in drills)
    return found


def _gather(
    store: Store, connection: Connection, main: EscalationPage, most: int, now: datetime
) -> int:
    """Let a page stand for others of its receiver that are due; return how many."""
    asked = {"receiver": main.receiver, "now": now, "most": most}
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
    store: Store, connection: Connection, receiver: str, most: int, until: datetime, now: datetime
) -> None:
    later = max(until, now + timedelta(seconds=1))
    asked = {"to": receiver, "now": now, "later": later, "most": most}
    connection.execute(_LATER, asked)
    store.outbox.add(connection, armed_events([later], now))


# Built once, since SQLAlchemy compiles a statement once for each object.
_RECENT = (
    select(
        func.count(),
        func.min(PAGE.c.attempted_at),
        func.count(case((GROUP.c.severity >= Severity.CRITICAL, 1))),
    )
    .join(GROUP, GROUP.c.id == PAGE.c.group_id)
    .where(PAGE.c.receiver == bindparam("receiver"), PAGE.c.kind == "page")
    .where(PAGE.c.attempted_at > bindparam("since", type_=Moment()), PAGE.c.gathered_in == "")
)
_IN_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_GROUPS = select(GROUP.c.id, GROUP.c.severity).where(GROUP.c.id.in_(_IN_GROUPS))
_DRILLS = (
    select(MEMBER.c.group_id)
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(MEMBER.c.group_id.in_(_IN_GROUPS), MEMBER.c.resolved_seq.is_(None))
    .where(ALERT.c.rule == DRILL_RULE)
)
_MILD = PAGE.c.group_id.in_(
    select(GROUP.c.id).where(GROUP.c.severity <= bindparam("most", type_=Integer)).scalar_subquery()
)
_OTHERS = (
    select(ESCALATION, PAGE.c.id.label("page_id"), PAGE.c.planned_at)
    .join(PAGE, PAGE.c.escalation_id == ESCALATION.c.id)
    .where(PAGE.c.receiver == bindparam("receiver"), PAGE.c.kind == "page")
    .where(OUTSTANDING, PAGE.c.state.in_(WAITS), PAGE.c.attempts == 0)
    .where(PAGE.c.at <= bindparam("now", type_=Moment()), _MILD)
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
    .where(
        OUTSTANDING, PAGE.c.state.in_(WAITS), PAGE.c.at <= bindparam("now", type_=Moment()), _MILD
    )
    .values(at=bindparam("later", type_=Moment()))
)
