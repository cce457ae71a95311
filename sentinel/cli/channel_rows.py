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
    from sentinel.store.notifications.channel_health import channel_states

    return [
        {
            "channel": one.channel,
            "state": _state(one.channel, one.state, found),
            "receivers": one.receivers,
            "breaker": one.breaker,
            "next_try_at": one.next_try_at,
            "error": "" if one.state == "healthy" else one.error,
        }
        for one in channel_states(store, found)
    ]


def _state(ref: str, state: str, found: Collection[str]) -> str:
    """Return the state, of which Prefect has just been asked whether the block exists."""
    if ref not in {"inbox", *found}:
        return "missing"
    return "untried" if state == "missing" else state


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
        ranks=[{"healthy": 0, "untried": 1}.get(row["state"], 4) for row in rows],
    )
