"""Whether the paths that canaries prove deliver, for the page Health and doctor."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.engine.component import Component
from sentinel.notifications.canary import CanaryPath
from sentinel.notifications.door_canary import DoorPath
from sentinel.store import Store
from sentinel.store.notifications.canaries import canary_paths
from sentinel.store.notifications.door_canaries import door_paths

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
    doors = door_paths(store)
    broken = [one for one in (*paths, *doors) if one.broken]
    if broken:
        names = "; ".join(f"{_named(one)} ({one.state})" for one in broken)
        return Component(
            name=_NAME, state="wrong", says=f"did not arrive in time: {names}",
            hint="See why: sentinel canary status",
            since=min((one.sent_at for one in broken if one.sent_at), default=None),
        )  # fmt: skip
    came = sum(one.state == "delivered" for one in paths)
    says = f"arrived on all {came} paths"
    if came < len(paths):
        says = f"{came} of {len(paths)} paths took the newest, none has had too little time"
    return Component(name=_NAME, state="ok", says=f"{says}; {_said_of(doors)}")


def _named(one: CanaryPath | DoorPath) -> str:
    if isinstance(one, DoorPath):
        return f"the door {one.door}"
    return f"{one.receiver} by {one.channel}"


def _said_of(doors: Sequence[DoorPath]) -> str:
    """Return when a canary last arrived by each door, and how long the newest took."""
    if not doors:
        return "no door is proved, which needs SENTINEL_CANARY_KEY"
    return "by doors: " + ", ".join(
        f"{one.door} {one.state}"
        + (f" after {one.took:.1f} s" if one.took is not None else "")
        + (f" at {one.arrived_at:%Y-%m-%d %H:%M:%S} UTC" if one.arrived_at else "")
        for one in doors
    )
