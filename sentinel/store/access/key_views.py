"""API keys as people see them, read from the rows of keys, secrets and grants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import Grant
from sentinel.schema.access import ApiKey, ApiKeySecret
from sentinel.store.access.grants import HolderKind, grants_of
from sentinel.store.database.tables import table_of

__all__ = ["KEY", "KEY_KIND", "SECRET", "KeySecret", "KeyView", "views_of"]

KEY = table_of(ApiKey)
SECRET = table_of(ApiKeySecret)
KEY_KIND: HolderKind = "key"
"""The `holder_kind` of a key's grants."""


class KeySecret(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one secret of a key."""

    prefix: str
    created_at: datetime
    expires_at: datetime | None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as people see it.

    Attributes:
        grants: its roles, the highest first
        scopes: the areas it is confined to; empty for all
        secrets: the newest first; while the key is rotated, two of them are valid
        used_at: when it was last used, to the minute; None for never
    """

    id: str
    name: str
    grants: tuple[Grant, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str
    secrets: tuple[KeySecret, ...]

    @property
    def expires_at(self) -> datetime | None:
        """When the newest secret ends; None for never."""
        return self.secrets[0].expires_at if self.secrets else None

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """Return whether it can be used at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        ended = [one.expires_at is not None and one.expires_at <= now for one in self.secrets]
        return "expired" if all(ended) else "active"


def views_of(connection: Connection, rows: Sequence[Row[Any]]) -> list[KeyView]:
    """Return rows of keys with their secrets and grants."""
    ids = [row.id for row in rows]
    secrets: dict[str, list[KeySecret]] = {}
    query = select(SECRET).where(SECRET.c.key_id.in_(ids))
    newest_first = query.order_by(SECRET.c.created_at.desc(), SECRET.c.prefix)
    for one in connection.execute(newest_first):
        secrets.setdefault(one.key_id, []).append(
            KeySecret(prefix=one.prefix, created_at=one.created_at, expires_at=one.expires_at)
        )
    grants = grants_of(connection, KEY_KIND, ids)
    return [
        KeyView(
            id=row.id, name=row.name, grants=grants.get(row.id, ()), scopes=tuple(row.scopes),
            created_at=row.created_at, created_by=row.created_by, used_at=row.used_at,
            revoked_at=row.revoked_at, revoked_by=row.revoked_by,
            secrets=tuple(secrets.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip
