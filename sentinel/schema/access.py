"""The tables of access: API keys, their secrets, and who has which role where."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, moment_column

__all__ = ["AccessGrant", "ApiKey", "ApiKeySecret"]


class ApiKey(SQLModel, table=True):
    """A program that uses the API. Its roles are in `AccessGrant`, its secrets beside it.

    `scopes` are the areas of the API that it is confined to; empty for all.
    """

    __tablename__: ClassVar[Any] = "api_key"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=100)
    scopes: list[str] = array_column()
    created_at: datetime = moment_column(nullable=False)
    created_by: str
    used_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_by: str = ""

    __table_args__ = (
        Index(
            "api_key_one_of_a_name",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )


class ApiKeySecret(SQLModel, table=True):
    """The SHA-256 hash of one secret of a key. While a key is rotated, it has two."""

    __tablename__: ClassVar[Any] = "api_key_secret"

    prefix: str = Field(primary_key=True, max_length=8)
    key_id: str = Field(max_length=32)
    hash: str = Field(max_length=64)
    created_at: datetime = moment_column(nullable=False)
    expires_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (Index("api_key_secret_by_key", "key_id", "created_at"),)


class AccessGrant(SQLModel, table=True):
    """A role of somebody in a tenant, for a team's alerts and rules; empty means all of them.

    `holder` is the id of a key or a person, and `holder_kind` says which.
    """

    __tablename__: ClassVar[Any] = "access_grant"

    holder_kind: str = Field(primary_key=True, max_length=10)
    holder: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(primary_key=True, max_length=100)
    team: str = Field(primary_key=True, max_length=200)
    role: str = Field(max_length=20)
    granted_at: datetime = moment_column(nullable=False)
    granted_by: str
