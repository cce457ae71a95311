"""The table of routes: every version that was applied."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["RouteVersion"]


class RouteVersion(SQLModel, table=True):
    """One applied version of the routes. The one with the highest number is active.

    An empty `document` means that there are none: alerts go to the receivers of their rules. Rows
    are never changed; a rollback adds one with the document of the version it goes back to.
    """

    __tablename__: ClassVar[Any] = "route_version"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str = long_column(default="")
    digest: str = Field(max_length=64, description="SHA-256 of the document, in hex digits.")
    note: str = long_column(default="")
    applied_by: str = ""
    applied_at: datetime = moment_column(nullable=False)
    rolled_back_to: int | None = None
