"""The table of feeds of alerts, incidents and silences: addresses that feed readers know."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["WebFeed"]


class WebFeed(SQLModel, table=True):
    """What one tenant has, for whoever has the feed's address.

    What is kept of the secret in the address is its hash. A row that was revoked stays.
    """

    __tablename__: ClassVar[Any] = "web_feed"

    id: str = Field(primary_key=True, max_length=32)
    secret_hash: str = Field(max_length=64, unique=True, description="SHA-256, in hex digits.")
    kind: str = Field(max_length=20, description="alerts, incidents or silences.")
    tenant: str = Field(max_length=100)
    created_by: str = ""
    created_at: datetime = moment_column(nullable=False)
    used_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_by: str = ""
