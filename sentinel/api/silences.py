"""Silences over HTTP: begun, listed and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, SentMoment, Tenant, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import Problem, responses
from sentinel.api.schemas import MOST_MINUTES, NO_NUL, Words
from sentinel.api.scoped import within
from sentinel.errors import NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.tenant import TENANT_PATTERN

__all__ = ["router"]

router = APIRouter(prefix="/silences", tags=["silences"], route_class=OnceRoute)

SilenceId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="Id of the silence.",
        examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
    ),
]


class SilenceNew(BaseModel):
    """A rule that sends no notifications for a time."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {"required": [one], "properties": {one: {"type": kind}},
                 "not": {"required": [other]}}
                for one, kind, other in (
                    ("duration_minutes", "number", "until"), ("until", "string", "duration_minutes")
                )
            ],
            "examples": [
                {"rule": "disk-space", "duration_minutes": 120, "reason": "planned migration"}
            ],
        },
    )  # fmt: skip

    rule: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = Field(
        description="Name of the rule, of whose alerts nobody is notified."
    )
    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = Field(
        "default", description="Tenant of the rule."
    )
    duration_minutes: float | None = Field(
        None, ge=0.1, le=MOST_MINUTES, description="For how long, in minutes; or give until."
    )
    until: SentMoment | None = Field(None, description="Until when; or give duration_minutes.")
    reason: Words = Field("", max_length=2000, description="The reason, shown beside the alerts.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        given = self.model_fields_set & {"duration_minutes", "until"}
        if len(given) != 1 or (self.duration_minutes is None and self.until is None):
            raise ValueError("needs either duration_minutes or until")
        return self


class SilenceItem(BaseModel):
    """A silence: while it is active, nobody is notified of the alerts that it matches."""

    id: str
    tenant: str
    matchers: list[str] = Field(
        description="What it silences; all must match.", examples=[['rule="disk-space"']]
    )
    rule: str = Field(description="Name of the rule that it silences.")
    state: Literal["active", "expired", "ended"] = Field(
        description="expired: its time is over; ended: somebody ended it before."
    )
    until: datetime
    reason: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    ended_by: str


class SilenceMade(SilenceItem):
    """A new silence."""

    silenced: int = Field(description="Live alerts that it silences.")


class SilenceList(BaseModel):
    """A page of silences, newest first."""

    items: list[SilenceItem]
    next_cursor: str | None


@router.get("", summary="List silences", responses=responses())
@needs(Permission.READ, "silences", confined=True)
def list_silences(
    request: Request,
    tenant: Tenant | None = None,
    rule: Annotated[
        str, Query(description="Name of the rule.", max_length=300, pattern=NO_NUL)
    ] = "",
    ended: Annotated[bool, Query(description="Also those that are over.")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> SilenceList:  # fmt: skip
    """List the silences that are active, newest first; with `ended`, also those that are over."""
    store = within(request)
    found = store.silences(limit + 1, cursor, ended=ended, tenant=tenant, rule=rule)
    now = store.store.now()
    items = [SilenceItem.model_validate(_fields(one, now)) for one in found[:limit]]
    return SilenceList(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post(
    "",
    summary="Silence a rule",
    status_code=201,
    responses=responses(400, 404, 409, 413),
    openapi_extra=described_as(SilenceNew),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "silences", confined=True)
def begin(request: Request, response: Response, body: Body, who: Acting) -> SilenceMade:
    """Notify nobody of the alerts of a rule until a time, also of those that open later.

    The alerts open, repeat and resolve as before. A suppression of one alert that lasts longer
    keeps its time.

    Returns:
        The silence; Location is its address.

    Raises:
        Problem: 422 for an end in the past, or too far ahead
        NotFound: there is no rule of that name
        Conflict: the rule is silenced already
    """
    asked = read_as(SilenceNew, body)
    store = within(request)
    now = store.store.now()
    until = asked.until or now + timedelta(minutes=asked.duration_minutes or 0)
    if not now < until <= now + timedelta(minutes=MOST_MINUTES):
        problem = "lies in the past" if until <= now else "lies more than 366 days ahead"
        raise Problem(422, "invalid", f"until: {problem}", field="until")
    made = new_id()
    count = store.begin_silence(
        made, asked.rule, until, tenant=asked.tenant, actor=who.name, reason=asked.reason
    )
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{made}"
    fields = _fields(store.silence(made), now)
    return SilenceMade.model_validate({**fields, "silenced": count})


@router.get("/{silence_id}", summary="One silence", responses=responses(404))
@needs(Permission.READ, "silences", confined=True)
def get(request: Request, silence_id: SilenceId) -> SilenceItem:
    """Return one silence, also one that is over."""
    store = within(request)
    return SilenceItem.model_validate(_fields(store.silence(silence_id), store.store.now()))


@router.delete("/{silence_id}", summary="End a silence", responses=responses(404))
@needs(Permission.RESPOND, "silences", confined=True)
def end(request: Request, silence_id: SilenceId, who: Acting) -> SilenceItem:
    """End a silence before its time; one that is over stays as it is.

    Suppressions of single alerts go on. The silence stays in the list of those that are over.

    Returns:
        The silence.

    Raises:
        NotFound: there is none, or its rule was deleted
    """
    store = within(request)
    found = store.silence(silence_id)
    try:
        store.end_silence(found, actor=who.name)
    except NotFound:
        if _state(found, store.store.now()) == "active":
            raise
    return SilenceItem.model_validate(_fields(store.silence(silence_id), store.store.now()))


def _fields(silence: Silence, now: datetime) -> Mapping[str, Any]:
    fields = silence.model_dump(include=set(SilenceItem.model_fields))
    return fields | {
        "matchers": [f'rule="{silence.rule}"'],
        "state": _state(silence, now),
        "created_by": silence.actor,
    }


def _state(silence: Silence, now: datetime) -> str:
    if silence.ended_at is not None:
        return "ended"
    return "active" if silence.until > now else "expired"
