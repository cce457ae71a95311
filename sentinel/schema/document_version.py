"""The columns of a version of a document: routes and on-call have a table of them each."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["DocumentVersion"]


class DocumentVersion(SQLModel):
    """One applied version of a document. The one with the highest number is active.

    An empty `document` means that there is none. Rows are never changed; a rollback adds one with
    the document of the version it goes back to.
    """

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str = long_column(default="")
    digest: str = Field(max_length=64, description="SHA-256 of the document, in hex digits.")
    note: str = long_column(default="")
    applied_by: str = ""
    applied_at: datetime = moment_column(nullable=False)
    rolled_back_to: int | None = None
