"""Bodies and answers of versions of documents over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.schemas import Whole, Words

__all__ = [
    "MOST_NUMBER",
    "DocumentApplied",
    "DocumentBody",
    "DocumentRollback",
    "DocumentVersionDetail",
    "DocumentVersionItem",
    "DocumentVersionList",
    "Note",
]

MOST_NUMBER = 2**31 - 1
Note = Annotated[Words, Field(max_length=2000, description="The reason, kept with the version.")]


class DocumentBody(BaseModel):
    """A document to apply; each kind describes its own."""

    model_config = ConfigDict(extra="forbid")

    document: str
    note: Note = ""


class DocumentRollback(BaseModel):
    """A version to go back to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"version": 3, "note": "the pager was too loud"}]},
    )

    version: Whole = Field(ge=0, le=MOST_NUMBER, description="Its number; 0 for no document.")
    note: Note = ""


class DocumentVersionItem(BaseModel):
    """A version of a document that was applied."""

    number: int
    note: str
    applied_by: str
    applied_at: datetime | None
    rolled_back_to: int | None = Field(description="Number of the version that it goes back to.")
    digest: str = Field(description="SHA-256 of the document.")


class DocumentVersionDetail(DocumentVersionItem):
    """A version with its document; number 0, without a document, where there never was one."""

    document: str = Field(
        description="YAML. An empty one is refused; a rollback to version 0 removes it."
    )


class DocumentVersionList(BaseModel):
    """A page of versions, the active one first."""

    items: list[DocumentVersionItem]
    next_cursor: int | None


class DocumentApplied(BaseModel):
    """The active version, and whether it is a new one."""

    number: int
    changed: bool
