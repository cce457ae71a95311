"""An escalation policy as people write it: steps, whom each pages, and after how long. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from sentinel.duration import Duration
from sentinel.severity import Severity, severity_of
from sentinel.timing.active_hours import ActiveHours

__all__ = ["KINDS", "EscalationPolicy", "EscalationStep", "Target"]

KINDS = ("schedule", "team", "person", "receiver")
"""What a step may page."""
_LONGEST = timedelta(days=7)


class Target(BaseModel):
    """Whom a step pages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["schedule", "team", "person", "receiver"]
    name: str = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def _targets(given: object) -> object:
    """Read `schedule:primary`, or a list of such."""
    listed: object = [given] if isinstance(given, str) else given
    if not isinstance(listed, list):
        return given
    return [_target(one) for one in cast("list[object]", listed)]


def _target(given: object) -> object:
    if not isinstance(given, str):
        return given
    kind, colon, name = (part.strip() for part in given.partition(":"))
    if not colon or kind not in KINDS or not name:
        raise ValueError(
            f"{given!r} names nobody to page: write schedule:NAME, team:NAME, person:NAME or "
            "receiver:NAME"
        )
    return {"kind": kind, "name": name}


def _severity(word: str) -> str:
    severity_of(word)
    return word


class EscalationStep(BaseModel):
    """Whom to page, and how long after the step before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Duration = Field(
        default=timedelta(0),
        description="Length of time after the step before, or after the first page: 5m.",
    )
    notify: Annotated[list[Target], BeforeValidator(_targets)] = Field(
        min_length=1,
        max_length=50,
        description="schedule:NAME, team:NAME, person:NAME or receiver:NAME, or a list of them.",
    )
    severity: Annotated[str, AfterValidator(_severity)] | None = Field(
        default=None, description="Only where the group is at least as severe."
    )
    hours: ActiveHours | None = Field(
        default=None, description="Only where the step falls into these hours."
    )
    acknowledge: Literal["one", "all"] = Field(
        default="one",
        description="one: the first person to acknowledge ends it; all: every person must.",
    )

    @property
    def least(self) -> Severity | None:
        """Return the least severity for which the step counts; None for any."""
        return None if self.severity is None else severity_of(self.severity)


class EscalationPolicy(BaseModel):
    """Steps that page one after another until somebody acknowledges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = Field(default="", max_length=1000)
    steps: list[EscalationStep] = Field(min_length=1, max_length=50)
    repeat: int = Field(
        default=0, ge=0, le=100, description="How often all steps begin again after the last."
    )
    repeat_after: Duration = Field(
        default=timedelta(minutes=30), description="From the last step to the first one again."
    )
    acknowledgement_timeout: Duration | None = Field(
        default=None,
        description="After which an acknowledged group pages its owner again and goes on; left "
        "out, never. A comment begins it anew.",
    )

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if any(one.after > _LONGEST for one in self.steps) or self.repeat_after > _LONGEST:
            raise ValueError("after: more than 7 days")
        if self.repeat and self.repeat_after < timedelta(minutes=1):
            raise ValueError("repeat_after: less than a minute would page without an end")
        return self

    @classmethod
    def of_rule(cls, given: Mapping[str, Any]) -> EscalationPolicy:
        """Return the policy that a rule's `escalation_rules` mean.

        Args:
            given: `delay_minutes` (between two levels), `max_level`, `channels` (names of
                receivers) and `on_call_schedule` (name of a schedule); each may be missing

        Returns:
            A policy of `max_level` equal steps, the first after `delay_minutes`.

        Raises:
            ValueError: it names neither channels nor a schedule, or a number cannot be
        """
        names = [f"receiver:{name}" for name in given.get("channels") or ()]
        if schedule := given.get("on_call_schedule"):
            names.insert(0, f"schedule:{schedule}")
        if not names:
            raise ValueError("escalation_rules: name channels or an on_call_schedule to page")
        delay = timedelta(minutes=float(given.get("delay_minutes") or 0))
        levels = int(given.get("max_level") or 1)
        return cls.model_validate({"steps": [{"after": delay, "notify": names}] * levels})
