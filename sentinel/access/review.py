"""Access reviews: who has which role where, since when and last used; and when one is due. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

__all__ = ["AccessEntry", "HolderKind", "digest_of", "due_at", "snapshot_of"]

HolderKind = Literal["person", "key"]


class AccessEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One role of a person or a key.

    Attributes:
        kind: whether a person or a key holds it
        id: of the account or key
        name: of the person or key
        role: as it was granted; empty for an account without any role
        tenant: where it holds; None for all tenants
        team: for whose alerts and rules; None for all teams
        since: when it was granted in this form
        granted_by: who granted it
        used_at: last login or use of a session, or last use of the key; None for never
        state: active, disabled, expired or revoked
        scopes: areas of the API that a key is confined to; empty for all
    """

    kind: HolderKind
    id: str
    name: str
    role: str
    tenant: str | None
    team: str | None
    since: datetime
    granted_by: str
    used_at: datetime | None
    state: str
    scopes: tuple[str, ...] = ()


def snapshot_of(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the one text of a snapshot: canonical JSON, the same from both databases."""
    return json.dumps(list(entries), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(snapshot: str) -> str:
    """Return the SHA-256 hash of a snapshot, as 64 hex digits."""
    return hashlib.sha256(snapshot.encode()).hexdigest()


def due_at(last: datetime | None, first: datetime | None, every: timedelta) -> datetime | None:
    """Return when the next review is due.

    Args:
        last: when the last one was certified; None for never
        first: when somebody was first given a role; None where nobody has one
        every: how often access is to be reviewed

    Returns:
        So long after the last review, else after the first role; None where there is nothing to
        review.
    """
    begin = last or first
    return None if first is None or begin is None else begin + every
