"""The health of notification channels over HTTP."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.paging import PageLimit, page_of
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL, ChannelItem, ChannelList
from sentinel.notifications.channel import INBOX
from sentinel.store import Store
from sentinel.store.notifications.channel_health import channel_states
from sentinel.store.notifications.message_limits import message_limits

__all__ = ["router"]

router = APIRouter(prefix="/channels", tags=["channels"])


@router.get("", summary="List channels", responses=responses())
@needs(Permission.READ, "channels")
def list_channels(
    request: Request,
    limit: PageLimit = None,
    cursor: Annotated[
        str | None,
        Query(max_length=300, pattern=NO_NUL, description="next_cursor of the previous page."),
    ] = None,
) -> ChannelList:
    """List the channels of all receivers with their health, the inbox first."""
    store = cast("Store", request.app.state.store)
    limits = message_limits(store)
    after = None if cursor is None else _place(cursor)
    page, last = page_of(channel_states(store), lambda one: _place(one.channel), limit, after)
    return ChannelList(
        items=[
            ChannelItem(
                **msgspec.structs.asdict(one),
                messages_per_minute=limits.of_channel(one.channel),
                limit_source=limits.source("channel", one.channel),
            )
            for one in page
        ],
        next_cursor=None if last is None else last.channel,
    )


def _place(channel: str) -> tuple[bool, str]:
    return channel != INBOX, channel
