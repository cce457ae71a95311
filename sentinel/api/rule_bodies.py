"""Bodies of requests about rules: a rule's own fields, and the words that other systems have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, create_model

from sentinel.api.schemas import NO_NUL, RuleItem
from sentinel.backtest import MOST_PEAKS
from sentinel.rules.rule import Rule

__all__ = [
    "BacktestBody",
    "RuleBody",
    "RuleDetail",
    "RuleNew",
    "SampleTest",
    "Switch",
    "TestOutcome",
    "given_of",
]

_Text = Annotated[str, Field(max_length=100, json_schema_extra={"pattern": NO_NUL})]
_NAME = "A title, of which its name is made: small letters, digits, -, _ and ."
_CPU: dict[str, Any] = {
    "name": "High CPU Usage",
    "description": "CPU usage exceeds 85% for sustained period",
    "category": "system_health",
    "severity": "warning",
    "threshold_value": 85.0,
    "comparison_operator": ">",
    "evaluation_window_minutes": 5,
    "consecutive_violations": 2,
    "notification_channels": ["email", "slack"],
    "enabled": True,
}
_OWN: dict[str, Any] = {
    "name": "logs-full",
    "trigger": "disk_space",
    "parameters": {"ignore": ["/snap"]},
    "when": {"above": 90, "clear": 85},
    "for": "5m",
    "every": "1m",
    "severity": "high",
    "receivers": ["default"],
}


class EscalationWords(BaseModel):
    """Whom to page, level by level, while nobody acknowledges."""

    model_config = ConfigDict(extra="forbid")

    delay_minutes: float | None = Field(
        None, ge=0, le=10_080, description="Minutes before the first level and between two levels."
    )
    max_level: int | None = Field(None, ge=1, le=50, description="Number of levels; 1 if left out.")
    channels: list[Annotated[_Text, Field(min_length=1)]] | None = Field(
        None, max_length=20, description="Receivers that each level pages."
    )
    on_call_schedule: Annotated[_Text, Field(min_length=1)] | None = Field(
        None, description="Schedule whose people each level pages."
    )


class WordedRule(BaseModel):
    """What other systems call the fields of a rule, and what it checks."""

    model_config = ConfigDict(extra="forbid")

    trigger: _Text | None = Field(None, description="The check; GET …/checks lists them.")
    parameters: dict[_Text, Any] | None = Field(None, description="Parameters of the check.")
    metric: _Text | None = Field(
        None, description="A stored metric, whose average over the window is judged."
    )
    threshold_value: FiniteFloat | None = Field(
        None, description="The value that is compared with."
    )
    comparison_operator: Literal[">", "<", ">=", "<=", "==", "!="] | None = Field(
        None, description="When the value is bad, for example > for above the threshold."
    )
    evaluation_window_minutes: float | None = Field(
        None, ge=0, le=527_040, description="So long it must be bad; of a metric, the window."
    )
    consecutive_violations: int | None = Field(
        None, ge=1, le=1000, description="So many evaluations in a row must be bad."
    )
    condition: str | None = Field(
        None,
        max_length=2000,
        description="An expression over value and labels, or over the names of metrics.",
        json_schema_extra={"pattern": NO_NUL},
    )
    notification_channels: list[_Text] | None = Field(
        None, max_length=20, description="Receivers to notify."
    )
    escalation_rules: EscalationWords | None = Field(
        None,
        description="Whom to page while nobody acknowledges; without channels and schedule, the "
        "rule's receivers.",
    )
    enabled: bool | None = Field(None, description="Whether the rule is switched on.")
    tags: list[_Text] | None = Field(None, max_length=50, description="Tags of the deployment.")
    work_pool: _Text | None = Field(None, description="Where its runs start; by default sentinel.")


if TYPE_CHECKING:

    class _RuleFields(BaseModel):
        """The fields of a rule, each of which may be left out."""

else:
    _RuleFields = create_model(
        "RuleFields",
        **{
            name: (
                field.rebuild_annotation() | None,
                Field(default=None, alias=field.alias, description=field.description),
            )
            for name, field in Rule.model_fields.items()
            if name not in ("name", "escalation_rules")
        },
    )


class RuleBody(WordedRule, _RuleFields):
    """A rule, or the fields of one that change; null is as good as left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"enabled": False, "threshold_value": 90.0}]},
    )

    name: Annotated[str, Field(max_length=200, json_schema_extra={"pattern": NO_NUL})] | None = (
        Field(None, description=_NAME)
    )


