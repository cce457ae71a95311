"""Tables of orchestration that are read from other databases, over HTTP.

A block of Prefect belongs to the instance, so that only whoever may change all of it says which are
read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.orchestration_bodies import QueryBody, QueryItem, QueryList
from sentinel.api.problems import responses
from sentinel.api.receivers import everywhere
from sentinel.api.scoped import WholeTenant
from sentinel.schema.orchestration import OrchestrationTable
from sentinel.store.access.within import OfTenant
from sentinel.store.orchestration.cached_tables import (
    TableQuery,
    cached_tables,
    remove_query,
    set_query,
)

__all__ = ["router"]

router = APIRouter(prefix="/orchestration/queries", tags=["orchestration"])
TableName = Annotated[
    str, Path(pattern="^[a-z][a-z0-9_-]{0,49}$", description="Name of the table.")
]


def _item(one: OrchestrationTable) -> QueryItem:
    given = one.model_dump(exclude={"rows", "digest", "tenant", "every", "usable"})
    return QueryItem(**given, every_seconds=one.every, usable_seconds=one.usable)


def _listed(tenant: OfTenant) -> list[QueryItem]:
    return [_item(one) for one in cached_tables(tenant.store, tenant.name)]


@router.get("", summary="Tables that are read from other databases", responses=responses(403))
@needs(Permission.READ, "orchestration")
def queries(tenant: WholeTenant, who: Acting) -> QueryList:
    """List the tables of a tenant that are read from other databases, and how that went."""
    everywhere(who, Permission.READ)
    return QueryList(items=_listed(tenant))


@router.put(
    "/{name}",
    summary="Read a table from another database",
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(QueryBody),
)
@needs(Permission.EDIT, "orchestration")
def put_query(name: TableName, body: Body, tenant: WholeTenant, who: Acting) -> QueryItem:
    """Have a table read by a query, through a block of Prefect and a read-only connection.

    It is read within half a minute, and then regularly. While the database is away, the rows that
    were read last are used until they are too old; then rules change nothing by them.

    Returns:
        How it is read.
    """
    asked = read_as(QueryBody, body)
    everywhere(who, Permission.EDIT)
    how = TableQuery(
        block=asked.block, query=asked.query, every=timedelta(seconds=asked.every_seconds),
        usable=timedelta(seconds=asked.usable_seconds),
    )  # fmt: skip
    set_query(tenant.store, tenant.name, name, how, actor=who.name)
    return next(one for one in _listed(tenant) if one.name == name)


@router.delete(
    "/{name}", summary="Read a table no longer", status_code=204, responses=responses(403, 404)
)
@needs(Permission.EDIT, "orchestration")
def delete_query(name: TableName, tenant: WholeTenant, who: Acting) -> Response:
    """Forget how a table is read, and its rows; refused while the active rules enrich from it."""
    everywhere(who, Permission.EDIT)
    remove_query(tenant.store, tenant.name, name, actor=who.name)
    return Response(status_code=204)
