"""A rule: when a reading is bad, with which severity, and who is notified.

`Rule` is the `rule:` parameter of a deployment. The same model checks it when
`prefect deploy` runs (its JSON schema travels with the deployment) and when a run starts.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from sentinel.duration import Duration, format_duration, parse_duration
from sentinel.rules.condition import When
from sentinel.rules.escalation_rules import EscalationRules
from sentinel.rules.m_of_n import Often
from sentinel.rules.no_data import NoData
from sentinel.rules.not_repeated import NotRepeated
from sentinel.rules.remediation import Remediation
from sentinel.severity import Severity, SeverityWord, severity_of
from sentinel.tenant import TENANT_PATTERN
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit

__all__ = ["ErrorHandling", "Rule"]

_NAME = re.compile(TENANT_PATTERN)  # names of rules are of the same language


def _rule_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "must be at most 100 small letters, digits, '-', '_' and '.', with a letter or digit "
            "first and last"
        )
    return name


def _lowered(word: Any) -> Any:
    return word.strip().lower() if isinstance(word, str) else word


RuleName = Annotated[
    str,
    AfterValidator(_rule_name),
    # The pattern lets `prefect deploy` refuse what a run could not read.
    WithJsonSchema({"type": "string", "pattern": rf"^({_NAME.pattern})$"}),
]
Word = Annotated[SeverityWord, BeforeValidator(_lowered)]


def _for_forms(schema: dict[str, Any]) -> None:
    """Show default durations as people write them, and refuse a rule without a name.

    When deploying, Prefect takes `required` out of every schema, though not out of lists; and
    its UI takes `oneOf` and `allOf` for choices to offer. Hence the two `not`. Its UI sorts fields
    by `position`; without one they come as the database keeps them, on PostgreSQL by length.
    """
    schema["not"] = {"anyOf": [{"not": {"required": ["name"]}}]}
    for position, field in enumerate(schema["properties"].values()):
        field["position"] = position
        default = field.get("default")
        if isinstance(default, str) and re.fullmatch(r"P(\d+D)?(T[\dHMS.]+)?", default):
            field["default"] = format_duration(parse_duration(default))


class ErrorHandling(BaseModel):
    """What to do when the check fails: alert about its source, never resolve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: int = Field(
        default=3, ge=1, le=1000, description="Alert after this many failures in a row."
    )
    severity: Word = Field(
        default="medium", description="Severity of the alert that this cannot be checked."
    )


class Rule(BaseModel):
    """When to alert, with which severity, and whom to notify."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, json_schema_extra=_for_forms
    )

    name: RuleName = Field(description="Its identity: unique over all flows.")
    renamed_from: RuleName | None = Field(
        default=None, description="The name it had before; its alerts and history come along."
    )
    description: str = Field(default="", description="What it watches and why it matters.")
    tenant: RuleName = Field(default="default", description="Whose alerts these are.")
    every: Duration | None = Field(
        default=None,
        description="Its period, the same as the schedule's interval, for example 60s.",
    )
    when: When | None = Field(
        default=None,
        description="Which readings are bad; left out, the trigger's own condition holds.",
    )
    severity: Word = Field(default="medium", description="Of a finding, unless levels decide.")
    category: str | None = Field(
        default=None, max_length=100, description="General, market, system, security, or your own."
    )
    for_: Duration = Field(
        default=timedelta(0), alias="for", description="Bad for this long before an alert opens."
    )
    consecutive: int = Field(
        default=1, ge=1, le=1000, description="Bad this many evaluations in a row before it opens."
    )
    often: Often | None = Field(
        default=None, description="Bad in n of the last m evaluations before it opens."
    )
    keep_firing_for: Duration = Field(
        default=timedelta(0),
        description="Keeps firing so long after the first good reading, in case it comes back.",
    )
    resolve_after: Duration | None = Field(
        default=None,
        description="For one-shot findings: closes by itself this long after the last one.",
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Added to every alert; not part of its identity."
    )
    annotations: dict[str, str] = Field(
        default_factory=dict,
        description="Texts with the reading's fields: summary, description, runbook, or your own.",
    )
    receivers: list[str] = Field(
        default_factory=lambda: ["default"],
        min_length=0,
        max_length=20,
        description="Names of the receivers to notify.",
    )
    team: str = Field(default="", max_length=100, description="The team that owns what is watched.")
    owner: str = Field(
        default="", max_length=100, description="Whom to notify when this check itself fails."
    )
    group_by: list[str] = Field(
        default_factory=lambda: ["rule"],
        description="Alerts with equal values of these labels are notified as one.",
    )
    group_wait: Duration | None = Field(
        default=None, description="Wait before the first message: 30s, for critical 5s."
    )
    group_interval: Duration = Field(
        default=timedelta(minutes=5),
        description="Least time between messages about changes in a group.",
    )
    repeat_interval: Duration = Field(
        default=timedelta(hours=4), description="Notify again after this long, unless acknowledged."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=60), description="A check that takes longer counts as failed."
    )
    keep_readings: Duration = Field(
        default=timedelta(days=7),
        description="How long its readings are kept for charts and backtests; 0s keeps none.",
    )
    remediate: Remediation | None = Field(
        default=None, description="A Prefect deployment to run once for each alert that opens."
    )
    escalation_rules: EscalationRules | None = Field(
        default=None,
        description="Whom to page while nobody acknowledges; left out, as its route or team says.",
    )
    active_hours: ActiveHours | None = Field(
        default=None,
        description="When to notify; what still fires at their start is notified then.",
    )
    throttle: Duration = Field(
        default=timedelta(0), description="Least time between any two messages of a group."
    )
    max_messages_per_hour: int | None = Field(
        default=None, ge=1, le=1000, description="Of each group, to each channel."
    )
    max_alerts: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="So many series may have alerts at once; one alert stands for the rest.",
    )
    no_data: NoData | None = Field(
        default=None, description="What to do when the check works and sees nothing."
    )
    not_repeated: NotRepeated | None = Field(
        default=None, description="What to do with an alert that is not reported again."
    )
    errors: ErrorHandling = Field(
        default=ErrorHandling(), description="What to do when the check fails."
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.every is not None and self.every < timedelta(seconds=1):
            raise ValueError(f"every: must be 1s or more, got {format_duration(self.every)}")
        if self.renamed_from == self.name:
            raise ValueError(f"renamed_from: must be another name than {self.name!r}")
        if self.resolve_after is not None and self.resolve_after < timedelta(seconds=1):
            given = format_duration(self.resolve_after)
            raise ValueError(f"resolve_after: must be 1s or more, got {given}")
        if self.not_repeated is not None and self.resolve_after is not None:
            raise ValueError("not_repeated: cannot be used with resolve_after; give one of them")
        if self.not_repeated is not None and self.not_repeated.after < timedelta(seconds=1):
            raise ValueError("not_repeated.after: must be 1s or more")
        if self.often is not None and self.consecutive > 1:
            raise ValueError("often: cannot be used with consecutive; give one of them")
        if self.timeout <= timedelta(0):
            raise ValueError("timeout: must be more than 0s")
        return self

    @property
    def rank(self) -> Severity:
        """Return the severity that the given word means."""
        return severity_of(self.severity)

    @property
    def limit(self) -> Limit:
        """Return how often a channel may be notified."""
        return Limit(throttle=self.throttle, per_hour=self.max_messages_per_hour)

    def dump(self) -> dict[str, Any]:
        """Return the rule as JSON, as a person would have written it: defaults left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
