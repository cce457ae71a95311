"""Silences over HTTP: previewed, begun, listed, extended and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import within
from sentinel.api.silence_bodies import (
    Length,
    MutedAlert,
    Previewed,
    SilenceItem,
    SilenceList,
    SilenceMade,
    SilenceNew,
    SilencePreview,
)
from sentinel.errors import NotFound
from sentinel.notifications.silence import state_of
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.store.notifications.mutes import muting_until

__all__ = ["router"]

_TAGGED: dict[str, Any] = {"headers": ETAG, "description": "The silence"}
router = APIRouter(prefix="/silences", tags=["silences"], route_class=OnceRoute)

SilenceId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="Id of the silence.",
        examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
    ),
]


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
    """List the silences that are pending or active, newest first; with `ended`, all of them."""
    store = within(request)
    found = store.silences(limit + 1, cursor, ended=ended, tenant=tenant, rule=rule)
    now = store.store.now()
    items = [SilenceItem.model_validate(_fields(one, now)) for one in found[:limit]]
    return SilenceList(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post(
    "",
    summary="Create a silence",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(SilenceNew),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "silences", confined=True)
def begin(request: Request, response: Response, body: Body, who: Acting) -> SilenceMade:
    """Notify nobody of the alerts of a rule, or of what matchers match, until a time.

    That holds for alerts that open later, too. They open, repeat and resolve as before. A
    suppression of one alert that lasts longer keeps its time.

    Returns:
        The silence; Location is its address.

    Raises:
        Problem: 422 for an end in the past, or too far ahead, or matchers that cannot be read
        OutOfScope: the matchers may match alerts out of reach
        NotFound: there is no rule of that name
        Conflict: the rule is silenced already
    """
    asked = read_as(SilenceNew, body)
    store = within(request)
    now = store.store.now()
    made = new_id()
    begins = max(asked.starts_at or now, now)
    until = asked.end(begins, now, recurring=bool(asked.recurrence))
    if asked.rule:
        count = store.begin_silence(
            made, asked.rule, until, tenant=asked.tenant, actor=who.name, reason=asked.reason,
            announce=asked.announce,
        )  # fmt: skip
    else:
        _, count = store.matcher_silences.create(
            asked.matchers, until, actor=who.name, comment=asked.reason, starts_at=begins,
            recurrence=asked.recurrence, maintenance=asked.maintenance, tenant=asked.tenant,
            announce=asked.announce, silence_id=made, scope=store.scope,
        )  # fmt: skip
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{made}"
    silence = store.silence(made)
    response.headers["ETag"] = _tag(silence)
    # Not `now`, before which one that begins at once had not begun.
    return SilenceMade.model_validate({**_fields(silence, store.store.now()), "silenced": count})


@router.post(
    "/preview",
    summary="Preview a silence",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(Previewed),
)
@needs(Permission.READ, "silences", confined=True)
def preview(request: Request, body: Body) -> SilencePreview:
    """Return which firing alerts a silence by these matchers would mute, without making it.

    Returns:
        How many alerts match, and the most severe of them.

    Raises:
        OutOfScope: the matchers may match alerts out of reach
    """
    asked = read_as(Previewed, body)
    store = within(request)
    found = store.matcher_silences.preview(asked.matchers, tenant=asked.tenant, scope=store.scope)
    alerts = [MutedAlert(**msgspec.structs.asdict(one)) for one in found.alerts]
    return SilencePreview(count=found.count, alerts=alerts)


@router.get("/{silence_id}", summary="One silence", responses={**responses(404), 200: _TAGGED})
@needs(Permission.READ, "silences", confined=True)
def get(request: Request, response: Response, silence_id: SilenceId) -> SilenceItem:
    """Return one silence, also one that is over."""
    store = within(request)
    silence = store.silence(silence_id)
    response.headers["ETag"] = _tag(silence)
    return SilenceItem.model_validate(_fields(silence, store.store.now()))


@router.patch(
    "/{silence_id}",
    summary="Move the end of a silence",
    responses={**responses(400, 404, 409, 412, 413), 200: _TAGGED},
    openapi_extra=described_as(Length),
)
@needs(Permission.RESPOND, "silences", confined=True)
def extend(
    request: Request,
    response: Response,
    silence_id: SilenceId,
    body: Body,
    who: Acting,
    if_match: IfMatch = None,
) -> SilenceItem:
    """Extend a silence by matchers, or shorten it; `duration_minutes` counts from now.

    Returns:
        The silence.

    Raises:
        NotFound: there is none
        Conflict: it is over, or the silence of a rule
        Problem: 422 for an end in the past or too far ahead; 412 for another version
    """
    asked = read_as(Length, body)
    store = within(request)
    now = store.store.now()
    before = store.silence(silence_id)
    until = asked.end(
        before.starts_at if asked.until else now, now, recurring=bool(before.recurrence)
    )
    changed = store.matcher_silences.extend(
        silence_id, until, actor=who.name,
        scope=store.scope, check=lambda silence: check_match(if_match, _tag(silence)),
    )  # fmt: skip
    response.headers["ETag"] = _tag(changed)
    return SilenceItem.model_validate(_fields(changed, now))


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
        "matchers": silence.matchers or [f'rule="{silence.rule}"'],
        "state": _state(silence, now),
        "muting_until": muting_until(silence, now),
        "created_by": silence.actor,
    }


def _state(silence: Silence, now: datetime) -> str:
    if silence.ended_at is not None:
        return "ended"
    return str(state_of(silence.starts_at, silence.until, None, now))


def _tag(silence: Silence) -> str:
    ended = "-ended" if silence.ended_at else ""
    return f'"{silence.id}-{silence.version}{ended}"'
