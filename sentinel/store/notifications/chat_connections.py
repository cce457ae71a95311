"""Connections to chats, as the system log has them: which are lost, so that buttons do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.schema.notifications import SystemLog
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["connected", "disconnected", "lost_connections"]

LOG = table_of(SystemLog)
_LOST, _MADE = "chat.disconnected", "chat.connected"
_MOST = 200


def disconnected(store: Store, channels: Sequence[str], error: str) -> None:
    """Note that a connection could not be made, or was lost.

    Args:
        store: the shared database
        channels: references of those whose buttons do nothing now
        error: why, without secrets

    Raises:
        SQLAlchemyError: the database failed
    """
    said = f"Buttons of {', '.join(channels)} do nothing, trying again: {error}"
    store.log.write("warning", _LOST, said, {"channels": list(channels), "error": error})


def connected(store: Store, channels: Sequence[str]) -> None:
    """Note that a connection was made, where it had been lost.

    Args:
        store: the shared database
        channels: references of those whose buttons work now

    Raises:
        SQLAlchemyError: the database failed
    """
    if lost_connections(store).keys() & set(channels):
        said = f"Buttons of {', '.join(channels)} work again"
        store.log.write("info", _MADE, said, {"channels": list(channels)})


def lost_connections(store: Store) -> Mapping[str, str]:
    """Return the channels of receivers whose buttons do nothing, with the reason.

    Args:
        store: the shared database

    Returns:
        By reference; empty while all is well.

    Raises:
        SQLAlchemyError: the database failed
    """
    used = {ref for refs in store.receivers.all().values() for ref in refs}
    last: dict[str, str] = {}
    with store.read() as connection:
        for row in connection.execute(_ROWS):
            for channel in row.details.get("channels", []):
                last.setdefault(channel, row.details.get("error", ""))
    return {channel: error for channel, error in last.items() if error and channel in used}


_ROWS = (
    select(LOG.c.details)
    .where(LOG.c.what.in_((_LOST, _MADE)))
    .order_by(LOG.c.at.desc(), LOG.c.id.desc())
    .limit(_MOST)
)