class RuleNew(RuleBody):
    """A rule to create."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_CPU, _OWN]})

    name: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues] - here it must be given
        str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": "[A-Za-z0-9]"})
    ] = Field(description=_NAME)


def given_of(body: BaseModel) -> dict[str, Any]:
    """Return the fields that a body gives, by the names and in the form that it gave them."""
    return body.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


class DeploymentOfRule(BaseModel):
    """The Prefect deployment that a rule is."""

    id: str
    name: str
    work_pool: str
    scheduled: bool = Field(description="Whether its schedule is active.")
    url: str = Field(description="Its page in the Prefect UI.")


class RuleDetail(RuleItem):
    """A rule, its deployment and its last evaluation."""

    id: str = Field(description="The name of the rule, for the addresses about it.")
    owner: Literal["file", "ui", "api"] = Field(description="Who may change it.")
    severity: str = Field(description="As it was given, for example warning.")
    parameters: dict[str, Any] | None = Field(
        description="Of the check; null while Prefect does not answer."
    )
    deployment: DeploymentOfRule | None = Field(
        description="Null where Prefect has none, or does not answer."
    )
    given: dict[str, Any] = Field(description="The words that the rule was made of.")
    matched: str = Field("", description="The check that its name was matched to, when it was.")
    notes: list[str] = Field(
        default_factory=list[str],
        description="How the last change was understood, and what of it has no effect.",
    )


class Switch(BaseModel):
    """Why a rule is switched off."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "moved"}]})

    reason: Annotated[str, Field(max_length=500, json_schema_extra={"pattern": NO_NUL})] = ""


class TestSample(BaseModel):
    """One value that the check would have seen."""

    model_config = ConfigDict(extra="forbid")

    value: FiniteFloat
    at: AwareDatetime | None = Field(
        None, description="By default one period after the sample before."
    )
    labels: dict[_Text, _Text] = Field(default_factory=dict[str, str], max_length=64)


class SampleTest(BaseModel):
    """A rule, and values to try it on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"rule": _CPU, "samples": [{"value": 70}, {"value": 91}, {"value": 92}]},
            ]
        },
    )

    rule: RuleNew
    samples: list[TestSample] = Field(min_length=1, max_length=10_000)


class BacktestBody(BaseModel):
    """The time to replay, and changes of the rule to try."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"hours": 24, "changes": {"threshold_value": 90}}]},
    )

    hours: float = Field(24, gt=0, le=24 * 31, description="So many hours up to now are replayed.")
    changes: RuleBody | None = Field(None, description="Fields of the rule to try, not stored.")


class SpellShown(BaseModel):
    """One time that an alert would have been open."""

    opened: datetime
    ended: datetime | None
    reason: str
    reason_text: str


class AlertShown(BaseModel):
    """An alert that would have opened."""

    title: str
    labels: dict[str, str]
    severity: str
    rank: int
    source: str
    rule: str
    spells: list[SpellShown]


class MessageShown(BaseModel):
    """A message that would have been sent."""

    at: datetime
    receiver: str
    channel: str
    reason: str
    reason_text: str
    severity: str
    title: str


class TestOutcome(BaseModel):
    """What a rule would have done."""

    rule: str
    since: datetime
    until: datetime
    evaluations: int
    bad: int = Field(description="How many of them saw something bad.")
    failed: int
    error: str
    series: int
    alerts: list[AlertShown]
    messages: list[MessageShown]
    peaks: list[tuple[datetime, float | None]] = Field(
        max_length=MOST_PEAKS,
        description="When there were evaluations, and the greatest value of each; of many that "
        "follow each other, the greatest. Of events, stretches of time and their matches.",
    )
    of: Literal["readings", "events"] = Field(description="What was replayed.")
    notes: list[str]
