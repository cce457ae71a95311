"""Receivers over HTTP: named sets of channels that rules notify."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.paging import NEXT, PageLimit, page_of
from sentinel.api.problems import Problem, responses
from sentinel.api.schemas import LIMIT_SOURCE
from sentinel.api.shown_rules import store_of
from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.notifications.message_limit import LimitSource
from sentinel.prefect_client.blocks import ChannelBlocks
from sentinel.settings import Settings
from sentinel.store.notifications.announced_receivers import announced_receivers
from sentinel.store.notifications.message_limits import message_limits

__all__ = ["ReceiverName", "everywhere", "router"]

router = APIRouter(prefix="/receivers", tags=["receivers"])

_NAME = "^[a-z0-9][a-z0-9._-]{0,99}$"
_CHANNEL = "^(inbox|[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9_.-]*)$"
ReceiverName = Annotated[
    str, Path(pattern=_NAME, description="Name of the receiver.", examples=["night-shift"])
]


class ReceiverBody(BaseModel):
    """The channels of a receiver."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"channels": ["inbox", "sentinel-email/ops"]}]},
    )

    channels: list[Annotated[str, Field(pattern=_CHANNEL, max_length=200)]] = Field(
        min_length=1, max_length=50, description="Each inbox, or a Prefect block as type/name."
    )
    notify_open: bool = Field(
        default=False, description="Notify new channels of every open alert, too."
    )


class ReceiverItem(BaseModel):
    """A receiver and its channels."""

    name: str
    channels: list[str]
    messages_per_minute: int = Field(
        description="Through each of its channels, at most; 0 for no limit."
    )
    limit_source: LimitSource = Field(description=LIMIT_SOURCE)
    announce_silences: bool = Field(
        description="Whether it is notified of every silence that mutes it, whatever that says."
    )
    source: Literal["file", "ui"] = Field(
        description="file: the document in Git declares it by this name, with the limit and the "
        "templates that it writes there (`sentinel notify apply`); ui: somebody made it elsewhere."
    )
    open_before: int = Field(
        default=0, description="Open alerts that new channels are not notified of, after a change."
    )
    missing: list[str] | None = Field(
        default=None,
        description="After a change, the channels that Prefect has no block of, so that nothing is "
        "sent there; null where Prefect was not asked or does not answer.",
    )


class ReceiverList(BaseModel):
    """A page of receivers, by name."""

    items: list[ReceiverItem]
    next_cursor: str | None = Field(None, description=NEXT)


@router.get("", summary="List receivers", responses=responses(403))
@needs(Permission.READ, "receivers")
def list_receivers(
    request: Request,
    limit: PageLimit = None,
    cursor: Annotated[
        str | None, Query(pattern=_NAME, description="next_cursor of the previous page.")
    ] = None,
) -> ReceiverList:
    """List receivers by name; `default` is notified where a rule names one that there is not."""
    found, limits = store_of(request).receivers.all(), message_limits(store_of(request))
    names, last = page_of(found, str, limit, cursor)
    announced = announced_receivers(store_of(request))
    declared = store_of(request).receivers.declared()
    return ReceiverList(
        items=[
            ReceiverItem(
                name=name, channels=list(found[name]),
                messages_per_minute=limits.of_receiver(name), announce_silences=name in announced,
                source="file" if name in declared else "ui",
                limit_source=limits.source("receiver", name),
            )
            for name in names
        ],
        next_cursor=last,
    )  # fmt: skip


@router.get(
    "/{name}",
    summary="One receiver",
    responses={**responses(403, 404), 200: {"headers": ETAG, "description": "The receiver"}},
)
@needs(Permission.READ, "receivers")
def read(request: Request, response: Response, name: ReceiverName) -> ReceiverItem:
    """Return one receiver."""
    item = _item(request, name)
    response.headers["ETag"] = _tag(item.channels)
    return item


@router.put(
    "/{name}",
    summary="Create or change a receiver",
    responses={
        **responses(400, 403, 412, 413),
        200: {"headers": ETAG, "description": "The receiver"},
    },
    openapi_extra=described_as(ReceiverBody),
)
@needs(Permission.EDIT, "receivers")
def put(
    request: Request,
    response: Response,
    name: ReceiverName,
    body: Body,
    who: Acting,
    if_match: IfMatch = None,
) -> ReceiverItem:
    """Create a receiver, or replace the channels of one.

    A new channel is notified of what opens from now on; `notify_open` notifies it of every open
    alert, too. A channel that Prefect has no block of is accepted, and named in `missing`.

    Returns:
        The receiver.
    """
    asked = read_as(ReceiverBody, body)
    everywhere(who, Permission.EDIT)
    before = store_of(request).receivers.set(
        name, asked.channels, notify_open=asked.notify_open, actor=who.name,
        check=_matches(if_match),
    )  # fmt: skip
    item = _item(request, name, before)
    item.missing = _missing(cast("Settings", request.app.state.settings), item.channels)
    response.headers["ETag"] = _tag(item.channels)
    return item


@router.delete(
    "/{name}",
    summary="Delete a receiver",
    status_code=204,
    responses=responses(403, 404, 409, 412),
)
@needs(Permission.EDIT, "receivers")
def delete(request: Request, name: ReceiverName, who: Acting, if_match: IfMatch = None) -> None:
    """Delete a receiver; rules that name it notify `default` from then on.

    One that the on-call document or the active routes name is not deleted.
    """
    everywhere(who, Permission.EDIT)
    store_of(request).receivers.remove(name, actor=who.name, check=_matches(if_match))


def everywhere(who: Acting, permission: Permission) -> None:
    """Refuse a principal that is confined to tenants or teams: all of them share the object.

    Raises:
        Problem: 403
    """
    if not who.scope(permission).is_everything:
        raise Problem(
            403,
            "forbidden",
            f"{who.name} may {permission} in some tenants only, and all of them share this",
            hint="Ask somebody whose role holds for all tenants.",
        )


def _item(request: Request, name: str, before: int = 0) -> ReceiverItem:
    limits = message_limits(store_of(request))
    return ReceiverItem(
        name=name, channels=_channels(request, name), open_before=before,
        messages_per_minute=limits.of_receiver(name),
        limit_source=limits.source("receiver", name),
        announce_silences=name in announced_receivers(store_of(request)),
        source="file" if name in store_of(request).receivers.declared() else "ui",
    )  # fmt: skip


def _missing(settings: Settings, channels: list[str]) -> list[str] | None:
    try:
        with ChannelBlocks.of(settings) as blocks:
            return blocks.missing(channels)
    except PrefectUnreachable:
        return None


def _channels(request: Request, name: str) -> list[str]:
    found = store_of(request).receivers.all().get(name)
    if found is None:
        raise NotFound(f"there is no receiver {name!r}", hint="GET …/receivers lists all.")
    return list(found)


def _matches(if_match: str | None) -> Callable[[list[str]], None]:
    return lambda channels: check_match(if_match, _tag(channels))


def _tag(channels: list[str]) -> str:
    return f'"{hashlib.sha256(" ".join(channels).encode()).hexdigest()[:32]}"'
