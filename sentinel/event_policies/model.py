"""An event policy as people write it: the JSON of audit-log alerting, and what it lacked.

`{"name", "rules": [{"field", "operator", "value", "case_sensitive"}], "match_all", "severity",
"message_template", "summary_template", "throttle_minutes", "max_alerts_per_hour", "providers"}`
is taken as it stands. Beside a condition, `rules` may hold `{"all": […]}`, `{"any": […]}` and
`{"not": …}`, nested.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic import model_validator as after_all

from sentinel.duration import Duration
from sentinel.event_policies.clause import (
    OPERATORS,
    AllOf,
    AnyOf,
    Clause,
    Condition,
    NotOf,
    Operator,
    walk,
)
from sentinel.event_policies.window import Change, PercentageMatch, Sequence, Window
from sentinel.rules.rule import RuleName, Word
from sentinel.severity import Severity, severity_of
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit

__all__ = ["OPERATORS", "AllOf", "AnyOf", "Clause", "Condition", "EventPolicy", "NotOf", "Operator"]

MAX_DEPTH = 20
MAX_CLAUSES = 10_000
_LONGEST_NAME = 200


def _as_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


class EventPolicy(BaseModel):
    """Which events become an alert, its texts, and how often it may notify."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, description="Its identity.")
    description: str = ""
    enabled: bool = True
    tenant: RuleName = Field(default="default", description="Whose events it matches.")
    source: Literal["event", "log"] = Field(
        default="event", description="Whether it matches events that are sent, or log lines."
    )
    rules: list[Clause] = Field(
        min_length=1, description="Conditions, or all, any and not of some."
    )
    match_all: bool = Field(default=True, description="Whether all rules must hold, or one.")
    severity: Word = "medium"
    message_template: str = Field(default="", description="A text with {fields} of the event.")
    summary_template: str = Field(default="", description="The alert's title, with {fields}.")
    by: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default_factory=list[str],
        max_length=10,
        description="Fields whose values make an alert of their own: one user's throttle never "
        "hides another's.",
    )
    suppress: list[Clause] = Field(
        default_factory=list[Any], description="Events that match one of these are let pass."
    )
    active_hours: ActiveHours | None = Field(
        default=None, description="Matches only then, by the event's own time."
    )
    throttle_minutes: float = Field(default=0, ge=0, le=525_600)
    max_alerts_per_hour: int | None = Field(default=None, ge=1, le=10_000)
    resolve_after: Duration | None = Field(
        default=None,
        description="Its alerts close by themselves this long after the last event; left out, as "
        "the deployment's rule says, else after an hour.",
    )
    providers: list[str] = Field(default_factory=list[str], max_length=20)
    window: Window | None = Field(
        default=None, description="How often, or in which order, within a time; left out, each one."
    )

    @field_validator("by")
    @classmethod
    def _named(cls, by: list[str]) -> list[str]:
        for field in by:
            if not 0 < len(field) <= _LONGEST_NAME:
                raise ValueError(f"{field!r:.40} is no name of a field")
        return by

    @after_all(mode="after")
    def _bounded(self) -> Self:
        for count, (_, depth) in enumerate(walk(self._clauses), start=1):
            if depth > MAX_DEPTH:
                raise ValueError(f"rules: they are nested more than {MAX_DEPTH} deep")
            if count > MAX_CLAUSES:
                raise ValueError(f"rules: there are more than {MAX_CLAUSES:,} conditions in them")
        if self.resolve_after is not None and self.resolve_after < timedelta(seconds=1):
            raise ValueError("resolve_after: must be 1s or more")
        if isinstance(self.window, Change) and not self.by:
            raise ValueError("window: change needs `by`, whose value it is that changes")
        return self

    @property
    def _clauses(self) -> list[Clause]:
        match self.window:
            case PercentageMatch(of=more) | Sequence(then=more):
                return [*self.rules, *self.suppress, *more]
            case _:
                return [*self.rules, *self.suppress]

    @property
    def rank(self) -> Severity:
        """Return the severity that the given word means."""
        return severity_of(self.severity)

    @property
    def limit(self) -> Limit:
        """Return how often it may notify."""
        return Limit(
            throttle=timedelta(minutes=self.throttle_minutes), per_hour=self.max_alerts_per_hour
        )

    @property
    def whole(self) -> Clause:
        """What `rules` ask for, as one clause."""
        return AllOf(all=self.rules) if self.match_all else AnyOf(any=self.rules)

    @property
    def tree(self) -> Clause:
        """Return which events it matches, as one clause, suppression included.

        Of a sequence, those that are one of its steps.
        """
        whole = self.whole
        if isinstance(self.window, Sequence):
            whole = AnyOf(any=[whole, *self.window.then])
        if not self.suppress:
            return whole
        passed: Clause = NotOf.model_validate({"not": AnyOf(any=self.suppress)})
        return AllOf(all=[whole, passed])
