"""Fire drills over HTTP: start one, and read who was reached after how long."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import everywhere
from sentinel.api.schemas import Words
from sentinel.api.shown_rules import store_of
from sentinel.ingest.drill import start_drill
from sentinel.severity import SeverityWord
from sentinel.store.escalations.drills import drill_of_team, drill_report

__all__ = ["router"]

router = APIRouter(prefix="/oncall/drills", tags=["on-call"])
DrillId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="Id of the drill, which is that of its alert.",
        examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
    ),
]


class DrillNew(BaseModel):
    """A drill to start."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"team": "db"}]})

    team: Annotated[Words, Field(min_length=1, max_length=100)] = Field(
        description="Team of the on-call document."
    )
    severity: SeverityWord = Field(
        "high", description="Of the test alert; critical breaks through quiet hours."
    )


class DrillPageItem(BaseModel):
    """A message of a drill to one channel."""

    level: int
    person: str = Field(description="Empty for a receiver that the policy names.")
    receiver: str
    channel: str = Field(description="Empty while nothing was attempted.")
    why: str
    state: str = Field(description="pending, put_off, attempted, sending, sent, failed or dropped.")
    seconds: float | None = Field(description="From the start until the channel took it.")
    error: str


class DrillDetail(BaseModel):
    """A drill so far."""

    id: str
    team: str
    started_at: datetime
    status: str = Field(description="Of its alert: open, acknowledged or resolved.")
    acknowledged_by: str
    acknowledged_seconds: float | None
    over: bool = Field(description="Whether nothing more is paged.")
    pages: list[DrillPageItem]
    reached: list[str] = Field(description="People whom a channel took a page for.")
    silent: list[str] = Field(description="Those of them who did not acknowledge.")


@router.post(
    "",
    summary="Start a fire drill",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(DrillNew),
)
@needs(Permission.RESPOND, "oncall")
def start(request: Request, body: Body, who: Acting) -> DrillDetail:
    """Page a team by a marked test alert; resolve the alert to end the drill.

    Returns:
        The drill, whose pages follow.
    """
    asked = read_as(DrillNew, body)
    everywhere(who, Permission.RESPOND)
    store = store_of(request)
    drill_id = start_drill(store, asked.team, severity=asked.severity, actor=who.name)
    return _detail(request, drill_id)


@router.get("/latest", summary="The last fire drill of a team", responses=responses(403, 404))
@needs(Permission.READ, "oncall")
def latest(
    request: Request,
    team: Annotated[
        Words, Query(min_length=1, max_length=100, description="Team of the on-call document.")
    ],
) -> DrillDetail:
    """Return who was reached by the last drill of a team."""
    return _detail(request, drill_of_team(store_of(request), team))


@router.get("/{drill_id}", summary="What came of a fire drill", responses=responses(403, 404))
@needs(Permission.READ, "oncall")
def report(request: Request, drill_id: DrillId) -> DrillDetail:
    """Return who was reached after how long, by which channel, and who did not acknowledge."""
    return _detail(request, drill_id)


def _detail(request: Request, drill_id: str) -> DrillDetail:
    return DrillDetail.model_validate(
        msgspec.to_builtins(drill_report(store_of(request), drill_id))
    )
