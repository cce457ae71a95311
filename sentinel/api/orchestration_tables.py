"""Tables that orchestration enriches from, over HTTP: uploaded as CSV, versioned, rolled back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_bodies import (
    MOST_NUMBER,
    DocumentApplied,
    DocumentRollback,
    DocumentVersionDetail,
    DocumentVersionItem,
    DocumentVersionList,
)
from sentinel.api.document_versions import Number, of_document
from sentinel.api.editing import IfMatch
from sentinel.api.needs import needs
from sentinel.api.orchestration import applied, matches
from sentinel.api.orchestration_bodies import TableBody, TableList
from sentinel.api.paging import NEXT
from sentinel.api.problems import responses
from sentinel.api.scoped import WholeTenant
from sentinel.store.access.within import OfTenant
from sentinel.store.orchestration.documents import TableVersions
from sentinel.store.orchestration.listing import tables_of

__all__ = ["router"]

router = APIRouter(prefix="/orchestration/tables", tags=["orchestration"])
TableName = Annotated[
    str, Path(pattern="^[a-z][a-z0-9_-]{0,49}$", description="Name of the table.")
]


def _versions(tenant: OfTenant, name: str) -> TableVersions:
    return TableVersions(tenant.store, tenant.name, name)


@router.get("", summary="Tables that orchestration enriches from", responses=responses(403))
@needs(Permission.READ, "orchestration", confined=True)
def tables(tenant: WholeTenant) -> TableList:
    """List the tables of a tenant by name, without their rows."""
    found = tables_of(tenant.store, tenant.name)
    return TableList.model_validate({"items": [msgspec.structs.asdict(one) for one in found]})


@router.put(
    "/{name}",
    summary="Upload a table",
    responses=responses(400, 403, 412, 413),
    openapi_extra=described_as(TableBody),
)
@needs(Permission.EDIT, "orchestration", confined=True)
def upload(
    response: Response, name: TableName, body: Body, tenant: WholeTenant, who: Acting,
    if_match: IfMatch = None,
) -> DocumentApplied:  # fmt: skip
    """Make a CSV the active version of a table. What comes in from now on is enriched from it."""
    asked = read_as(TableBody, body)
    versions = _versions(tenant, name)
    done = of_document(
        lambda: versions.apply(
            asked.document, actor=who.name, note=asked.note, check=matches(if_match)
        )
    )
    return applied(response, done)


@router.get("/{name}/versions", summary="Every version of a table", responses=responses(403))
@needs(Permission.READ, "orchestration", confined=True)
def table_history(
    name: TableName,
    tenant: WholeTenant,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=MOST_NUMBER, description=NEXT)] = None,
) -> DocumentVersionList:
    """List the versions of a table that were uploaded, the active one first."""
    found = _versions(tenant, name).history(limit + 1, cursor)
    items = [DocumentVersionItem.model_validate(one.model_dump()) for one in found[:limit]]
    more = len(found) > limit
    return DocumentVersionList(items=items, next_cursor=items[-1].number if more else None)


@router.get(
    "/{name}/versions/{number}", summary="One version of a table", responses=responses(403, 404)
)
@needs(Permission.READ, "orchestration", confined=True)
def table_version(name: TableName, tenant: WholeTenant, number: Number) -> DocumentVersionDetail:
    """Return one version of a table with its CSV."""
    found = _versions(tenant, name).version(number)
    return DocumentVersionDetail.model_validate(found.model_dump())


@router.post(
    "/{name}/rollback",
    summary="Roll a table back",
    responses=responses(400, 403, 404, 409, 412, 413),
    openapi_extra=described_as(DocumentRollback),
)
@needs(Permission.EDIT, "orchestration", confined=True)
def table_rollback(
    response: Response, name: TableName, body: Body, tenant: WholeTenant, who: Acting,
    if_match: IfMatch = None,
) -> DocumentApplied:  # fmt: skip
    """Make an earlier version of a table active again; 0 removes the table."""
    asked = read_as(DocumentRollback, body)
    done = _versions(tenant, name).rollback(
        asked.version, actor=who.name, note=asked.note, check=matches(if_match)
    )
    return applied(response, done)
