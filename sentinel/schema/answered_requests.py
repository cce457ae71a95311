"""The table of answers to requests that carried an idempotency key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["AnsweredRequest"]


class AnsweredRequest(SQLModel, table=True):
    """A request with an idempotency key, and its answer; `status` is 0 while it is worked on.

    `caller` is who sent it, `digest` a hash of its body. The row may be deleted after `until`.
    """

    __tablename__: ClassVar[Any] = "answered_request"

    caller: str = Field(primary_key=True, max_length=200)
    path: str = Field(primary_key=True, max_length=300)
    key: str = Field(primary_key=True, max_length=200)
    digest: str = Field(max_length=64)
    status: int = 0
    answer: str = long_column(default="")
    headers: dict[str, Any] = object_column()
    until: datetime = moment_column(nullable=False, index=True)
