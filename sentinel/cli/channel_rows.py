"""What `sentinel channel list` says of each channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sentinel.cli.output import print_table

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["channel_rows", "print_channels"]


def channel_rows(store: Store, found: Collection[str]) -> list[dict[str, Any]]:
    """Return the rows of the list of channels.

    Args:
        store: the shared database
        found: the references of the blocks that Prefect has

    Returns:
        For each channel its reference, state, receivers, breaker, and the error if it is not
        healthy.
    """
    from sentinel.store.notifications.channel_health import ChannelState, by_name, channel_states

    known = {one.channel: one for one in channel_states(store)}
    unused = [ChannelState(channel=ref, state="healthy") for ref in found if ref not in known]
    return [
        {
            "channel": one.channel,
            "state": one.state if one.channel in {"inbox", *found} else "missing",
            "receivers": one.receivers,
            "breaker": one.breaker,
            "next_try_at": one.next_try_at,
            "error": "" if one.state == "healthy" else one.error,
        }
        for one in sorted([*known.values(), *unused], key=by_name)
    ]


def print_channels(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows of `channel_rows` as a table."""
    print_table(
        ["CHANNEL", "STATE", "BREAKER", "RECEIVERS", "LAST ERROR"],
        [
            (
                row["channel"],
                row["state"],
                row["breaker"],
                ", ".join(row["receivers"]) or "none",
                row["error"],
            )
            for row in rows
        ],
        empty="There are no channels.",
        ranks=[0 if row["state"] == "healthy" else 4 for row in rows],
    )
