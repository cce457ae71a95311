"""When people are notified of a handoff, as schedules and people have it written down. Pure."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sentinel.duration import Duration

__all__ = ["HandoffNotices", "PersonHandoffs"]

_LONGEST = timedelta(days=30)


class HandoffNotices(BaseModel):
    """Whoever comes and whoever goes is notified at each handoff, and ahead of it where said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ahead: list[Duration] = Field(
        default_factory=list[Duration],
        max_length=10,
        description="Lengths of time before a handoff at which it is announced: 1d, 1h.",
    )

    @field_validator("ahead")
    @classmethod
    def _before(cls, given: list[timedelta]) -> list[timedelta]:
        for one in given:
            if not timedelta(0) < one <= _LONGEST:
                raise ValueError(f"must be more than nothing and at most {_LONGEST.days} days")
        return sorted(set(given))


class PersonHandoffs(HandoffNotices):
    """What one person wants to be notified of, in every schedule that they have shifts in."""

    receivers: list[str] = Field(
        default_factory=list[str],
        max_length=20,
        description="Receivers that are notified; left out, those that a page notifies first.",
    )
