"""Whether channels take messages, as `sentinel doctor` says it."""

from __future__ import annotations

from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.notifications.channel_health import UNUSABLE, ChannelState, channel_states
from sentinel.store.notifications.chat_connections import lost_connections
from sentinel.up.self_watch import SelfWatchState

__all__ = ["channel_check"]


def channel_check(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether the channels of all receivers take messages.

    Args:
        settings: completed by those of the running instance
        store: the shared database

    Returns:
        Wrong where one takes none, or its buttons do nothing; a warning where one was never tried.
    """
    used = channel_states(store)
    unusable, lost = [one for one in used if one.state in UNUSABLE], lost_connections(store)
    if unusable:
        says = "; ".join(f"{one.channel} {_in_words(one)}" for one in unusable)
        hint = "Mend it, and try it: sentinel channel test NAME"
        return SelfWatchState("wrong", says, hint)
    if lost:
        says = "; ".join(f"the buttons of {one} do nothing: {why}" for one, why in lost.items())
        hint = "Mend the channel's block or the app: docs/how-to/notify-slack.md"
        return SelfWatchState("wrong", says, hint)
    untried = [one.channel for one in used if one.state == "untried"]
    if untried:
        says = f"never sent a message, so nobody knows whether they work: {', '.join(untried)}"
        return SelfWatchState("warning", says, "Try each: sentinel channel test NAME")
    return SelfWatchState("ok", f"{len(used)} in use, all of them work")


def _in_words(one: ChannelState) -> str:
    if one.state == "missing":
        users = ", ".join(one.receivers)
        return f"does not exist in Prefect, and receivers name it: {users}"
    does = "refuses messages" if one.state == "refused" else "does not answer"
    return (
        f"{does}, {one.failures} times in a row, its circuit breaker is {one.breaker}: {one.error}"
    )
