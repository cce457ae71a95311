"""The newest alert of one fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.store.database.tables import ALERT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OfFingerprint", "newest_of"]


class OfFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of a fingerprint: its id, and whether it is open or acknowledged."""

    id: str
    live: bool


def newest_of(store: Store, fingerprint: str) -> OfFingerprint | None:
    """Return the alert of a fingerprint that is live, else the one that opened last.

    Args:
        store: the shared database
        fingerprint: of the tenant, the rule and the labels

    Returns:
        The alert; None where there never was one.
    """
    query = (
        select(ALERT.c.id, ALERT.c.status)
        .where(ALERT.c.fingerprint == fingerprint)
        .order_by((ALERT.c.status == "resolved"), ALERT.c.id.desc())
        .limit(1)
    )
    with store.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return OfFingerprint(id=row.id, live=row.status in ("open", "acknowledged"))
