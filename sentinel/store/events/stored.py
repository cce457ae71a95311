"""Stored events one by one, newest first. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from sqlalchemy import select

from sentinel.errors import NotFound
from sentinel.store.events.log import BLOCK, unpacked

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_LOOKED_AT", "EventPage", "StoredEvent", "stored_event", "stored_events"]

MOST_LOOKED_AT = 20_000
"""Events in which a text is looked for, for one page."""
_BLOCKS_AT_ONCE = 50
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


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, newest first.

    Attributes:
        items: the events
        next: `seq` and `index` to go on before; None where no event is left
    """

    items: list[StoredEvent]
    next: tuple[int, int] | None


def stored_events(
    store: Store,
    tenant: str,
    limit: int,
    before: tuple[int, int] | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    text: str = "",
) -> EventPage:
    """Return a page of events, newest first.

    Events are stored in packed blocks, so that a text is looked for in one event after another.
    A page ends after `MOST_LOOKED_AT` of them, however few have the text.

    Args:
        store: the shared database
        tenant: whose they are
        limit: at most so many
        before: `next` of the page before; None for the first page
        since: received at or after this
        until: received before this
        text: what the JSON of the event contains, in whatever case; empty for all

    Returns:
        The page; events that arrive meanwhile shift none.
    """
    query = select(BLOCK.c.seq, BLOCK.c.received_at, BLOCK.c.data).where(BLOCK.c.tenant == tenant)
    if before is not None:
        query = query.where(BLOCK.c.seq <= before[0])
    if since is not None:
        query = query.where(BLOCK.c.received_at >= since)
    if until is not None:
        query = query.where(BLOCK.c.received_at < until)
    looked_for = text.casefold()
    found: list[StoredEvent] = []
    looked_at = 0
    asked = query.order_by(BLOCK.c.seq.desc()).execution_options(yield_per=_BLOCKS_AT_ONCE)
    # Closed also where not all rows are read: a cursor of the server stays open otherwise.
    with store.read() as connection, connection.execute(asked) as rows:
        for row in rows:
            for one in _of_block(row.seq, row.received_at, row.data):
                place = one.seq, one.index
                if before is not None and place >= before:
                    continue
                if len(found) == limit or looked_at == MOST_LOOKED_AT:
                    return EventPage(items=found, next=(place[0], place[1] + 1))
                looked_at += 1
                if not looked_for or looked_for in _as_text(one.event):
                    found.append(one)
    return EventPage(items=found, next=None)


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


def _as_text(event: dict[str, Any]) -> str:
    return orjson.dumps(event).decode().casefold()
