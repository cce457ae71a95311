"""The times and limits of a group, as they are stored with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from sentinel.notifications.decision import Policy
from sentinel.notifications.grouping import first_wait
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit
from sentinel.timing.time_intervals import TimeInterval

__all__ = ["policy_from"]


def policy_from(given: Mapping[str, Any], severity: int) -> Policy:
    """Return the times and limits by which decisions on a group are made.

    Args:
        given: as `Membership.policy` has them
        severity: of the group, a `Severity` number

    Returns:
        The policy; the group_wait of a group that has none is that of its severity.
    """
    wait, hours = given.get("group_wait"), given.get("active_hours")
    return Policy(
        group_wait=first_wait(None if wait is None else timedelta(seconds=wait), severity),
        group_interval=timedelta(seconds=given.get("group_interval", 300)),
        repeat_interval=timedelta(seconds=given.get("repeat_interval", 14_400)),
        hours=ActiveHours.model_validate(hours) if hours else None,
        mute_times=_intervals(given.get("mute_times")),
        active_times=_intervals(given.get("active_times")),
        rises_at=given.get("rises_at", 0),
        limit=Limit(
            throttle=timedelta(seconds=given.get("throttle", 0)), per_hour=given.get("per_hour")
        ),
    )


def _intervals(given: Mapping[str, list[dict[str, Any]]] | None) -> tuple[TimeInterval, ...]:
    """Return the time intervals that a group was given by its route, whatever their names."""
    return _validated(msgspec.json.encode(given)) if given else ()


@lru_cache(maxsize=256)
def _validated(encoded: bytes) -> tuple[TimeInterval, ...]:
    given: Mapping[str, list[dict[str, Any]]] = msgspec.json.decode(encoded)
    return tuple(TimeInterval.model_validate(one) for some in given.values() for one in some)
