"""Stored events one by one, newest first. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from sentinel.errors import NotFound
from sentinel.store.events.log import BLOCK, unpacked

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["StoredEvent", "stored_event", "stored_events"]

_LISTED = "GET /api/v1/events lists those that are kept."


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event.

    Attributes:
        seq: number of the block that it is in
        index: its place there, from 0 on
        received_at: when it came
        event: as it was sent
    """

    seq: int
    index: int
    received_at: datetime
    event: dict[str, Any]


def stored_events(
    store: Store, tenant: str, limit: int, before: tuple[int, int] | None = None
) -> list[StoredEvent]:
    """Return a page of events, newest first.

    Args:
        store: the shared database
        tenant: whose they are
        limit: at most so many
        before: `seq` and `index` of the last event of the page before; None for the first page

    Returns:
        The events; events that arrive meanwhile shift no page.
    """
    query = select(BLOCK.c.seq, BLOCK.c.received_at, BLOCK.c.data).where(BLOCK.c.tenant == tenant)
    if before is not None:
        query = query.where(BLOCK.c.seq <= before[0])
    found: list[StoredEvent] = []
    with store.read() as connection:
        # A block has one event or more, so that so many blocks are enough.
        rows = connection.execute(query.order_by(BLOCK.c.seq.desc()).limit(limit + 1))
        for row in rows:
            for one in _of_block(row.seq, row.received_at, row.data):
                if before is None or (one.seq, one.index) < before:
                    found.append(one)
                if len(found) == limit:
                    return found
    return found


def stored_event(store: Store, tenant: str, seq: int, index: int) -> StoredEvent:
    """Return one event.

    Args:
        store: the shared database
        tenant: whose it is
        seq: number of its block
        index: its place there

    Returns:
        The event.

    Raises:
        NotFound: there is none, or it is no longer kept
    """
    query = select(BLOCK.c.received_at, BLOCK.c.data).where(
        BLOCK.c.tenant == tenant, BLOCK.c.seq == seq
    )
    with store.read() as connection:
        row = connection.execute(query).one_or_none()
    events = [] if row is None else unpacked(row.data)
    if row is None or index >= len(events):
        raise NotFound(f"there is no event {seq}-{index} of the tenant {tenant!r}", hint=_LISTED)
    return StoredEvent(seq=seq, index=index, received_at=row.received_at, event=events[index])


def _of_block(seq: int, at: datetime, data: bytes) -> Iterator[StoredEvent]:
    events = unpacked(data)
    for index in range(len(events) - 1, -1, -1):
        yield StoredEvent(seq=seq, index=index, received_at=at, event=events[index])
