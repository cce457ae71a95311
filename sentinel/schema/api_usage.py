"""The tables of API usage: what is counted for the limits of an API."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column

__all__ = ["ApiLimitState"]


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
