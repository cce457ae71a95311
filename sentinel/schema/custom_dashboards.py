"""Custom dashboards: of a person, who is the owner, or of a team in a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["CustomDashboard"]


class CustomDashboard(SQLModel, table=True):
    """A page of chosen tiles; `document` is JSON. A person's own has no tenant and no team."""

    __tablename__: ClassVar[Any] = "custom_dashboard"

    owner: str = Field(primary_key=True, max_length=200)
    tenant: str = Field(primary_key=True, max_length=100)
    team: str = Field(primary_key=True, max_length=200)
    name: str = Field(primary_key=True, max_length=60)
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str
