"""The digest of a team over HTTP: as it was last due, without sending anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Moment
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import store_of
from sentinel.notifications.digest import digest_text, digest_title
from sentinel.store.reports.digests import digest_of

__all__ = ["router"]

router = APIRouter(prefix="/oncall/digests", tags=["on-call"])
_FIRST, _LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(8999, 1, 1, tzinfo=UTC)
"""What is before or after counts as these: their days and weeks can be counted."""


class DigestAlertItem(BaseModel):
    """An alert of the team."""

    id: str
    rule: str
    title: str
    severity: str
    status: str
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    resolved_at: datetime | None
    url: str


class DigestRuleItem(BaseModel):
    """How many alerts a rule opened in the period, and in the one before."""

    rule: str
    opened: int
    before: int


class DigestShiftItem(BaseModel):
    """Who is on call."""

    people: list[str]
    start: datetime
    end: datetime


class DigestDetail(BaseModel):
    """What the digest of a team says."""

    team: str
    since: datetime
    until: datetime
    timezone: str
    opened: int
    before: int = Field(description="Alerts that opened in the period before, of the same length.")
    resolved: int
    unattended: int = Field(description="Alerts that opened and were never acknowledged.")
    acknowledge: float | None = Field(description="MTTA in seconds, as the statistics define it.")
    resolve: float | None = Field(description="MTTR in seconds, as the statistics define it.")
    severities: list[tuple[str, int]]
    rules: list[DigestRuleItem] = Field(description="The noisiest first.")
    more_rules: int
    open: list[DigestAlertItem] = Field(description="The most severe first, at most 100.")
    open_count: int
    alerts: list[DigestAlertItem] = Field(description="What opened, oldest first.")
    cut: int = Field(description="How many alerts are left out of `alerts`.")
    shifts: list[DigestShiftItem] = Field(description="Of the seven days after it.")
    url: str
    title: str
    text: str = Field(description="As chats and mails have it.")


@router.get("/{team}", summary="The digest of a team", responses=responses(403, 404))
@needs(Permission.READ, "oncall")
def show(
    request: Request,
    team: Annotated[
        str, Path(max_length=100, pattern=NO_NUL, description="Team of the on-call document.")
    ],
    at: Annotated[
        Moment | None,
        Query(description="The last one before this moment, with its time zone; by default now."),
    ] = None,
) -> DigestDetail:
    """Return the digest of a team as it was last due. Nothing is sent.

    Returns:
        The digest.
    """
    moment = None if at is None else min(max(at, _FIRST), _LAST)
    found = digest_of(store_of(request), team, moment)
    return DigestDetail.model_validate(
        {
            **msgspec.to_builtins(found),
            "title": digest_title(found),
            "text": digest_text(found),
        }
    )
