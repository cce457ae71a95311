"""Bodies and answers of on-call over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.api.bodies import SentMoment
from sentinel.api.document_bodies import DocumentBody, Note
from sentinel.api.schemas import Words
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.severity import SeverityWord

__all__ = [
    "CoverageList",
    "EscalationTried",
    "EscalationsTried",
    "OnCallBody",
    "OverrideItem",
    "OverrideList",
    "OverrideNew",
    "ShiftList",
    "StandingList",
    "SwapNew",
    "TryEscalation",
]  # fmt: skip

_EXAMPLE = """people:
  ann: {notify: [{receiver: default}]}
schedules:
  primary:
    timezone: Europe/Berlin
    layers: [{rotation: {people: [ann], handoff: 2026-01-05T09:00}}]
"""
Name = Annotated[Words, Field(min_length=1, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OnCallBody(DocumentBody):
    """An on-call document to apply."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": _EXAMPLE, "note": "ann is back"}]}
    )

    document: str = Field(
        max_length=MOST_LETTERS, description="People, teams, schedules and policies as YAML."
    )


class StandingItem(BaseModel):
    """Who is on call by a schedule."""

    schedule: str
    people: list[str] = Field(description="Empty for nobody.")
    until: datetime | None = Field(description="When others are; null where not within 400 days.")
    following: list[str] = Field(description="Who is on call from then on.")
    timezone: str = Field(description="Of the schedule.")


class StandingList(BaseModel):
    """Who is on call at a moment, by schedule."""

    at: datetime
    items: list[StandingItem]


class ShiftItem(BaseModel):
    """A time in which the same people are on call."""

    schedule: str
    start: datetime
    end: datetime
    people: list[str]
    source: str = Field(description="The layer, temporary schedule or override that makes it.")
    timezone: str = Field(description="Of the schedule.")


class ShiftList(BaseModel):
    """Shifts to come, by schedule, then by time."""

    items: list[ShiftItem]


class GapItem(BaseModel):
    """A time in which somebody must be on call and nobody is."""

    start: datetime
    end: datetime


class LoadItem(BaseModel):
    """What falls on one person, in hours."""

    person: str
    hours: float
    night_hours: float = Field(description="Between 22:00 and 07:00 in the schedule's zone.")
    weekend_hours: float
    shifts: int


class CoverageItem(BaseModel):
    """What a schedule lacks, and how evenly it falls on people."""

    schedule: str
    timezone: str
    gaps: list[GapItem]
    loads: list[LoadItem]
    overloaded: list[str] = Field(description="People with more than their share.")


class CoverageList(BaseModel):
    """What each schedule lacks in the days to come."""

    items: list[CoverageItem]


class OverrideNew(_Strict):
    """Somebody instead of who is on call, for a time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schedule": "primary",
                    "people": ["ben"],
                    "start": "2026-12-24T17:00:00Z",
                    "end": "2026-12-25T07:00:00Z",
                    "reason": "ann is ill",
                }
            ]
        }
    )

    schedule: Name
    people: list[Name] = Field(max_length=50, description="Names; an empty list for nobody.")
    start: SentMoment
    end: SentMoment
    replaces: Words = Field("", max_length=100, description="One person; empty for everybody.")
    reason: Note = ""


class SwapNew(_Strict):
    """Two shifts whose people take each other's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schedule": "primary",
                    "first": "2026-12-21T12:00:00Z",
                    "second": "2026-12-28T12:00:00Z",
                }
            ]
        }
    )

    schedule: Name
    first: SentMoment = Field(description="A moment within one shift.")
    second: SentMoment = Field(description="A moment within the other.")
    reason: Note = ""


class OverrideItem(BaseModel):
    """An override, or one side of a swap."""

    id: str
    schedule: str
    start: datetime
    end: datetime
    people: list[str]
    replaces: str
    reason: str
    swap: str = Field(description="The same for both sides of a swap; else empty.")
    made_by: str
    made_at: datetime


class OverrideList(BaseModel):
    """Overrides that hold or are to come, in the order in which they were made."""

    items: list[OverrideItem]


class TryEscalation(_Strict):
    """A page by a policy, or by that of an alert, to see whom it would reach."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"policy": "default", "severity": "high", "at": "2026-12-24T17:00:00Z"},
                {"labels": {"team": "db", "severity": "high"}},
            ],
            "oneOf": [
                {
                    "required": ["policy"],
                    "properties": {"policy": {"type": "string"}, "labels": {"type": "null"}},
                },
                {
                    "required": ["labels"],
                    "properties": {"labels": {"type": "object"}, "policy": {"type": "null"}},
                },
            ],
        }
    )

    policy: Name | None = Field(None, description="Name of the policy; or give `labels`.")
    labels: dict[str, Words] | None = Field(
        None,
        max_length=100,
        description="Of an alert, by which its policies are found; `rule` may name one there is.",
    )
    severity: SeverityWord | None = Field(
        None, description="By default the label `severity`, where it is one, or critical."
    )
    at: SentMoment | None = Field(None, description="Time of the first page; by default now.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.policy is None) is (self.labels is None):
            raise ValueError("give either policy or labels")
        return self


class PageItem(BaseModel):
    """One message of a step."""

    at: datetime
    receiver: str
    person: str = Field(description="Whose receiver it is; empty where the policy names it.")
    why: str
    put_off: bool = Field(description="Whether quiet hours put it off.")


class StepTried(BaseModel):
    """What one step would do."""

    level: int
    due: datetime
    pages: list[PageItem]
    skipped: str = Field(description="Why it pages nobody; empty where it does.")
    missing: list[str] = Field(description="Targets that have nobody on call.")


class EscalationTried(BaseModel):
    """What every step would do if nobody acknowledged."""

    policy: str = Field(description="Empty for that of a rule's own.")
    why: str = Field("", description="Why it is the alert's, where labels were given.")
    first_page: datetime
    steps: list[StepTried]
    cut: bool = Field(description="Whether there are more steps than are shown.")


class EscalationsTried(BaseModel):
    """What the policy of each group would do that an alert joins; none where nobody is paged."""

    items: list[EscalationTried]
