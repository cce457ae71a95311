"""Providers over HTTP, as audit-log alerting has them; their secrets stay in Prefect's blocks.

A provider is a channel's block and a receiver of its id, so that event policies which name it in
`providers` notify it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.paging import PageLimit, page_of
from sentinel.api.prefect_here import prefect_here
from sentinel.api.problems import responses
from sentinel.api.provider_bodies import (
    ID_PATTERN,
    ProviderChange,
    ProviderItem,
    ProviderList,
    ProviderNew,
    checked_config,
    id_of,
)
from sentinel.api.receivers import everywhere
from sentinel.api.shown_rules import store_of
from sentinel.audit.change import channel_change
from sentinel.errors import Conflict, NotFound, SentinelError
from sentinel.prefect_client.blocks import ChannelBlocks
from sentinel.prefect_client.channel_types import slug_of
from sentinel.prefect_client.providers import MASK, Provider, Providers, masked
from sentinel.settings import Settings
from sentinel.store.notifications.removed_channels import forget_channel

__all__ = ["router"]

_log = logging.getLogger(__name__)
router = APIRouter(prefix="/providers", tags=["providers"], route_class=OnceRoute)

ProviderId = Annotated[str, Path(pattern=ID_PATTERN, max_length=100, examples=["slack-001"])]

_BLOCK_TYPES = {
    "slack": "slack-incoming-webhook", "webhook": "sentinel-webhook", "email": "sentinel-email",
}  # fmt: skip
"""Slug of the block type that sends for a provider of a type that is not of `blocks/vendors`."""


@router.post(
    "",
    summary="Create a provider",
    status_code=201,
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(ProviderNew),
    dependencies=[Once],
)
@needs(Permission.EDIT, "receivers")
def create(request: Request, response: Response, body: Body, who: Acting) -> ProviderItem:
    """Create a provider: Prefect blocks with its secrets, and a receiver of its id.

    If Prefect is down or refuses it, nothing is kept.

    Returns:
        The provider, without its secrets.

    Raises:
        Conflict: there is a provider or a receiver of this id
    """
    asked = read_as(ProviderNew, body)
    everywhere(who, Permission.EDIT)
    config = checked_config(asked.provider_type, asked.config)
    own = asked.id or id_of(asked.name)
    provider = Provider(id=own, name=asked.name, provider_type=asked.provider_type, config=config)
    store = store_of(request)
    with _providers(request) as kept:
        if kept.find(own) is not None or own in store.receivers.all():
            raise Conflict(f"there is a provider or a receiver {own!r}", hint="Give it another id.")
        provider = _saved(request, provider, who.name, new=True)
        try:
            kept.keep(provider)
            if provider.channel:
                store.receivers.set(own, [provider.channel], actor=who.name)
        except BaseException:
            _undo(request, provider, who.name)
            raise
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{own}"
    return _shown(request, provider)


@router.get("", summary="List providers", responses=responses(403))
@needs(Permission.EDIT, "receivers")
def list_providers(
    request: Request,
    who: Acting,
    limit: PageLimit = None,
    cursor: Annotated[
        str | None,
        Query(max_length=100, pattern=ID_PATTERN, description="next_cursor of the previous page."),
    ] = None,
) -> ProviderList:
    """List providers by id, without their secrets."""
    everywhere(who, Permission.EDIT)
    with _providers(request) as kept:
        page, last = page_of(kept.all(), lambda one: one.id, limit, cursor)
    return ProviderList(
        items=[_shown(request, one) for one in page],
        next_cursor=None if last is None else last.id,
    )


@router.get("/{provider_id}", summary="One provider", responses=responses(403, 404))
@needs(Permission.EDIT, "receivers")
def read(request: Request, provider_id: ProviderId, who: Acting) -> ProviderItem:
    """Return one provider, without its secrets."""
    everywhere(who, Permission.EDIT)
    with _providers(request) as kept:
        return _shown(request, _there(kept, provider_id))


@router.put(
    "/{provider_id}",
    summary="Change a provider (PUT)",
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(ProviderChange),
)
@router.patch(
    "/{provider_id}",
    summary="Change a provider",
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(ProviderChange),
)
@needs(Permission.EDIT, "receivers")
def change(request: Request, provider_id: ProviderId, body: Body, who: Acting) -> ProviderItem:
    """Change the fields that the body gives. A secret that is sent as ******** stays as it is.

    Returns:
        The provider, without its secrets.
    """
    asked = read_as(ProviderChange, body)
    everywhere(who, Permission.EDIT)
    with _providers(request) as kept:
        before = _there(kept, provider_id)
        given = {name: one for name, one in (asked.config or {}).items() if one != MASK}
        config = checked_config(before.provider_type, {**before.config, **given})
        after = Provider(
            id=before.id, name=asked.name or before.name, provider_type=before.provider_type,
            config=config, channel=before.channel,
        )  # fmt: skip
        if config != before.config or not before.channel:
            after = _saved(request, after, who.name, new=not before.channel)
        kept.keep(after)
        if not before.channel:
            store_of(request).receivers.set(after.id, [after.channel], actor=who.name)
    return _shown(request, after)


@router.delete(
    "/{provider_id}",
    summary="Delete a provider",
    status_code=204,
    responses=responses(403, 404, 409),
)
@needs(Permission.EDIT, "receivers")
def delete(request: Request, provider_id: ProviderId, who: Acting) -> None:
    """Delete a provider with its blocks and its receiver.

    Raises:
        Conflict: another receiver uses its channel
    """
    everywhere(who, Permission.EDIT)
    with _providers(request) as kept:
        provider = _there(kept, provider_id)
        others = [name for name in _users(request, provider) if name != provider.id]
        if others:
            raise Conflict(
                f"{provider.channel} is a channel of {', '.join(others)}",
                hint="Give those receivers other channels first.",
            )
        _forget(request, provider, who.name)


def _saved(request: Request, provider: Provider, actor: str, *, new: bool) -> Provider:
    """Save the block that sends."""
    kind = provider.provider_type
    ref = f"{_BLOCK_TYPES.get(kind) or slug_of(kind)}/{provider.id}"
    changes = [channel_change("channel.saved", ref, made=new)]
    with prefect_here(request), store_of(request).audit.outside(changes, actor=actor):
        saved = _block(provider, replace=not new)
    return Provider(
        id=provider.id, name=provider.name, provider_type=provider.provider_type,
        config=provider.config, channel=saved,
    )  # fmt: skip


def _block(provider: Provider, *, replace: bool) -> str:
    from blocks import channel_blocks  # the import of Prefect takes seconds

    config, name = provider.config, provider.id
    match provider.provider_type:
        case "slack":
            made = channel_blocks.slack(name, url=config["webhook_url"], replace=replace)
        case "webhook":
            made = channel_blocks.webhook(
                name, url=config["url"], secret=config["secret"], replace=replace
            )
        case "email":
            made = channel_blocks.email(
                name, host=config["smtp_host"], to=list(config["to"]),
                sender=config["from_email"], port=config.get("smtp_port"),
                security=config.get("smtp_security", "starttls"),
                username=config.get("username", ""), password=config.get("password", ""),
                replace=replace,
            )  # fmt: skip
        case "pagerduty":
            given = {"routing_key": config["api_key"], "urgency": config.get("urgency", "high")}
            made = channel_blocks.vendor("pagerduty", name, given=given, replace=replace)
        case kind:
            made = channel_blocks.vendor(kind, name, given=config, replace=replace)
    return made.ref


def _forget(request: Request, provider: Provider, actor: str) -> None:
    store, settings = store_of(request), cast("Settings", request.app.state.settings)
    if provider.id in store.receivers.all():
        store.receivers.remove(provider.id, actor=actor)
    if provider.channel:
        changes = [channel_change("channel.removed", provider.channel)]
        with (
            ChannelBlocks.of(settings) as blocks,
            suppress(NotFound),
            store.audit.outside(changes, actor=actor),
        ):
            blocks.remove(blocks.find(provider.channel))
        forget_channel(store, provider.channel, actor=actor)
    with _providers(request) as kept:
        kept.drop(provider.id)


def _undo(request: Request, provider: Provider, actor: str) -> None:
    """Take a provider back that could not be made whole; the first error is what is answered."""
    try:
        _forget(request, provider, actor)
    except SentinelError as error:
        _log.warning(
            "the provider %s was not made, and its block may be left: %s; remove it with "
            "DELETE /api/v1/alerts/providers/%s", provider.id, error.message, provider.id,
        )  # fmt: skip


def _providers(request: Request) -> Providers:
    return Providers.of(cast("Settings", request.app.state.settings))


def _there(kept: Providers, provider_id: str) -> Provider:
    found = kept.find(provider_id)
    if found is None:
        raise NotFound(f"there is no provider {provider_id!r}", hint="GET …/providers lists all.")
    return found


def _users(request: Request, provider: Provider) -> list[str]:
    receivers = store_of(request).receivers.all()
    return sorted(name for name, refs in receivers.items() if provider.channel in refs)


def _shown(request: Request, provider: Provider) -> ProviderItem:
    notes: list[str] = []
    if not provider.channel:
        notes.append("kept before anything sent to it: change its api_key, and it gets a channel")
    if provider.config.get("service_id"):
        notes.append("service_id has no effect: an integration key is of one service")
    if provider.provider_type == "slack" and provider.config.keys() & {"channel", "username"}:
        notes.append("an incoming webhook decides its channel and name itself, in Slack")
    kind: Any = provider.provider_type
    return ProviderItem(
        id=provider.id, name=provider.name, provider_type=kind,
        config=masked(provider.config), channel=provider.channel,
        receivers=_users(request, provider) if provider.channel else [], notes=notes,
    )  # fmt: skip
