"""Handoff notices: decided, remembered and handed on to be sent, in one transaction.

A notice is sent by what sends all notices, once for each channel, also after a restart.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, select

from sentinel.notifications.notice import NewNotice
from sentinel.notifications.reasons import Reason
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.handoff_text import handoff_text
from sentinel.oncall.handoffs import Handoff, Notified, NotifiedAhead, decide_handoffs, wanted_by
from sentinel.schema.handoffs import HandoffAhead, HandoffNotified
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.notifications.notices import add_notices
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.stored import OnCallNow, read_oncall_now

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["notify_of_handoffs"]

_NOTIFIED, _AHEAD = table_of(HandoffNotified), table_of(HandoffAhead)
_FAR = timedelta(days=400)
"""How far back overrides are read at most, however long nobody has looked."""


def notify_of_handoffs(store: Store) -> int:
    """Add the notices of every handoff of which people are notified now.

    What was sent is remembered in the same transaction, so that each handoff is sent once, also
    where two do this at the same time.

    Args:
        store: the shared database

    Returns:
        The number of people who are notified, counted once for each handoff.
    """
    with store.read() as connection:
        document = active_document(connection)
        known = connection.execute(select(_NOTIFIED.c.schedule).limit(1)).first() is not None
    if not known and not _schedules(document):
        return 0
    return store.in_transaction(lambda connection: _notify(store, connection))


def _schedules(document: OnCallDocument) -> list[str]:
    """Return the names of the schedules whose handoffs somebody may want to be notified of."""
    if any(one.handoff_notices for one in document.people.values()):
        return sorted(document.schedules)
    return sorted(name for name, one in document.schedules.items() if one.handoff_notices)


def _notify(store: Store, connection: Connection) -> int:
    alone(connection)
    now = store.now()
    notified = {
        row.schedule: Notified(tuple(row.people.split("\n")) if row.people else (), row.looked_at)
        for row in connection.execute(select(_NOTIFIED))
    }
    ahead: dict[str, list[NotifiedAhead]] = {}
    for row in connection.execute(select(_AHEAD)):
        one = NotifiedAhead(row.person, row.comes, row.at, timedelta(seconds=row.ahead_seconds))
        ahead.setdefault(row.schedule, []).append(one)
    since = min([now, *(one.looked_at for one in notified.values())])
    oncall = read_oncall_now(connection, max(since, now - _FAR))
    names = _schedules(oncall.document)
    for table in (_NOTIFIED, _AHEAD):
        connection.execute(delete(table).where(table.c.schedule.not_in(names)))
    notices: list[NewNotice] = []
    count = 0
    for name in names:
        handoffs = _of_schedule(
            store, connection, oncall, name, notified.get(name), ahead.get(name, []), now
        )
        count += len(handoffs)
        notices += [
            notice
            for one in handoffs
            for notice in _notices(name, one, oncall.document, now, store.options.dashboard_url)
        ]
    add_notices(store, connection, notices, now)
    return count


def _of_schedule(
    store: Store, connection: Connection, oncall: OnCallNow, name: str, notified: Notified | None,
    ahead: list[NotifiedAhead], now: datetime,
) -> list[Handoff]:  # fmt: skip
    """Decide on one schedule, and keep who was notified."""
    schedule, people = oncall.document.schedules[name], oncall.document.people
    found = decide_handoffs(
        schedule, oncall.overrides_of(name), lambda person: wanted_by(person, schedule, people),
        notified, ahead, now,
    )  # fmt: skip
    seen = {"people": "\n".join(found.notified.people), "looked_at": found.notified.looked_at}
    insert = insert_into(store.dialect, _NOTIFIED).values(schedule=name, **seen)
    connection.execute(insert.on_conflict_do_update(index_elements=["schedule"], set_=seen))
    for one in found.drop:
        connection.execute(
            delete(_AHEAD).where(
                _AHEAD.c.schedule == name, _AHEAD.c.person == one.person,
                _AHEAD.c.comes.is_(one.comes), _AHEAD.c.at == one.at,
            )
        )  # fmt: skip
    if found.add:
        connection.execute(
            _AHEAD.insert(),
            [
                {
                    "schedule": name, "person": one.person, "comes": one.comes, "at": one.at,
                    "ahead_seconds": one.ahead.total_seconds(),
                }
                for one in found.add
            ],
        )  # fmt: skip
    return found.handoffs


def _notices(
    schedule: str, handoff: Handoff, document: OnCallDocument, now: datetime, dashboard: str
) -> list[NewNotice]:
    person = document.people[handoff.person]
    own = "timezone" in person.model_fields_set
    zone = person.timezone if own else document.schedules[schedule].timezone
    title, text = handoff_text(schedule, handoff, ZoneInfo(zone))
    says = f"{handoff.person} {handoff.kind} {handoff.at.isoformat()} {now.isoformat()}"
    return [
        NewNotice(
            kind=Reason.HANDOFF, about=schedule, says=says, receiver=receiver, title=title,
            text=text, url=f"{dashboard.rstrip('/')}/",
        )
        for receiver in person.handoff_receivers
    ]  # fmt: skip
