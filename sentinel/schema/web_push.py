"""The tables of Web Push: the browsers that people subscribed, and the key that signs for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["PushKey", "PushSubscription"]


class PushSubscription(SQLModel, table=True):
    """A browser that notifies a person; `id` is the start of the SHA-256 hash of its endpoint.

    The endpoint is a secret: whoever has it and this instance's key may notify the browser.
    """

    __tablename__: ClassVar[Any] = "push_subscription"

    id: str = Field(primary_key=True, max_length=32)
    person: str = Field(max_length=200, index=True)
    endpoint: str = Field(max_length=2000)
    p256dh: str = Field(max_length=100)
    auth: str = Field(max_length=50)
    made_at: datetime = moment_column(nullable=False)


class PushKey(SQLModel, table=True):
    """The private key (VAPID) of this instance: one row, made when a browser first needs it."""

    __tablename__: ClassVar[Any] = "push_key"

    id: str = Field(primary_key=True, max_length=32)
    secret: str = Field(max_length=64)
    made_at: datetime = moment_column(nullable=False)
