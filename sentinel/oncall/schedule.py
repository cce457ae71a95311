"""An on-call schedule as people write it: layers, temporary schedules, coverage. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sentinel.oncall.calendar_source import CalendarSource
from sentinel.oncall.handoff_policy import HandoffNotices
from sentinel.oncall.override import Override
from sentinel.oncall.rotation import LocalTime, Rotation
from sentinel.timing.active_hours import ActiveHours, Window

__all__ = ["FixedShift", "Layer", "Override", "Schedule", "TemporarySchedule"]


def _zone(name: str) -> str:
    return ActiveHours(timezone=name).timezone


class Layer(BaseModel):
    """A rotation, and when it counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", max_length=100)
    rotation: Rotation
    within: list[Window] = Field(
        default_factory=list[Window],
        max_length=50,
        description="Weekdays and times at which the layer counts; left out, always.",
    )
    start: LocalTime | None = Field(default=None, description="Local time from which it counts.")
    until: LocalTime | None = Field(default=None, description="Local time up to which it counts.")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start is not None and self.until is not None and self.start >= self.until:
            raise ValueError("until: it must be after start")
        return self


class FixedShift(BaseModel):
    """Named people from one local time to another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: list[str] = Field(min_length=1, max_length=50)
    start: LocalTime
    end: LocalTime

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start >= self.end:
            raise ValueError("end: it must be after start")
        return self


class TemporarySchedule(BaseModel):
    """Fixed shifts that stand in for all layers from one local time to another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: LocalTime
    end: LocalTime
    shifts: list[FixedShift] = Field(max_length=1000)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.start >= self.end:
            raise ValueError("end: it must be after start")
        outside = [one for one in self.shifts if one.start < self.start or one.end > self.end]
        if outside:
            raise ValueError(
                f"shifts: the shift from {outside[0].start:%Y-%m-%dT%H:%M} lies outside the "
                "temporary schedule"
            )
        return self


class Schedule(BaseModel):
    """Who is on call when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="In whose local time, for example Europe/Berlin."
    )
    description: str = Field(default="", max_length=1000)
    layers: list[Layer] = Field(default_factory=list[Layer], max_length=50)
    combine: Literal["topmost", "all"] = Field(
        default="topmost",
        description="topmost: the last layer with somebody on call decides; all: every layer does.",
    )
    temporary: list[TemporarySchedule] = Field(
        default_factory=list[TemporarySchedule],
        max_length=500,
        description="Fixed shifts instead of the layers for a time; the last one of several.",
    )
    coverage: list[Window] = Field(
        default_factory=list[Window],
        max_length=50,
        description="When somebody must be on call; left out, always.",
    )
    calendar: CalendarSource | None = Field(
        default=None, description="A calendar elsewhere whose shifts stand in for the layers."
    )
    handoff_notices: HandoffNotices | None = Field(
        default=None, description="Notify whoever comes and whoever goes; left out, nobody."
    )

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone."""
        return ZoneInfo(self.timezone)

    @property
    def people(self) -> set[str]:
        """Return the names of all people in it."""
        of_layers = {name for one in self.layers for group in one.rotation.people for name in group}
        fixed = (shift for one in self.temporary for shift in one.shifts)
        return of_layers | {name for shift in fixed for name in shift.people}
