"""Batches that were posted as to an Alertmanager: kept, applied, and the ends that they moved.

Prometheus posts every alert again each minute, and says with it until when it lasts. Where nothing
else changed, only that end moves: the batch's own row keeps the ends, so that a batch costs its row
however many alerts it has. An alert's row (`expires_at`) takes the newest of them when its stored
end is due; an alert without a newer one ends then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from sentinel.alerts.inputs import Status
from sentinel.schema.columns import new_id
from sentinel.schema.posted_batches import PostedBatch
from sentinel.store.database.among import among
from sentinel.store.database.bulk import update_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE, table_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "ALERTMANAGER", "KnownAlert", "PostedEnds", "add_batches", "finish_batches", "has_pending",
    "known_alerts", "micros_of", "pending_batches", "postpone_ends", "rule_facts",
    "take_posted_ends",
]  # fmt: skip

ALERTMANAGER = "alertmanager"
"""Name of the rule whose alerts are posted so."""
BATCH = table_of(PostedBatch)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class KnownAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A live alert, as far as another post of it asks.

    Attributes:
        fires: whether it is open or acknowledged
        start: when it began, as its senders say
        end: the end of its row; `PostedEnds` may know a later one
        seen: when its row was written last
        announced: whether a sender announced the end
        content: digest of what was posted last
    """

    fires: bool
    start: datetime | None
    end: datetime | None
    seen: datetime
    announced: bool
    content: str


class PostedEnds:
    """The ends that batches moved, of one tenant.

    Args:
        connection: an open transaction
        tenant: whose
        since: batches whose latest end is not after this are left out
    """

    def __init__(self, connection: Connection, tenant: str, since: datetime) -> None:
        rows = connection.execute(_ENDS, {"tenant": tenant, "since": since}).all()
        self._ends: dict[str, list[tuple[datetime, int]]] = {}
        for row in rows:
            for print_, end in row.ends.items():
                self._ends.setdefault(print_, []).append((row.at, end))

    def of(self, print_: str, end: datetime, seen: datetime) -> tuple[datetime, datetime]:
        """Return until when an alert lasts, and when that was heard last.

        Args:
            print_: its fingerprint
            end: of its row
            seen: when its row was written last; what was posted before is in it

        Returns:
            Both moments.
        """
        for at, micros in self._ends.get(print_, ()):
            if at > seen:
                end = max(end, _EPOCH + micros * _MICROSECOND)
        heard = [at for at, _ in self._ends.get(print_, ()) if at > seen]
        return end, max(heard, default=seen)


def rule_facts(connection: Connection, tenant: str) -> Row[Any] | None:
    """Return whether the rule of posted alerts is enabled, and what it says; None before any."""
    return connection.execute(_FACTS, {"tenant": tenant}).first()


def add_batches(store: Store, batches: Iterable[tuple[str, str]]) -> None:
    """Keep batches until they are applied.

    Args:
        store: the shared database
        batches: pairs of tenant and body
    """
    rows: list[dict[str, Any]] = [
        {"id": new_id(), "tenant": tenant, "at": store.now(), "until": store.now(),
         "pending": True, "body": body, "ends": {}, "tries": 0}
        for tenant, body in batches
    ]  # fmt: skip
    # Of PostgreSQL a single statement is a transaction by itself, and saves two messages.
    one = len(rows) == 1 and store.dialect == "postgresql"
    with store.glance() if one else store.write() as connection:
        connection.execute(_INSERT, rows[0] if one else rows)


def has_pending(
    connection: Connection, tenant: str | None = None, before: datetime | None = None
) -> bool:
    """Return whether batches wait to be applied, of a tenant or of any, or from before a moment."""
    query = _ANY if tenant is None else _ANY.where(BATCH.c.tenant == tenant)
    if before is not None:
        query = query.where(BATCH.c.at < before)
    return connection.execute(query).first() is not None


def pending_batches(connection: Connection, most: int) -> Sequence[Row[Any]]:
    """Return the oldest batches that wait, of one tenant, and lock them.

    Args:
        connection: an open writing transaction
        most: at most so many

    Returns:
        Their rows: id, tenant, at, body and tries.
    """
    first = connection.execute(_OLDEST).first()
    if first is None:
        return []
    query = _PENDING[connection.dialect.name]
    return connection.execute(query, {"tenant": first.tenant, "most": most}).all()


def finish_batches(
    connection: Connection, ids: Iterable[str], moved: Mapping[str, tuple[datetime, dict[str, int]]]
) -> None:
    """Note that batches were applied.

    Args:
        connection: the transaction that applied them
        ids: of the batches
        moved: by id, the moment and the ends by fingerprint; a batch without is deleted
    """
    gone = [one for one in ids if one not in moved]
    for piece in chunks(gone):
        connection.execute(_FORGET, {"ids": piece})
    if moved:
        connection.execute(
            _FINISH,
            [
                {"batch": one, "applied": at, "ends": ends,
                 "last": _EPOCH + max(ends.values()) * _MICROSECOND}
                for one, (at, ends) in moved.items()
            ],
        )  # fmt: skip


