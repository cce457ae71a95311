"""The escalation that a rule gives itself, in the words that other systems have for it. Pure."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["EscalationRules"]

_MOST_MINUTES = 7 * 24 * 60
_Name = Annotated[str, Field(min_length=1, max_length=100)]


class EscalationRules(BaseModel):
    """Whom to page, level by level, while nobody acknowledges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_minutes: float = Field(
        default=0,
        ge=0,
        le=_MOST_MINUTES,
        description="Minutes before the first level and between two levels, at most 7 days.",
    )
    max_level: int = Field(default=1, ge=1, le=50, description="Number of levels.")
    channels: list[_Name] = Field(
        default_factory=list[str], max_length=20, description="Receivers that each level pages."
    )
    on_call_schedule: _Name | None = Field(
        default=None, description="Schedule whose people each level pages."
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.channels and self.on_call_schedule is None:
            raise ValueError("escalation_rules: name channels or an on_call_schedule to page")
        return self
