"""The channels through which groups were sent, which says whether a report is about one of ours."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import DELIVERY

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["mailed_channels"]

_CHANNELS = (
    select(DELIVERY.c.group_id, DELIVERY.c.channel)
    .where(DELIVERY.c.group_id.in_(bindparam("groups", expanding=True)))
    .distinct()
)


def mailed_channels(store: Store, groups: Collection[str]) -> dict[str, set[str]]:
    """Return the channels to which messages about groups were sent.

    Args:
        store: the shared database
        groups: ids, also of groups that do not exist

    Returns:
        References of channels by group; a group about which nothing was sent is left out.
    """
    found: dict[str, set[str]] = {}
    with store.read() as connection:
        for piece in chunks(sorted(groups)):
            for row in connection.execute(_CHANNELS, {"groups": piece}):
                found.setdefault(row.group_id, set()).add(row.channel)
    return found