def micros_of(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def known_alerts(connection: Connection, prints: Sequence[str]) -> dict[str, KnownAlert]:
    """Return the live alerts of these fingerprints."""
    found: dict[str, KnownAlert] = {}
    for piece in chunks(prints):
        for row in connection.execute(_KNOWN, {"prints": piece}):
            found[row.fingerprint] = KnownAlert(
                fires=row.status in (Status.OPEN, Status.ACKNOWLEDGED),
                start=datetime.fromisoformat(row.starts_at) if row.starts_at else None,
                end=row.expires_at,
                seen=row.last_bad_at,
                announced=bool(row.announced),
                content=row.content or "",
            )
    return found


def take_posted_ends(connection: Connection, now: datetime) -> None:
    """Give alerts whose stored ends are due the later ends that were posted since.

    Args:
        connection: an open writing transaction
        now: the present moment
    """
    tenants = connection.execute(_DUE_TENANTS, {"now": now}).scalars().all()
    lock_rules(connection, [(tenant, ALERTMANAGER) for tenant in tenants])
    for tenant in tenants:
        due = connection.execute(_DUE, {"tenant": tenant, "now": now}).all()
        if not due:
            continue
        posted = PostedEnds(connection, tenant, min(row.expires_at for row in due))
        moved: list[tuple[Any, ...]] = []
        for row in due:
            end, heard = posted.of(row.fingerprint, row.expires_at, row.last_bad_at)
            if end > row.expires_at:
                moved.append((row.id, end, heard, heard))
        update_many(connection, "alert", _MOVED, moved)
    # Whose stored end is not due yet needs no end that is over, also of tenants without any alert.
    connection.execute(_OVER, {"now": now})


def postpone_ends(connection: Connection, last: datetime, gap: timedelta) -> None:
    """Move the ends that were posted by the time in which Sentinel did not run.

    Args:
        connection: an open writing transaction
        last: until when it ran
        gap: for how long it did not
    """
    rows = connection.execute(select(BATCH).where(BATCH.c.until > last, ~BATCH.c.pending)).all()
    more = gap // _MICROSECOND
    if rows:
        connection.execute(
            _FINISH,
            [
                {"batch": row.id, "applied": row.at, "last": row.until + gap,
                 "ends": {print_: end + more for print_, end in row.ends.items()}}
                for row in rows
            ],
        )  # fmt: skip


_MOVED = (("expires_at", "moment"), ("last_bad_at", "moment"), ("seen_at", "moment"))

# Built once, since SQLAlchemy compiles a statement once for each object.
_INSERT = BATCH.insert()
_FRESH = BATCH.c.pending & (BATCH.c.tries == 0)
_ANY = select(BATCH.c.id).where(_FRESH).limit(1)
_OLDEST = select(BATCH.c.tenant).where(_FRESH).order_by(BATCH.c.id).limit(1)
_WAITING = (
    select(BATCH.c.id, BATCH.c.tenant, BATCH.c.at, BATCH.c.body, BATCH.c.tries)
    .where(_FRESH, BATCH.c.tenant == bindparam("tenant"))
    .order_by(BATCH.c.id)
    .limit(bindparam("most"))
)
_PENDING = {"postgresql": _WAITING.with_for_update(), "sqlite": _WAITING}
_FORGET = delete(BATCH).where(among(BATCH.c.id, "ids"))
_FINISH = (
    update(BATCH)
    .where(BATCH.c.id == bindparam("batch"))
    .values(
        pending=False, body="", at=bindparam("applied", type_=BATCH.c.at.type),
        until=bindparam("last", type_=BATCH.c.until.type),
        ends=bindparam("ends", type_=BATCH.c.ends.type),
    )
)  # fmt: skip
_ENDS = select(BATCH.c.at, BATCH.c.ends).where(
    BATCH.c.tenant == bindparam("tenant"), ~BATCH.c.pending,
    BATCH.c.until > bindparam("since", type_=BATCH.c.until.type),
)  # fmt: skip
_OVER = delete(BATCH).where(
    ~BATCH.c.pending, BATCH.c.until <= bindparam("now", type_=BATCH.c.until.type)
)
_FACTS = select(RULE.c.enabled, RULE.c.spec).where(
    RULE.c.tenant == bindparam("tenant"), RULE.c.name == ALERTMANAGER
)
_KNOWN = select(
    ALERT.c.fingerprint, ALERT.c.status, ALERT.c.expires_at, ALERT.c.last_bad_at,
    ALERT.c.details["starts_at"].as_string().label("starts_at"),
    ALERT.c.details["announced"].as_boolean().label("announced"),
    ALERT.c.details["content"].as_string().label("content"),
).where(among(ALERT.c.fingerprint, "prints"), NOT_RESOLVED)  # fmt: skip
_IS_DUE = (
    ALERT.c.expires_at <= bindparam("now", type_=ALERT.c.expires_at.type),
    ALERT.c.rule == ALERTMANAGER, NOT_RESOLVED,
)  # fmt: skip
_DUE_TENANTS = select(ALERT.c.tenant).where(*_IS_DUE).distinct()
_DUE = select(ALERT.c.id, ALERT.c.fingerprint, ALERT.c.expires_at, ALERT.c.last_bad_at).where(
    *_IS_DUE, ALERT.c.tenant == bindparam("tenant")
)
