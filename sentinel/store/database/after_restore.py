"""What a restore ends, so that nothing of before it is sent a second time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from sentinel.schema.digests import DigestRun
from sentinel.schema.handoffs import HandoffNotified
from sentinel.schema.notices import Notice
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

__all__ = ["end_what_waited"]

_NOTICE, _RUN, _NOTIFIED = table_of(Notice), table_of(DigestRun), table_of(HandoffNotified)


def end_what_waited(connection: Connection, now: datetime) -> None:
    """End notices that waited when the backup was written, and go on from now with all others.

    Most of them were sent since. The next digest of a team begins now, and handoffs go on with
    the next one.

    Args:
        connection: the transaction of the restore, at this version's schema
        now: the present moment
    """
    waits = _NOTICE.c.ended_at.is_(None)
    ended: dict[str, Any] = {
        "state": "failed", "error": "a restored backup had it as waiting", "due_at": None,
        "claimed_until": None, "ended_at": now, "body": {},
    }  # fmt: skip
    connection.execute(_NOTICE.update().where(waits).values(ended))
    for team in connection.execute(select(_RUN.c.team).distinct()).scalars().all():
        row = {"team": team, "until": now, "made_at": now}
        insert = insert_into(connection.dialect.name, _RUN).values(row)
        connection.execute(insert.on_conflict_do_nothing())
    connection.execute(_NOTIFIED.delete())
