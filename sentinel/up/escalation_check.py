"""Whether escalations go on, as `sentinel doctor` says it."""

from __future__ import annotations

from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.escalations.watching import stuck, unmanned
from sentinel.up.self_watch import SelfWatchState

__all__ = ["escalation_state"]


def escalation_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether an escalation is stuck, or has found nobody on call.

    Args:
        settings: completed by those of the running instance
        store: the shared database

    Returns:
        Wrong where one does not go on; a warning where a step paged nobody.
    """
    found = stuck(store, store.now())
    if found:
        first = min((one.since for one in found if one.since is not None), default=None)
        since = "" if first is None else f", the longest since {first:%Y-%m-%d %H:%M} UTC"
        return SelfWatchState(
            "wrong",
            f"{len(found)} do not go on{since}",
            "See that a worker or the relay runs: sentinel status, sentinel relay",
        )
    empty = sorted({target for _, target in unmanned(store)})
    if empty:
        return SelfWatchState(
            "warning",
            f"nobody was on call for {', '.join(empty)[:200]}",
            "See the gaps: sentinel oncall gaps",
        )
    return SelfWatchState("ok", "none is stuck")
