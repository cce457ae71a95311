"""Whether the paths that canaries prove deliver, for the page Health and doctor."""

from __future__ import annotations

from sentinel.engine.component import Component
from sentinel.store import Store
from sentinel.store.notifications.canaries import canary_paths

__all__ = ["canary_state"]

_NAME = "canaries"


def canary_state(store: Store) -> Component:
    """Return whether the newest canary of each path arrived in time.

    Args:
        store: the shared database

    Returns:
        Wrong where one did not; a note where none was sent.
    """
    plan, paths = canary_paths(store)
    if plan is None:
        return Component(
            name=_NAME, state="note", says="none was sent",
            hint="Prove the paths: sentinel deploy --pack canary, docs/how-to/prove-the-paths.md",
        )  # fmt: skip
    broken = [one for one in paths if one.broken]
    if broken:
        names = "; ".join(f"{one.receiver} by {one.channel} ({one.state})" for one in broken)
        return Component(
            name=_NAME, state="wrong", says=f"did not arrive in time: {names}",
            hint="See why: sentinel canary status",
            since=min((one.sent_at for one in broken if one.sent_at), default=None),
        )  # fmt: skip
    came = sum(one.state == "delivered" for one in paths)
    return Component(
        name=_NAME, state="ok", says=f"{came} of {len(paths)} paths took the newest, "
        "none has had too little time" if came < len(paths) else f"arrived on all {came} paths",
    )  # fmt: skip
