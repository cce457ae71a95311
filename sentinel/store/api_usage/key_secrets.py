"""The secrets of consumer keys, as rows: the newest and those that it replaced."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from sentinel.access.keys import NewSecret
from sentinel.errors import ConfigurationError, Conflict
from sentinel.schema.api_usage import ConsumerKeySecret
from sentinel.store.database.tables import table_of

__all__ = ["MOST_SECRETS", "add_secret", "end_of", "forget_old", "length_before"]

_SECRET = table_of(ConsumerKeySecret)
MOST_SECRETS = 20
"""Of a key, those that ended too: whoever may rotate a key may do it again and again."""


def add_secret(
    connection: Connection, key_id: str, secret: NewSecret, now: datetime, ends: datetime | None
) -> None:
    """Write a new secret of a key."""
    connection.execute(
        _SECRET.insert().values(
            prefix=secret.prefix, key_id=key_id, hash=secret.hash, created_at=now, expires_at=ends
        )
    )


def forget_old(connection: Connection, key_id: str, now: datetime) -> None:
    """Delete the oldest secrets of a key that ended, so that there is room for one more.

    Args:
        connection: an open writing transaction
        key_id: of the key
        now: the present moment

    Raises:
        Conflict: too many of its secrets are valid
    """
    query = select(_SECRET.c.prefix, _SECRET.c.expires_at).where(_SECRET.c.key_id == key_id)
    newest = query.order_by(_SECRET.c.created_at.desc(), _SECRET.c.prefix)
    old = connection.execute(newest.offset(MOST_SECRETS - 1)).all()
    if any(one.expires_at is None or one.expires_at > now for one in old):
        raise Conflict(
            f"{MOST_SECRETS} secrets of the key are valid",
            hint="Rotate it when one of them has ended, and with a shorter overlap.",
        )
    connection.execute(_SECRET.delete().where(_SECRET.c.prefix.in_([one.prefix for one in old])))


def length_before(connection: Connection, key_id: str) -> timedelta | None:
    """Return how long the newest secret of a key was valid from its beginning; None for ever."""
    query = select(_SECRET.c.created_at, _SECRET.c.expires_at).where(_SECRET.c.key_id == key_id)
    newest = connection.execute(query.order_by(_SECRET.c.created_at.desc()).limit(1)).first()
    if newest is None or newest.expires_at is None:
        return None
    return newest.expires_at - newest.created_at


def end_of(now: datetime, length: timedelta | None) -> datetime | None:
    """Return when a secret ends; raises `ConfigurationError` where that is not later than `now`."""
    if length is not None and length <= timedelta(0):
        raise ConfigurationError("a key must be valid for some time", hint="Write 90d, say.")
    return None if length is None else now + length
