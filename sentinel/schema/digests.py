"""The table of digests: for which periods the digest of a team was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["DigestRun"]


class DigestRun(SQLModel, table=True):
    """A period of a team's digest that ended at `until`: it was sent, or there was nothing to."""

    __tablename__: ClassVar[Any] = "digest_run"

    team: str = Field(primary_key=True, max_length=100)
    until: datetime = moment_column(primary_key=True, nullable=False)
    made_at: datetime = moment_column(nullable=False)
