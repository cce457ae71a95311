"""Bodies and answers of the routes of alerts over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.bodies import SentMoment
from sentinel.api.document_bodies import DocumentBody
from sentinel.api.schemas import Whole, Words
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.store.notifications.route_diff import MOST_ALERTS

__all__ = [
    "DiffBody",
    "DraftBody",
    "RouteDifference",
    "RoutesBody",
    "RoutesChecked",
    "RoutesTried",
    "TryBody",
]  # fmt: skip

_EXAMPLE = """route:
  receiver: default
  routes:
    - matchers: [team="db"]
      receiver: db
"""
Document = Annotated[
    str, Field(max_length=MOST_LETTERS, description="The routes as YAML; empty for none.")
]
Text = Annotated[Words, Field(max_length=4000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RoutesBody(DocumentBody):
    """Routes to apply."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": _EXAMPLE, "note": "the db team has a pager"}]}
    )

    document: Document


class DraftBody(_Strict):
    """Routes to check."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document": _EXAMPLE}]})

    document: Document


class TryBody(_Strict):
    """An alert that opens at some moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"labels": {"team": "db", "severity": "critical"}, "at": "2026-12-24T17:00:00Z"}
            ]
        }
    )

    labels: dict[str, Text] = Field(
        max_length=100, description="Of the alert; `rule` may name one that exists."
    )
    at: SentMoment | None = Field(None, description="When it opens; by default now.")
    messages: Whole = Field(3, ge=1, le=20, description="So many messages are looked for.")
    document: Document | None = Field(None, description="Routes to try; by default those active.")


class DiffBody(_Strict):
    """Routes to compare with those that are active."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document": _EXAMPLE, "days": 30}]})

    document: Document
    days: float = Field(7, gt=0, le=366, description="How far back, by when alerts opened.")
    most: Whole = Field(
        10_000, ge=1, le=MOST_ALERTS, description="So many of the newest alerts are compared."
    )


class RoutesChecked(BaseModel):
    """What a document holds, once its tests passed."""

    routes: int
    tests: int
    missing_receivers: list[str] = Field(description="Receivers to make before it is applied.")
    missing_policies: list[str] = Field(
        description="Escalation policies that the on-call document needs before it is applied."
    )


class LookedItem(BaseModel):
    """A route that was looked at."""

    depth: int
    matchers: str
    matched: bool


class StepItem(BaseModel):
    """A decision about the group."""

    at: datetime
    send: bool
    reason: str
    reason_text: str
    next_at: datetime | None


class WayItem(BaseModel):
    """A group that the alert would join."""

    route: str
    receivers: list[str]
    labels: dict[str, str]
    muted: bool = Field(description="Whether the first message waits for a time of the calendar.")
    steps: list[StepItem]
    escalation: str = Field(
        "", description="Its escalation policy, and where that comes from; empty for none."
    )


class RoutesTried(BaseModel):
    """The way of an alert."""

    looked_at: list[LookedItem]
    ways: list[WayItem]


class MovedItem(BaseModel):
    """Alerts that would go another way."""

    before: list[str]
    after: list[str]
    alerts: int
    examples: list[tuple[str, str]] = Field(description="Ids and titles of some.")


class RouteDifference(BaseModel):
    """What a draft would have done otherwise."""

    alerts: int = Field(description="So many were compared.")
    cut: bool = Field(description="Whether older ones were left out.")
    moved: list[MovedItem]
