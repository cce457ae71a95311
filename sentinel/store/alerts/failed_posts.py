"""Posted alerts that were answered for and could not be applied: kept, tried again, and counted.

Each has a row of its own among the batches, so that one holds up no other. It stays until it is
applied, until a later post of the same alert that fires is applied, or for `KEPT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, select

from sentinel.schema.columns import new_id
from sentinel.store.alerts.posted_batches import BATCH
from sentinel.store.database.chunks import chunks

__all__ = [
    "KEPT", "FailedPost", "PostBacklog", "add_failed", "drop_failed", "due_failed", "failed_keys",
    "forget_failed", "has_failed", "post_backlog",
]  # fmt: skip

KEPT = timedelta(days=30)
"""So long a posted alert is tried that cannot be applied."""
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)


class FailedPost(msgspec.Struct, frozen=True, kw_only=True):
    """A posted alert that could not be applied.

    Attributes:
        key: which alert, and whether it fires; empty where its batch cannot be read
        replaces: further keys whose rows it replaces
        body: as batches are kept
        error: why
    """

    key: str
    replaces: Sequence[str] = ()
    body: str
    error: str


class PostBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to be applied.

    Attributes:
        waiting: batches that were not tried yet
        oldest: when the oldest of them came; None for none
        failed: alerts that could not be applied
        since: when the oldest of those came; None for none
    """

    waiting: int
    oldest: datetime | None
    failed: int
    since: datetime | None


def add_failed(
    connection: Connection, row: Row[Any], failed: Iterable[FailedPost], now: datetime
) -> None:
    """Keep alerts of a batch that could not be applied; they are tried again.

    Args:
        connection: the transaction that finishes the batch
        row: the batch
        failed: the alerts; of one key the last counts
        now: the present moment
    """
    tries = row.tries + 1
    due = now + min(_FIRST * 2 ** min(row.tries, 10), _LONGEST)
    found = list({one.key or new_id(): one for one in failed}.values())
    gone = {key for one in found for key in (one.key, *one.replaces) if key}
    forget_failed(connection, row.tenant, gone)
    if found:
        connection.execute(
            BATCH.insert(),
            [
                {"id": new_id(), "tenant": row.tenant, "at": row.at, "until": row.at,
                 "pending": True, "body": one.body, "ends": {}, "tries": tries, "due_at": due,
                 "failed": one.key}
                for one in found
            ],
        )  # fmt: skip


def has_failed(connection: Connection) -> bool:
    """Return whether any alert could not be applied."""
    return connection.execute(_ANY_FAILED).first() is not None


def due_failed(connection: Connection, now: datetime) -> Row[Any] | None:
    """Return the oldest row that is to be tried again, and lock it; None for none."""
    return connection.execute(_DUE[connection.dialect.name], {"now": now}).first()


def failed_keys(connection: Connection, tenant: str) -> set[str]:
    """Return the keys of a tenant's alerts that could not be applied."""
    return set(connection.execute(_KEYS, {"tenant": tenant}).scalars())


def forget_failed(connection: Connection, tenant: str, keys: Iterable[str]) -> None:
    """Delete the rows of these keys."""
    for piece in chunks(sorted(keys)):
        connection.execute(_FORGET, {"tenant": tenant, "keys": piece})


def drop_failed(connection: Connection, now: datetime) -> int:
    """Delete what could not be applied for `KEPT`; returns how many."""
    return connection.execute(_OLD, {"before": now - KEPT}).rowcount


def post_backlog(connection: Connection) -> PostBacklog:
    """Return what waits to be applied, of all tenants."""
    waiting = connection.execute(_WAITING).one()
    failed = connection.execute(_FAILED).one()
    return PostBacklog(
        waiting=waiting.number, oldest=waiting.first, failed=failed.number, since=failed.first,
    )  # fmt: skip


_IS_FAILED = BATCH.c.pending & (BATCH.c.tries > 0)
_NEXT = (
    select(BATCH.c.id, BATCH.c.tenant, BATCH.c.at, BATCH.c.body, BATCH.c.tries)
    .where(_IS_FAILED, BATCH.c.due_at <= bindparam("now", type_=BATCH.c.due_at.type))
    .order_by(BATCH.c.at, BATCH.c.id)
    .limit(1)
)
_DUE = {"postgresql": _NEXT.with_for_update(skip_locked=True), "sqlite": _NEXT}
_ANY_FAILED = select(BATCH.c.id).where(_IS_FAILED).limit(1)
_KEYS = select(BATCH.c.failed).where(_IS_FAILED, BATCH.c.tenant == bindparam("tenant"))
_FORGET = delete(BATCH).where(
    _IS_FAILED, BATCH.c.tenant == bindparam("tenant"),
    BATCH.c.failed.in_(bindparam("keys", expanding=True)),
)  # fmt: skip
_OLD = delete(BATCH).where(_IS_FAILED, BATCH.c.at < bindparam("before", type_=BATCH.c.at.type))
_FIRST_CAME = func.min(BATCH.c.at, type_=BATCH.c.at.type).label("first")
_NUMBER = func.count().label("number")
_WAITING = select(_NUMBER, _FIRST_CAME).where(BATCH.c.pending, BATCH.c.tries == 0)
_FAILED = select(_NUMBER, _FIRST_CAME).where(_IS_FAILED)
