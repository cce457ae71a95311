"""The bodies that routes take and give; an alert itself is `sentinel.alerts.view.AlertView`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sentinel.alerts.view import AlertView, TimelineView

__all__ = [
    "ActionRequest",
    "ActionTaken",
    "AlertDetail",
    "AlertItem",
    "AlertList",
    "ComponentHealth",
    "Health",
    "InboxItem",
    "InboxList",
    "Links",
    "Remediation",
    "RuleItem",
    "RuleList",
    "StatisticsView",
    "SystemStats",
]

MOST_MINUTES = 60 * 24 * 366
ActionName = Literal[
    "acknowledge",
    "unacknowledge",
    "resolve",
    "reopen",
    "suppress",
    "unsuppress",
    "assign",
    "comment",
    "escalate",
]


def _clean(given: str) -> str:
    if "\x00" in given:  # which PostgreSQL cannot keep
        raise ValueError("must not hold a NUL character")
    return given.strip()


Words = Annotated[str, AfterValidator(_clean)]


class ActionRequest(BaseModel):
    """What a person does to an alert."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "acknowledge", "note": "looking into it"},
                {"action": "suppress", "duration_minutes": 60, "reason": "planned migration"},
                {"action": "assign", "assignee": "maria"},
            ]
        },
    )

    action: ActionName = Field(description="What to do.")
    note: Words = Field("", max_length=4000, description="A comment, kept in the timeline.")
    duration_minutes: float | None = Field(
        None, gt=0, le=MOST_MINUTES, description="For suppress: for how long, in minutes."
    )
    reason: Words = Field("", max_length=4000, description="For suppress: why nobody is told.")
    assignee: Annotated[str, AfterValidator(_clean)] | None = Field(
        None, max_length=100, description="For assign: whose it is; empty makes it nobody's."
    )
    expected_version: int | None = Field(
        None, ge=1, description="Refuse (409) if the alert has moved on from this version."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action == "suppress" and self.duration_minutes is None:
            raise ValueError("suppress needs duration_minutes, for example 60")
        if self.action == "assign" and self.assignee is None:
            raise ValueError("assign needs assignee; an empty one makes it nobody's")
        if self.action == "comment" and not self.note:
            raise ValueError("comment needs note: the words to keep")
        return self


class Links(BaseModel):
    """Where people look at it."""

    dashboard: str
    flow_run: str | None = Field(description="The run in the Prefect UI that raised it.")


class AlertItem(AlertView):
    """An alert and where to look at it."""

    links: Links


class Remediation(BaseModel):
    """The run of the Prefect deployment that the rule names to put things right."""

    deployment: str = Field(description="Which one, as flow/deployment.")
    status: str = Field(
        description="wanted, started, ended, or dropped: it was not started, `error` says why."
    )
    state: str = Field(description="The type of its run's state as Prefect has it, empty before.")
    state_name: str
    error: str
    flow_run_id: str | None
    flow_run_name: str
    flow_run: str | None = Field(description="Its run in the Prefect UI.")
    wanted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class AlertDetail(AlertItem):
    """An alert with all that happened to it, oldest first."""

    timeline: list[TimelineView]
    remedy: Remediation | None = Field(description="What was run to put it right, if anything.")


class AlertList(BaseModel):
    """Some alerts, and where the next ones begin."""

    items: list[AlertItem]
    next_cursor: str | None = Field(description="Give it as cursor; null at the end.")


class ActionTaken(BaseModel):
    """What came of an action; `reason` is `unchanged` where there was nothing to change."""

    reason: str = Field(description="A code.", examples=["resolved_manually"])
    reason_text: str = Field(description="`reason` in words.", examples=["resolved by a person"])
    offer: str | None = Field(
        default=None, description="What else may help, where a resolved alert still holds."
    )
    alert: AlertItem


class InboxItem(BaseModel):
    """A message in the inbox."""

    id: str
    group_id: str
    at: datetime
    status: str
    rank: int
    title: str
    body: dict[str, Any]
    read_at: datetime | None


class InboxList(BaseModel):
    """Some messages, newest first."""

    items: list[InboxItem]
    unread: int
    next_cursor: str | None


class RuleItem(BaseModel):
    """A rule and what its last evaluation left behind."""

    tenant: str
    name: str
    trigger: str
    category: str
    rank: int
    source: str
    enabled: bool
    switched_by: str
    switched_at: datetime | None
    switch_reason: str
    outcome: str = Field(description="Of the last evaluation: firing, ok or error.")
    evaluated_at: datetime | None
    error: str
    live_alerts: int
    spec: dict[str, Any] = Field(description="The rule as it was written.")


class RuleList(BaseModel):
    """All rules, by name."""

    items: list[RuleItem]


class SystemStats(BaseModel):
    """What Sentinel did; `rule_evaluations` counts since each rule was first seen."""

    alerts_generated: int
    alerts_resolved: int
    notifications_sent: int
    notification_failures: int
    rule_evaluations: int


class StatisticsView(BaseModel):
    """Figures of the last `hours`; each of the three totals stops at 10,001."""

    hours: float
    total_active_alerts: int
    critical_alerts: int
    unacknowledged_alerts: int
    system_stats: SystemStats


class ComponentHealth(BaseModel):
    """One part, and what is wrong with it."""

    status: Literal["ok", "down", "unknown"]
    message: str = ""


class Health(BaseModel):
    """Whether Sentinel can do its work; `down` where a part it cannot do without is."""

    status: Literal["ok", "degraded", "down"]
    components: dict[str, ComponentHealth]
