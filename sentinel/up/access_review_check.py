"""Whether an access review is due, as `sentinel doctor` says it."""

from __future__ import annotations

from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.reviews import Reviews
from sentinel.up.self_watch import SelfWatchState

__all__ = ["access_review_state"]


def access_review_state(settings: Settings, store: Store) -> SelfWatchState:
    """Return whether the last access review is longer ago than the settings ask.

    Args:
        settings: completed by those of the running instance
        store: the shared database

    Returns:
        A warning where one is overdue.
    """
    due = Reviews(store).due(settings.access_review_every)
    if due is None:
        return SelfWatchState("note", "nobody has a role that could be reviewed")
    if due > store.now():
        return SelfWatchState("ok", f"due on {due:%Y-%m-%d}")
    return SelfWatchState(
        "warning",
        f"overdue since {due:%Y-%m-%d}",
        "See who may do what: sentinel access review. Then: sentinel access certify",
    )
