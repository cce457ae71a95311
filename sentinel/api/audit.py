"""The audit trail over HTTP, for admins: read and verified, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Moment
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import within
from sentinel.audit.actions import words_of
from sentinel.audit.chain import Head
from sentinel.store.audit.queries import AuditFilter, AuditItem

__all__ = ["router"]

router = APIRouter(prefix="/audit", tags=["audit"])

_CODE = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]*$", max_length=60)]
_TEXT: dict[str, Any] = {"max_length": 200, "pattern": "^[^\\u0000]*$"}


class AuditRow(BaseModel):
    """One change by a person, a key or Sentinel itself."""

    id: str
    seq: int | None = Field(description="Number in the chain; null until it is chained.")
    at: datetime
    actor: str = Field(description="Who acted; `erased-…` where the name was erased.")
    kind: str = Field(description="token, key, person, local, system or link.")
    door: str = Field(description="api, cli, dashboard, deploy, engine, link or slack.")
    tenant: str
    action: str = Field(examples=["rule.disabled"])
    words: str = Field(examples=["disabled the rule"])
    object_kind: str
    object_id: str
    object_name: str
    before: dict[str, Any] | None = Field(description="The fields that differ, as they were.")
    after: dict[str, Any] | None = Field(description="The same fields after the change.")
    note: str = Field(description="The comment or reason that was given.")
    previous: str
    hash: str = Field(description="SHA-256 over the row and `previous`; empty until chained.")


class AuditRows(BaseModel):
    """Rows, newest first."""

    items: list[AuditRow]
    next_cursor: str | None
    cut: bool = Field(description="Whether the search stopped at 50,000 rows; go on by the cursor.")


class AuditVerdict(BaseModel):
    """What a verification of the chain found."""

    ok: bool
    head: str = Field(description="The end of the chain: keep it, and send it as `head` later.")
    rows: int
    waiting: int = Field(description="Rows that are not chained yet.")
    first: int = Field(description="Number of the first row that is kept.")
    erased: int = Field(description="People whose names were erased.")
    problems: list[str]
    warnings: list[str] = Field(description="What proves no change: a clock that was set back.")


def _row(one: AuditItem) -> AuditRow:
    return AuditRow(**msgspec.structs.asdict(one), words=words_of(one.action))


@router.get("", summary="List changes", responses=responses(400))
@needs(Permission.ADMINISTER, "audit", confined=True)
def list_rows(
    request: Request,
    q: Annotated[
        str, Query(description="Words in action, object, note or who.", **_TEXT)
    ] = "",
    actor: Annotated[str, Query(description="Name of who acted.", **_TEXT)] = "",
    action: Annotated[
        list[_CODE],
        Query(description="Codes, several allowed; `rule.` is all that begin so.", max_length=50),
    ] = [],  # noqa: B006 - FastAPI copies it
    thing: Annotated[
        str, Query(alias="object", description="Id or name of the object.", **_TEXT)
    ] = "",
    since: Annotated[Moment | None, Query(description="At or after this.")] = None,
    until: Annotated[Moment | None, Query(description="Before this.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> AuditRows:  # fmt: skip
    """List changes by page, newest first. The cursor is stable: new rows shift no page."""
    wanted = AuditFilter(
        words=q, actor=actor, actions=tuple(action), object=thing, since=since, until=until
    )
    found = within(request).audit_page(wanted, limit, cursor)
    return AuditRows(
        items=[_row(one) for one in found.items], next_cursor=found.next, cut=found.cut
    )


@router.get("/verification", summary="Verify the chain", responses=responses(400))
@needs(Permission.ADMINISTER, "audit")
def verification(
    request: Request,
    head: Annotated[
        list[Annotated[str, Field(pattern="^[0-9]{1,18}:[0-9a-f]{64}$")]],
        Query(description="Ends that were printed earlier.", max_length=50),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> AuditVerdict:  # fmt: skip
    """Check that no row was altered, removed, moved or inserted. It reads all rows."""
    found = within(request).verify_audit([Head.read(one) for one in head])
    return AuditVerdict(
        ok=not found.problems, head=str(found.head), rows=found.rows, waiting=found.waiting,
        first=found.first, erased=found.erased, problems=found.problems,
        warnings=found.warnings,
    )  # fmt: skip


@router.get("/{reference}", summary="Read a change", responses=responses(404))
@needs(Permission.ADMINISTER, "audit", confined=True)
def get_row(
    request: Request,
    reference: Annotated[
        str, Path(pattern="^([0-9]{1,18}|[0-9a-f]{32})$", description="Id or number of the row.")
    ],
) -> AuditRow:
    """Return one row, with what differs before and after.

    Returns:
        The row.

    Raises:
        NotFound: there is none, or it is another tenant's
    """
    return _row(within(request).audit_row(reference))
