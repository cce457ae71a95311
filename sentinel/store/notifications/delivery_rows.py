"""Read deliveries: each attempt to send, newest first, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select, tuple_

from sentinel.schema.notifications import Delivery
from sentinel.store.database.tables import DELIVERY, model_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DeliveryFilter", "deliveries"]


class DeliveryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries; a field that is empty selects all.

    Attributes:
        channel: `inbox`, `emergency`, or a block as type/name
        receiver: name of the receiver
        state: sending, sent, failed or refused
        group_id: of the group that the message is about
    """

    channel: str = ""
    receiver: str = ""
    state: str = ""
    group_id: str = ""


def deliveries(
    store: Store, wanted: DeliveryFilter, limit: int, after: tuple[datetime, str] | None = None
) -> list[Delivery]:
    """Return the newest deliveries that match.

    Args:
        store: the shared database
        wanted: which deliveries
        limit: at most so many
        after: only deliveries older than this one: when it was started, and its id

    Returns:
        The deliveries, the newest first.
    """
    query = select(DELIVERY).order_by(DELIVERY.c.started_at.desc(), DELIVERY.c.id.desc())
    for name in DeliveryFilter.__struct_fields__:
        if value := getattr(wanted, name):
            query = query.where(DELIVERY.c[name] == value)
    if after is not None:
        query = query.where(tuple_(DELIVERY.c.started_at, DELIVERY.c.id) < after)
    with store.read() as connection:
        return [model_of(Delivery, row) for row in connection.execute(query.limit(limit))]
