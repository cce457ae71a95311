"""Custom dashboards over HTTP: each person's own, and those of teams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.role_grants import TEAM_PATTERN
from sentinel.api.shown_rules import store_of
from sentinel.boards.document import MOST_TILES, BoardDocument, Tile
from sentinel.store.custom_dashboards import LONGEST_NAME, Board, Boards, Place
from sentinel.tenant import TENANT_PATTERN

__all__ = ["router"]

router = APIRouter(prefix="/dashboards", tags=["custom dashboards"])

BoardName = Annotated[
    str,
    Path(
        description="Its name, of printable characters.", min_length=1, max_length=LONGEST_NAME,
        examples=["Wall"], json_schema_extra={"pattern": "^[!-~]([ -~]*[!-~])?$"},
    ),
]  # fmt: skip
Team = Annotated[
    str,
    Query(max_length=200, pattern=TEAM_PATTERN, description="Whose it is; empty: the caller's."),
]
Tenant = Annotated[
    str, Query(pattern=f"^({TENANT_PATTERN})$", description="Of the team.", examples=["default"])
]
_SHOWN = {200: {"headers": ETAG, "description": "The dashboard"}}


class BoardBody(BaseModel):
    """The tiles of a dashboard."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [
            {"tiles": [{"kind": "count", "search": "severity:critical"}, {"kind": "oncall"}]}
        ]
    })  # fmt: skip

    tiles: list[Tile] = Field(max_length=MOST_TILES, description="In their order.")


class BoardItem(BaseModel):
    """A custom dashboard."""

    name: str
    tenant: str = Field(description="Of the team; empty for the caller's own.")
    team: str = Field(description="Whose it is; empty for the caller's own.")
    tiles: list[Tile]
    saved_at: datetime
    saved_by: str
    changes: bool = Field(description="Whether the caller may change it.")
    problem: str = Field(description="Why its tiles cannot be read; empty where they can.")


class BoardList(BaseModel):
    """The dashboards that the caller sees: their own first, by name."""

    items: list[BoardItem]


@router.get("", summary="List custom dashboards", responses=responses())
@needs(Permission.READ, "views", confined=True)
def list_dashboards(request: Request, who: Acting) -> BoardList:
    """List the caller's own dashboards, and those of teams that they may read."""
    return BoardList(items=[_item(one) for one in Boards(store_of(request), who).list()])


@router.get("/{name:path}", summary="One dashboard", responses={**responses(404), **_SHOWN})
@needs(Permission.READ, "views", confined=True)
def get(
    request: Request, response: Response, name: BoardName, who: Acting, team: Team = "",
    tenant: Tenant = "default",
) -> BoardItem:  # fmt: skip
    """Return one dashboard."""
    return _tagged(response, Boards(store_of(request), who).get(name, _place(team, tenant)))


@router.put(
    "/{name:path}",
    summary="Save a dashboard",
    responses={**responses(400, 404, 412, 413), **_SHOWN},
)
@needs(Permission.READ, "views", confined=True)
def save(
    request: Request,
    response: Response,
    name: BoardName,
    asked: BoardBody,
    who: Acting,
    team: Team = "",
    tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> BoardItem:
    """Save a dashboard, or replace the one of that name. Those of a team need one of its editors.

    Without a team it is the caller's own: one that a key or the instance's token saves, without
    `X-Sentinel-User`, is seen by no person.

    Returns:
        The dashboard.
    """
    saved = Boards(store_of(request), who).save(
        name, _place(team, tenant), BoardDocument(tiles=asked.tiles), actor=who.name,
        check=_matches(if_match),
    )  # fmt: skip
    return _tagged(response, saved)


@router.delete("/{name:path}", summary="Remove a dashboard", responses=responses(404, 412))
@needs(Permission.READ, "views", confined=True)
def remove(
    request: Request,
    name: BoardName,
    who: Acting,
    team: Team = "",
    tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> BoardItem:
    """Remove a dashboard, and return it, so that it can be saved again."""
    gone = Boards(store_of(request), who).remove(
        name, _place(team, tenant), actor=who.name, check=_matches(if_match)
    )
    return _item(gone)


def _place(team: str, tenant: str) -> Place:
    return Place(tenant, team) if team else Place()


def _matches(if_match: str | None) -> Callable[[str], None]:
    return lambda tag: check_match(if_match, tag)


def _tagged(response: Response, board: Board) -> BoardItem:
    response.headers["ETag"] = board.tag
    return _item(board)


def _item(board: Board) -> BoardItem:
    return BoardItem(
        name=board.name, tenant=board.place.tenant, team=board.place.team,
        tiles=list(board.document.tiles), saved_at=board.saved_at, saved_by=board.saved_by,
        changes=board.changes, problem=board.problem,
    )  # fmt: skip
