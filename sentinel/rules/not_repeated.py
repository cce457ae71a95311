"""What a rule does with an alert that nobody reports any more. Pure.

Alertmanager and Grafana repeat what fires. They say nothing of an alert that is over while it is
silenced, inhibited or muted there, or where `send_resolved` is false, so that its last repeat is
the last that is ever heard of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel.duration import Duration

__all__ = ["REPEAT_INTERVAL", "NotRepeated"]

REPEAT_INTERVAL = timedelta(hours=4)
"""The default `repeat_interval` of Alertmanager and of Grafana."""


class NotRepeated(BaseModel):
    """What to do with an alert that was not reported again for too long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Duration = Field(
        default=REPEAT_INTERVAL * 5 / 4,
        description="After so long without a report: more than the sender's repeat interval.",
    )
    then: Literal["resolve", "keep"] = Field(
        default="resolve",
        description="resolve: it closes as 'not repeated', also where it is critical. keep: it "
        "stays open, and its timeline says so.",
    )

    @classmethod
    def of(
        cls, repeat_interval: timedelta, then: Literal["resolve", "keep"] = "resolve"
    ) -> NotRepeated:
        """Return the terms for a sender that repeats every `repeat_interval`: a quarter longer."""
        return cls(after=repeat_interval * 5 / 4, then=then)
