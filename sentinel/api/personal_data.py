"""Personal data over HTTP, for admins of all tenants: as `sentinel person`.

The name is in the body, since logs of proxies keep addresses.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.shown_rules import store_of
from sentinel.store.audit.people import erase as erase_from
from sentinel.store.audit.people import export as export_from
from sentinel.store.telemetry.erasing import erasing_client

__all__ = ["router"]

router = APIRouter(prefix="/people", tags=["users"])


class PersonNamed(BaseModel):
    """A person, with or without an account."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "maria"}]})

    name: Annotated[
        str,
        Field(
            # Without \s, by which readers of the document mean different characters.
            pattern=r"^([^\x00-\x20\x7f-\xa0]|[^\x00-\x20\x7f-\xa0][^\u0000]*[^\x00-\x20\x7f-\xa0])$",
            max_length=200,
            description="As timelines have it.",
        ),
    ]


class PersonalData(BaseModel):
    """What is stored under a person's name."""

    name: str
    tables: dict[str, list[dict[str, Any]]] = Field(
        description="The rows that have the name, by table; `audit` has the changes they made.",
        examples=[{"alert": [{"id": "0198f2c4a7e07cc0b2a1d3f4e5a69788", "assignee": "maria"}]}],
    )


class PersonErased(BaseModel):
    """A name that was erased."""

    erased: str
    pseudonym: str = Field(
        description="What the rows have from now on.", examples=["erased-1f0c9a2b"]
    )


@router.post(
    "/export",
    summary="Export what has a person's name",
    responses=responses(400, 404, 413),
    openapi_extra=described_as(PersonNamed),
)
@needs(Permission.ADMINISTER, "users")
def export(request: Request, body: Body, who: Acting) -> PersonalData:
    """Return all that is stored under a person's name. The audit trail has who exported it.

    `requests` are the newest 50,000 of their requests in the request log; where there are more,
    `requests_left_out` says so. 503 where the telemetry store does not answer.

    Returns:
        The rows, without hashes of passwords.
    """
    asked = read_as(PersonNamed, body)
    telemetry = erasing_client(request.app.state.settings)
    found = export_from(store_of(request), asked.name, actor=who.name, telemetry=telemetry)
    tables = {table: rows for table, rows in found.items() if table != "name"}
    return PersonalData(name=asked.name, tables=tables)


@router.post(
    "/erase",
    summary="Replace a person's name by a pseudonym",
    responses=responses(400, 409, 413),
    openapi_extra=described_as(PersonNamed),
)
@needs(Permission.ADMINISTER, "users")
def erase(request: Request, body: Body, who: Acting) -> PersonErased:
    """Replace a person's name by a pseudonym everywhere; it cannot be undone.

    What they wrote stays, and the audit trail still verifies. Their requests in the request log are
    deleted: 503 where the telemetry store does not answer. Somebody who has an account, or is in
    the on-call document, is refused (409): delete the account, or take them out of it, first.

    Returns:
        The pseudonym.
    """
    asked = read_as(PersonNamed, body)
    telemetry = erasing_client(request.app.state.settings)
    label = erase_from(store_of(request), asked.name, actor=who.name, telemetry=telemetry)
    return PersonErased(erased=asked.name, pseudonym=label)
