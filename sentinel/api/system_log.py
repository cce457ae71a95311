"""The system log over HTTP: what Sentinel itself did, and what failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Moment
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import within

__all__ = ["router"]

router = APIRouter(prefix="/system-log", tags=["health"])


class SystemLogEntry(BaseModel):
    """One entry."""

    id: str
    at: datetime
    level: str = Field(description="info, warning or error.")
    what: str = Field(description="A code.", examples=["rule.disabled"])
    message: str = Field(examples=["ada disabled the rule disk-space"])
    details: dict[str, Any]


class SystemLogPage(BaseModel):
    """Entries, newest first."""

    items: list[SystemLogEntry]


@router.get("", summary="Read the system log", responses=responses(400))
@needs(Permission.READ, "health")
def system_log(
    request: Request,
    q: Annotated[
        str, Query(description="Words of the message or code.", max_length=200, pattern=NO_NUL)
    ] = "",
    level: Annotated[
        list[Literal["info", "warning", "error"]],
        Query(description="Levels, several allowed.", max_length=3),
    ] = [],  # noqa: B006 - FastAPI copies it
    until: Annotated[
        Moment | None,
        Query(description="At or before this; to read on, the time of the last entry."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SystemLogPage:  # fmt: skip
    """Return the newest entries, with the changes of what is configured.

    The log is of all tenants. An entry of exactly `until` is shown again on the next page, with
    the same `id`.

    Returns:
        The entries.
    """
    store = within(request).instance
    before = None if until is None else min(until, store.now()) + timedelta(microseconds=1)
    found = store.log.page(limit, words=q, levels=level, before=before)
    return SystemLogPage(items=[SystemLogEntry(**one.model_dump()) for one in found])
