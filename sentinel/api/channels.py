"""The health of notification channels over HTTP."""

from __future__ import annotations

from typing import cast

import msgspec
from fastapi import APIRouter, Request

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import ChannelItem, ChannelList
from sentinel.store import Store
from sentinel.store.notifications.channel_health import channel_states
from sentinel.store.notifications.message_limits import message_limits

__all__ = ["router"]

router = APIRouter(prefix="/channels", tags=["channels"])


@router.get("", summary="List channels", responses=responses())
@needs(Permission.READ, "channels")
def list_channels(request: Request) -> ChannelList:
    """List the channels of all receivers with their health, the inbox first."""
    store = cast("Store", request.app.state.store)
    limits = message_limits(store)
    return ChannelList(
        items=[
            ChannelItem(
                **msgspec.structs.asdict(one), messages_per_minute=limits.of_channel(one.channel)
            )
            for one in channel_states(store)
        ]
    )
