"""Whether somebody reads the inbox."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sentinel.schema.notifications import InboxMessage
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["unread_for"]

_INBOX = table_of(InboxMessage)


def unread_for(store: Store, length: timedelta) -> int:
    """Count the messages that nobody has read for some time, where nobody reads any.

    Args:
        store: the shared database
        length: how old they are at least

    Returns:
        The number; 0 where any message was read within that time.
    """
    before = store.now() - length
    with store.read() as connection:
        read = select(_INBOX.c.id).where(_INBOX.c.read_at >= before).limit(1)
        if connection.execute(read).first() is not None:
            return 0
        old = select(func.count()).where(_INBOX.c.at < before, _INBOX.c.read_at.is_(None))
        return connection.execute(old).scalar_one()
