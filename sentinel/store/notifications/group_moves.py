"""What one transaction made of a group, for what follows groups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

__all__ = ["GroupMove"]


class GroupMove(msgspec.Struct, frozen=True, kw_only=True):
    """A group before and after a transaction.

    Attributes:
        id: of the group
        tenant: of the group
        before: its status before; `opening` and `reopening` exist only inside the transaction
        status: its status after
        resolution: why it ended; empty while it is live
        was_muted: whether all that fired in it was muted before
        all_muted: whether all that fires in it is muted now
        by_hand: whether a person took an acknowledgement back, or a resolve, and nothing in it is
            new
        joined: whether another alert joined it
        before_severity: of what fired in it before
        severity: of what fires in it now
        policy: its times, limits and escalation policy
        wait: for more alerts, before anybody is notified
    """

    id: str
    tenant: str
    before: str
    status: str
    resolution: str
    was_muted: bool
    all_muted: bool
    by_hand: bool
    joined: bool
    before_severity: int
    severity: int
    policy: Mapping[str, Any]
    wait: timedelta

    @property
    def opens(self) -> bool:
        """Whether it opened, or opened again."""
        return self.before in ("opening", "reopening") and self.status != "resolved"

    @property
    def is_news(self) -> bool:
        """Whether another status or other mutes hold than before, or it is worse."""
        moved = self.before != self.status or self.was_muted != self.all_muted
        return moved or self.joined or self.rose

    @property
    def interval(self) -> timedelta:
        """Return how long after one notification of it the next one comes."""
        return timedelta(seconds=self.policy.get("group_interval", 300))

    @property
    def rose(self) -> bool:
        """Whether it is more severe than before."""
        return self.severity > self.before_severity
