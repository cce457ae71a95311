"""How many messages a minute receivers and channels get, and by which templates, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import ReceiverName, everywhere
from sentinel.api.schemas import NO_NUL, PerMinute, Words
from sentinel.api.shown_rules import store_of
from sentinel.errors import NotFound
from sentinel.notifications.message_template import MessageTemplate
from sentinel.store import Store
from sentinel.store.notifications.message_limits import (
    message_limits,
    set_message_limit,
)
from sentinel.store.notifications.message_templates import (
    declared_templates,
    message_templates,
    set_message_template,
)

__all__ = ["channels", "router"]

router = APIRouter(prefix="/receivers/{name}", tags=["receivers"])
channels = APIRouter(prefix="/channels", tags=["channels"])

Ref = Annotated[Words, Field(min_length=1, max_length=200)]


class LimitBody(BaseModel):
    """Messages a minute."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"per_minute": 10}]})

    per_minute: PerMinute | None = Field(
        description="0 for no limit; null for that of SENTINEL_MESSAGES_PER_MINUTE.",
    )


class ChannelLimitBody(LimitBody):
    """Messages a minute of one channel, for all receivers together."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"channel": "sentinel-twilio-sms/ops", "per_minute": 5}]},
    )

    channel: Ref = Field(description="inbox, or a Prefect block as type/name.")


class LimitItem(BaseModel):
    """Messages a minute that hold now."""

    name: str = Field(description="Of the receiver, or reference of the channel.")
    messages_per_minute: int = Field(description="0 for no limit.")
    own: bool = Field(description="Whether it is its own, and not that of all.")


class TemplateBody(BaseModel):
    """A template of messages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"title": "{group_severity}: {title}", "channel": ""}]},
    )

    channel: Annotated[Words, Field(max_length=200)] = Field(
        "", description="One of the receiver's channels; empty for all without one of their own."
    )
    title: Annotated[Words, Field(max_length=2_000)] = ""
    text: Annotated[str, Field(max_length=20_000, pattern=NO_NUL)] = ""


class TemplateItem(BaseModel):
    """A template; an empty title or text is the built-in one."""

    channel: str = Field(description="Empty for all channels without one of their own.")
    title: str
    text: str
    source: Literal["file", "ui"] = Field(
        description="What set it last: file for the document in Git (`sentinel notify apply`), ui "
        "for somebody elsewhere."
    )


class TemplateList(BaseModel):
    """The templates of a receiver, by channel."""

    items: list[TemplateItem]


@router.put(
    "/limit",
    summary="Limit the messages of a receiver",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(LimitBody),
)
@needs(Permission.EDIT, "receivers")
def limit_receiver(request: Request, name: ReceiverName, body: Body, who: Acting) -> LimitItem:
    """Limit how many messages a minute the receiver is sent through each of its channels.

    What is held back follows in one summary.

    Returns:
        The limit that holds now.

    Raises:
        NotFound: there is no such receiver
    """
    asked = read_as(LimitBody, body)
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    _known(store, name)
    return _limited(store, "receiver", name, asked.per_minute, who.name)


@channels.put(
    "/limits",
    summary="Limit the messages of a channel",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(ChannelLimitBody),
)
@needs(Permission.EDIT, "receivers")
def limit_channel(request: Request, body: Body, who: Acting) -> LimitItem:
    """Limit how many messages a minute the channel is sent for all receivers together.

    Returns:
        The limit that holds now.

    Raises:
        NotFound: no receiver has the channel
    """
    asked = read_as(ChannelLimitBody, body)
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    if asked.channel not in {ref for refs in store.receivers.all().values() for ref in refs}:
        raise NotFound(f"no receiver has the channel {asked.channel!r}")
    return _limited(store, "channel", asked.channel, asked.per_minute, who.name)


@router.get("/templates", summary="Templates of a receiver", responses=responses(403, 404))
@needs(Permission.READ, "receivers")
def list_templates(request: Request, name: ReceiverName) -> TemplateList:
    """List the templates of a receiver's messages."""
    store = store_of(request)
    _known(store, name)
    return _templates(store, name)


@router.put(
    "/templates",
    summary="Set a template of a receiver",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(TemplateBody),
)
@needs(Permission.EDIT, "receivers")
def set_template(request: Request, name: ReceiverName, body: Body, who: Acting) -> TemplateList:
    """Set the template of a receiver's messages, for one of its channels or for all others.

    Returns:
        The templates of the receiver.

    Raises:
        NotFound: there is no such receiver
        ConfigurationError: the template cannot be used, or the receiver has no such channel
    """
    asked = read_as(TemplateBody, body)
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    template = MessageTemplate(title=asked.title, text=asked.text)
    set_message_template(store, name, asked.channel, template, actor=who.name)
    return _templates(store, name)


@router.delete(
    "/templates", summary="Remove a template of a receiver", responses=responses(403, 404)
)
@needs(Permission.EDIT, "receivers")
def remove_template(
    request: Request,
    name: ReceiverName,
    who: Acting,
    channel: Annotated[
        str,
        Query(max_length=200, pattern=NO_NUL, description="Empty for that of all other channels."),
    ] = "",
) -> TemplateList:
    """Remove a template; the built-in texts are sent from then on.

    Returns:
        The templates that are left.

    Raises:
        NotFound: there is no such receiver
    """
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    set_message_template(store, name, channel, None, actor=who.name)
    return _templates(store, name)


def _known(store: Store, receiver: str) -> None:
    if receiver not in store.receivers.all():
        raise NotFound(f"there is no receiver {receiver!r}", hint="GET …/receivers lists all.")


def _limited(
    store: Store, kind: Literal["receiver", "channel"], name: str, per_minute: int | None,
    actor: str,
) -> LimitItem:  # fmt: skip
    set_message_limit(store, kind, name, per_minute, actor=actor)
    limits = message_limits(store)
    return LimitItem(
        name=name, own=per_minute is not None,
        messages_per_minute=limits.usual if per_minute is None else per_minute,
    )  # fmt: skip


def _templates(store: Store, receiver: str) -> TemplateList:
    found, declared = message_templates(store, receiver), declared_templates(store, receiver)
    return TemplateList(
        items=[
            TemplateItem(
                channel=channel, title=found[channel].title, text=found[channel].text,
                source="file" if channel in declared else "ui",
            )
            for channel in sorted(found)
        ]
    )  # fmt: skip
