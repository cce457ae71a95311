"""The table of access reviews: snapshots that a person certified, never changed again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["AccessReview"]


class AccessReview(SQLModel, table=True):
    """Who had which role when somebody certified it.

    `entries` is canonical JSON, in which people are pseudonyms of the audit trail, as
    `certified_by` is; the audit row of the review has `digest`, the SHA-256 hash of that text.
    """

    __tablename__: ClassVar[Any] = "access_review"

    id: str = Field(primary_key=True, max_length=32)
    at: datetime = moment_column(nullable=False)
    certified_by: str = Field(max_length=64)
    comment: str = long_column()
    entries: str = long_column()
    digest: str = Field(max_length=64)
