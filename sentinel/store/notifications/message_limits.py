"""Messages a minute: the limits that people set, and what was sent within the last minute.

A claim counts and adds its deliveries in one transaction, and one transaction at a time counts, so
that the limit is exact however many processes send.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, bindparam, select, text

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError
from sentinel.notifications.message_limit import (
    MINUTE,
    MOST_PER_MINUTE,
    MessageLimits,
    SentRecently,
)
from sentinel.notifications.notify_plan import FILE
from sentinel.schema.columns import Moment
from sentinel.schema.message_limits import MessageLimit
from sentinel.store.database.tables import DELIVERY, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "MOST_PER_MINUTE",
    "count_alone",
    "limits_in",
    "message_limits",
    "sent_recently",
    "set_message_limit",
    "set_message_limit_in",
]

LIMIT = table_of(MessageLimit)
_LOCK = 0x5E471E7
"""Key of PostgreSQL's advisory lock: any number that never changes."""


def message_limits(store: Store) -> MessageLimits:
    """Return the limits of now."""
    with store.read() as connection:
        return limits_in(store, connection)


def set_message_limit(
    store: Store,
    kind: Literal["receiver", "channel"],
    name: str,
    per_minute: int | None,
    *,
    actor: str = "",
) -> None:
    """Set how many messages a minute a receiver or a channel is sent at most.

    Args:
        store: the shared database
        kind: a receiver's limit holds for each of its channels, a channel's for all receivers
        name: of the receiver, or reference of the channel
        per_minute: 0 for no limit; None for that of SENTINEL_MESSAGES_PER_MINUTE
        actor: who does it

    Raises:
        ConfigurationError: the number is out of range
    """
    if per_minute is not None and not 0 <= per_minute <= MOST_PER_MINUTE:
        raise ConfigurationError(
            f"{per_minute} messages a minute is no limit",
            hint=f"Give a number up to {MOST_PER_MINUTE:,}, 0 for no limit, or default.",
        )

    def work(connection: Connection) -> None:
        set_message_limit_in(store, connection, kind, name, per_minute, actor=actor)

    store.in_transaction(work)


def set_message_limit_in(
    store: Store,
    connection: Connection,
    kind: Literal["receiver", "channel"],
    name: str,
    per_minute: int | None,
    *,
    actor: str = "",
    source: Literal["file", "ui"] = "ui",
) -> None:
    """Do what `set_message_limit` does with a number in range, within an open transaction.

    Args:
        store: the shared database
        connection: the transaction, which writes
        kind: as of `set_message_limit`
        name: as of `set_message_limit`
        per_minute: as of `set_message_limit`
        actor: who does it
        source: `file` where the document in Git says it
    """
    mine = (LIMIT.c.kind == kind, LIMIT.c.name == name)
    query = select(LIMIT.c.per_minute, LIMIT.c.source).where(*mine).with_for_update()
    row = connection.execute(query).one_or_none()
    before: int | None = None if row is None else row.per_minute
    taken_over = row is not None and source == FILE != row.source
    if before == per_minute and not taken_over:
        return
    connection.execute(LIMIT.delete().where(*mine))
    if per_minute is not None:
        values = {"kind": kind, "name": name, "per_minute": per_minute, "source": source}
        connection.execute(LIMIT.insert().values(values))
    change = Change(
        action=f"{kind}.limited", object_kind=kind, object_id=name, object_name=name,
        before={"per_minute": before}, after={"per_minute": per_minute},
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
    store.changed(connection)


def count_alone(connection: Connection) -> None:
    """Let transactions that count messages or storms follow each other, as SQLite lets all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def sent_recently(
    store: Store, connection: Connection, now: datetime, *, alone: bool = False
) -> SentRecently:
    """Return what was sent within the last minute, against the limits.

    Args:
        store: the shared database
        connection: an open transaction
        now: the present moment
        alone: no other transaction counts before this one has ended; it must write

    Returns:
        The count, to which the transaction adds what it sends.
    """
    if alone:
        count_alone(connection)
    rows = connection.execute(_RECENT, {"since": now - MINUTE})
    sent = [(row.receiver, row.channel, row.started_at) for row in rows]
    return SentRecently(limits_in(store, connection), sent, now)


def limits_in(store: Store, connection: Connection) -> MessageLimits:
    """Return the limits as a transaction sees them."""
    by_kind: dict[str, dict[str, int]] = {"receiver": {}, "channel": {}}
    declared: set[tuple[str, str]] = set()
    for row in connection.execute(_ALL):
        by_kind[row.kind][row.name] = row.per_minute
        if row.source == FILE:
            declared.add((row.kind, row.name))
    return MessageLimits(
        usual=store.options.messages_per_minute,
        receivers=by_kind["receiver"],
        channels=by_kind["channel"],
        declared=frozenset(declared),
    )


# Built once, since SQLAlchemy compiles a statement once for each object.
_ALL = select(LIMIT)
_RECENT = select(DELIVERY.c.receiver, DELIVERY.c.channel, DELIVERY.c.started_at).where(
    DELIVERY.c.started_at > bindparam("since", type_=Moment())
)
