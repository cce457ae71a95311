"""What a trigger may ask for: the clock, its rule's small state, and what it could not see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sentinel.clock import Clock, SystemClock
from sentinel.ports import Prefect

__all__ = ["Context"]


class Context:
    """Handed to a trigger whose first parameter is `ctx: Context`.

    Attributes:
        state: a small JSON object of this rule's own, such as a cursor. What a check leaves
            in it is committed in the same transaction as the alerts, or not at all.
        last_seen: when this rule was last evaluated, or None
        prefect: the Prefect API through a port; None where there is no server
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        state: Mapping[str, Any] | None = None,
        last_seen: datetime | None = None,
        prefect: Prefect | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self.state: dict[str, Any] = dict(state or {})
        self.last_seen = last_seen
        self.prefect = prefect
        self.not_seen: list[Mapping[str, str]] = []

    def now(self) -> datetime:
        """The present moment in UTC."""
        return self._clock.now()

    def unknown(self, labels: Mapping[str, str]) -> None:
        """Say that the series with exactly these labels could not be seen this time.

        It then keeps its state, also where the trigger is closed-world.
        """
        self.not_seen.append({str(k): str(v) for k, v in labels.items()})
