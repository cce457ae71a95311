"""The tables of people: accounts, sessions, failed logins and known addresses.

Their roles are `AccessGrant`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["FailedLogin", "LoginAddress", "Person", "PersonSession"]


class Person(SQLModel, table=True):
    """An account. `name` is what the person logs in with, in small letters.

    `password_hash` is empty for somebody whom only an OIDC provider signs in; `issuer` and
    `subject` are empty for somebody who has only a password.
    """

    __tablename__: ClassVar[Any] = "person"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=100, unique=True)
    display_name: str = Field(max_length=200)
    password_hash: str = Field(max_length=300)
    issuer: str = Field(default="", max_length=500)
    subject: str = Field(default="", max_length=300)
    created_at: datetime = moment_column(nullable=False)
    created_by: str
    password_at: datetime | None = moment_column(default=None, nullable=True)
    login_at: datetime | None = moment_column(default=None, nullable=True)
    disabled_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index(
            "person_of_a_provider",
            "issuer",
            "subject",
            unique=True,
            sqlite_where=text("subject <> ''"),
            postgresql_where=text("subject <> ''"),
        ),
    )


class PersonSession(SQLModel, table=True):
    """A login of a person; the row goes when it ends. `secret_hash` is of what the cookie holds."""

    __tablename__: ClassVar[Any] = "person_session"

    id: str = Field(primary_key=True, max_length=32)
    secret_hash: str = Field(max_length=64, unique=True)
    person_id: str = Field(max_length=32, index=True)
    created_at: datetime = moment_column(nullable=False)
    used_at: datetime = moment_column(nullable=False)


class FailedLogin(SQLModel, table=True):
    """Failed logins in a row of one name, whether or not there is such a person; or of an address.

    `name_hash` is the SHA-256 hash of the name: people type passwords into the wrong field. Of an
    address, it is another hash, and `failures` are those that count still.
    """

    __tablename__: ClassVar[Any] = "failed_login"

    name_hash: str = Field(primary_key=True, max_length=64)
    failures: int
    last_at: datetime = moment_column(nullable=False, index=True)


class LoginAddress(SQLModel, table=True):
    """An address from which a person logged in, and their failed logins in a row from there.

    `address` is a SHA-256 hash.
    """

    __tablename__: ClassVar[Any] = "login_address"

    person_id: str = Field(primary_key=True, max_length=32)
    address: str = Field(primary_key=True, max_length=64)
    login_at: datetime = moment_column(nullable=False)
    failures: int = 0
    failed_at: datetime | None = moment_column(default=None, nullable=True)
