"""The tables of API usage: limits, what they count, and the keys of the consumers of an API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column

__all__ = [
    "ApiLimitSet", "ApiLimitSetVersion", "ApiLimitState", "ConsumerAccount", "ConsumerKey",
    "ConsumerKeySecret", "ConsumerKeySigner", "ConsumerRules", "ConsumerSession",
]  # fmt: skip


class ApiLimitState(SQLModel, table=True):
    """What is counted for one subject of a limit (`sentinel.api_usage.counting.State`).

    `id` is a hash of limit, tenant and subject, so that nobody is named here. `entries` is a JSON
    array of pairs. From `expires_at` on, microseconds since 1970, nothing of it counts; no index
    has it, so that PostgreSQL updates a row in place (HOT).
    """

    __tablename__: ClassVar[Any] = "api_limit_state"

    id: str = Field(primary_key=True, max_length=32)
    at: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)
    previous: int = Field(sa_type=BigInteger)
    entries: str = long_column()
    expires_at: int = Field(sa_type=BigInteger)


class ApiLimitSet(SQLModel, table=True):
    """Limits of an API of a tenant under a name; `document` is their text."""

    __tablename__: ClassVar[Any] = "api_limit_set"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=80)
    version: int
    document: str = long_column()
    note: str = Field(max_length=2000)
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str


class ApiLimitSetVersion(SQLModel, table=True):
    """What a limit set was, from `saved_at` on."""

    __tablename__: ClassVar[Any] = "api_limit_set_version"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=80)
    version: int = Field(primary_key=True)
    document: str = long_column()
    note: str = Field(max_length=2000)
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str


class ConsumerKey(SQLModel, table=True):
    """A key by which somebody uses an API of a tenant, never Sentinel's own.

    `consumer` is whose it is, in the words of that API; `permissions` are its words too. `account`
    is the id of the account that made it; empty where somebody else did.
    """

    __tablename__: ClassVar[Any] = "consumer_key"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    name: str = Field(max_length=100)
    consumer: str = Field(max_length=200)
    plan: str = Field(max_length=80)
    permissions: list[str] = array_column()
    created_at: datetime = moment_column(nullable=False)
    created_by: str
    used_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_by: str = ""
    account: str = Field(default="", max_length=32, index=True)

    __table_args__ = (
        Index(
            "consumer_key_one_of_a_name",
            "tenant",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )


class ConsumerKeySecret(SQLModel, table=True):
    """The SHA-256 hash of one secret of a consumer key. While it is rotated, it has two."""

    __tablename__: ClassVar[Any] = "consumer_key_secret"

    prefix: str = Field(primary_key=True, max_length=8)
    key_id: str = Field(max_length=32, index=True)
    hash: str = Field(max_length=64)
    created_at: datetime = moment_column(nullable=False)
    expires_at: datetime | None = moment_column(default=None, nullable=True)


class ConsumerKeySigner(SQLModel, table=True):
    """The private key that signs offline tokens: one row, made when it is first needed."""

    __tablename__: ClassVar[Any] = "consumer_key_signer"

    id: str = Field(primary_key=True, max_length=32)
    document: str = long_column()
    made_at: datetime = moment_column(nullable=False)


class ConsumerRules(SQLModel, table=True):
    """What the consumers of a tenant may do for themselves; `document` is JSON."""

    __tablename__: ClassVar[Any] = "consumer_rules"

    tenant: str = Field(primary_key=True, max_length=100)
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str


class ConsumerAccount(SQLModel, table=True):
    """The account of a consumer, who makes keys without anybody's help; `name` is a login."""

    __tablename__: ClassVar[Any] = "consumer_account"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    name: str = Field(max_length=50)
    password_hash: str = Field(max_length=300)
    plan: str = Field(max_length=100)
    status: str = Field(max_length=10)
    created_at: datetime = moment_column(nullable=False)
    login_at: datetime | None = moment_column(default=None, nullable=True)
    decided_by: str = ""

    __table_args__ = (Index("consumer_account_name", "tenant", "name", unique=True),)


class ConsumerSession(SQLModel, table=True):
    """A login of a consumer, by the hash of its token."""

    __tablename__: ClassVar[Any] = "consumer_session"

    secret_hash: str = Field(primary_key=True, max_length=64)
    account: str = Field(max_length=32, index=True)
    ends_at: datetime = moment_column(nullable=False)
