"""What `sentinel channel list` says of each channel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sentinel.store import Store
from sentinel.store.notifications.channel_health import ChannelState, by_name, channel_states

__all__ = ["channel_rows"]


def channel_rows(store: Store, found: Collection[str]) -> list[dict[str, Any]]:
    """Return the rows of the list of channels.

    Args:
        store: the shared database
        found: the references of the blocks that Prefect has

    Returns:
        For each channel its reference, state, receivers, and the error where it is not healthy.
    """
    known = {one.channel: one for one in channel_states(store)}
    unused = [ChannelState(channel=ref, state="healthy") for ref in found if ref not in known]
    return [
        {
            "channel": one.channel,
            "state": one.state if one.channel in {"inbox", *found} else "missing",
            "receivers": one.receivers,
            "error": "" if one.state == "healthy" else one.error,
        }
        for one in sorted([*known.values(), *unused], key=by_name)
    ]
