"""Request and response bodies; the alert itself is `sentinel.alerts.view.AlertView`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentinel.alerts.actions import ActionName
from sentinel.alerts.view import AlertView, TimelineView
from sentinel.notifications.message_limit import LimitSource
from sentinel.rules.health import RuleHealth
from sentinel.store.notifications.message_limits import MOST_PER_MINUTE

__all__ = [
    "LIMIT_SOURCE",
    "MOST_MINUTES",
    "NO_NUL",
    "WHAT_ACTIONS_NEED",
    "ActionFields",
    "ActionRequest",
    "ActionTaken",
    "AlertDetail",
    "AlertItem",
    "AlertList",
    "ChangeNumber",
    "ComponentHealth",
    "Health",
    "InboxItem",
    "InboxList",
    "Links",
    "PerMinute",
    "Remediation",
    "RuleItem",
    "RuleList",
    "StatisticsView",
    "SystemStats",
    "Version",
    "Whole",
    "Words",
]

MOST_MINUTES = 60 * 24 * 366


def _clean(given: str) -> str:
    if "\x00" in given:  # which PostgreSQL cannot keep
        raise ValueError("must not hold a NUL character")
    return given.strip()


def _integer(given: object) -> object:
    # JSON has one kind of number: 3.0 is the whole number 3, in JSON Schema as well.
    return int(given) if isinstance(given, float) and given.is_integer() else given


NO_NUL = "^[^\\u0000]*$"
Words = Annotated[str, AfterValidator(_clean), Field(json_schema_extra={"pattern": NO_NUL})]


Whole = Annotated[int, BeforeValidator(_integer)]
"""A whole number in a body; JSON has 3.0 for it, too."""
PerMinute = Annotated[int, Field(ge=0, le=MOST_PER_MINUTE), BeforeValidator(_integer)]
"""Messages a minute in a body."""
ChangeNumber = Annotated[int, Field(ge=0, le=2**53), BeforeValidator(_integer)]
"""The number of a change in a body: JSON has no exact ones above the largest."""
Version = Annotated[int, Field(ge=1), BeforeValidator(_integer)]
"""The version of an alert in a body."""


def _needs(action: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON Schema says of fields that one action cannot do without."""
    return {
        "if": {"properties": {"action": {"const": action}}, "required": ["action"]},
        "then": {"properties": fields, "required": list(fields)},
    }


WHAT_ACTIONS_NEED: list[dict[str, Any]] = [
    _needs("suppress", duration_minutes={"type": "number"}),
    _needs("assign", assignee={"type": "string"}),
    _needs("comment", note={"type": "string", "pattern": "\\S"}),
    _needs("mark_noise", note={"type": "string", "pattern": "\\S"}),
]
"""What JSON Schema says of the bodies of actions."""


class ActionFields(BaseModel):
    """What a person does to alerts, and says about it."""

    action: ActionName = Field(description="Name of the action.")
    note: Words = Field("", max_length=4000, description="A comment, kept in the timeline.")
    duration_minutes: float | None = Field(
        None, gt=0, le=MOST_MINUTES, description="For suppress: duration in minutes."
    )
    reason: Words = Field("", max_length=4000, description="For suppress: the reason.")
    assignee: Words | None = Field(
        None, max_length=100, description="For assign: the new assignee; empty unassigns."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action == "suppress" and self.duration_minutes is None:
            raise ValueError("suppress needs duration_minutes, for example 60")
        if self.action == "assign" and self.assignee is None:
            raise ValueError("assign needs assignee; an empty one unassigns")
        if self.action == "comment" and not self.note:
            raise ValueError("comment needs note: the text of the comment")
        if self.action == "mark_noise" and not self.note:
            raise ValueError("mark_noise needs note: why the alert is noise")
        return self


class ActionRequest(ActionFields):
    """An action of a person on an alert."""

    model_config = ConfigDict(
        extra="forbid",
        # A number that is written as a text is no number in the schema either.
        strict=True,
        json_schema_extra={
            "allOf": cast("Any", WHAT_ACTIONS_NEED),
            "examples": [
                {"action": "acknowledge", "note": "looking into it"},
                {"action": "suppress", "duration_minutes": 60, "reason": "planned migration"},
                {"action": "assign", "assignee": "maria"},
            ],
        },
    )

    expected_version: Version | None = Field(
        None, description="Refuse (409) if the alert's version is another one."
    )


class Links(BaseModel):
    """Pages about the alert."""

    dashboard: str
    flow_run: str | None = Field(
        description="The flow run in the Prefect UI that the alert is about, else that raised it."
    )
    evaluation: str | None = Field(description="The flow run in the Prefect UI that raised it.")


class AlertItem(AlertView):
    """An alert and links to its pages."""

    links: Links


class Remediation(BaseModel):
    """The flow run of the Prefect deployment that the rule names as its remediation."""

    deployment: str = Field(description="Name of the deployment, as flow/deployment.")
    status: str = Field(
        description="waits (for an approval), wanted, started, ended, or dropped: not started, "
        "for the reason in `error`."
    )
    state: str = Field(
        description="Prefect's type of the flow run's state; empty before it starts."
    )
    state_name: str
    error: str
    outcome: str = Field(
        description="What the run said of its end, and its artifacts, a line for each."
    )
    flow_run_id: str | None
    flow_run_name: str
    flow_run: str | None = Field(description="The flow run in the Prefect UI.")
    wanted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    approval: dict[str, Any] = Field(
        description="Who may approve it: role, people and expires; empty where it just runs."
    )
    expires_at: datetime | None = Field(description="Until then it waits for an approval.")
    decided_by: str = Field(description="Who approved or rejected it.")
    decided_at: datetime | None


class AlertDetail(AlertItem):
    """An alert with its timeline, oldest first."""

    timeline: list[TimelineView]
    remedy: Remediation | None = Field(description="The remediation of the alert, if there is one.")


class AlertList(BaseModel):
    """A page of alerts."""

    items: list[AlertItem]
    next_cursor: str | None = Field(description="The cursor of the next page; null at the end.")


class ActionTaken(BaseModel):
    """The outcome of an action; `reason` is `unchanged` if there was nothing to change."""

    reason: str = Field(description="Reason code.", examples=["resolved_manually"])
    reason_text: str = Field(description="`reason` in words.", examples=["resolved by a person"])
    offer: str | None = Field(
        default=None,
        description="Offers a suppression if the condition of a resolved alert still holds.",
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
    """A page of messages, newest first."""

    items: list[InboxItem]
    unread: int
    next_cursor: str | None


LIMIT_SOURCE = (
    "What set the limit last: file for the document in Git (`sentinel notify apply`), ui for "
    "somebody elsewhere; default where it is that of all."
)
"""The description of `limit_source`."""


class ChannelItem(BaseModel):
    """A notification channel and its health."""

    channel: str = Field(description="inbox, or a Prefect block as type/name.")
    state: Literal["healthy", "failing", "down", "refused", "untried", "missing"] = Field(
        description="failing: tried again; down: it does not answer, so one message at a time "
        "tries it; refused: it refused the last message for good; untried: it was never sent a "
        "message; missing: Prefect has no such block, as the relay found within the last minutes."
    )
    receivers: list[str] = Field(description="Names of the receivers that use it.")
    failures: int = Field(description="Failures in a row, refusals included.")
    error: str = Field(description="The last failure, also after the channel has recovered.")
    failed_at: datetime | None
    recovered_at: datetime | None
    breaker: Literal["closed", "open", "half-open"] = Field(
        description="The circuit breaker. open: messages wait; half-open: one message is tried, "
        "and the others wait for its outcome."
    )
    opened_at: datetime | None = Field(description="Since when the breaker is not closed.")
    next_try_at: datetime | None = Field(
        description="When the next message may be tried; null where one may be sent now."
    )
    messages_per_minute: int = Field(description="For all receivers together; 0 for no limit.")
    limit_source: LimitSource = Field(description=LIMIT_SOURCE)


class ChannelList(BaseModel):
    """A page of the channels that receivers use, the inbox first."""

    items: list[ChannelItem]
    next_cursor: str | None = Field(None, description="Of the next page; null at the end.")


class RuleItem(BaseModel):
    """A rule and its last evaluation."""

    tenant: str
    name: str
    trigger: str
    pack: str = Field(
        default="", description="The rule of the pack that it is one of; empty for none."
    )
    category: str
    rank: int
    source: str
    enabled: bool
    switched_by: str
    switched_at: datetime | None
    switch_reason: str
    outcome: str = Field(description="Outcome of the last evaluation: firing, ok or error.")
    health: RuleHealth = Field(description="How the rule stands now.")
    health_text: str = Field(description="Why, in words.")
    evaluated_at: datetime | None
    error: str
    live_alerts: int
    spec: dict[str, Any] = Field(description="The rule as it was written.")


class RuleList(BaseModel):
    """Rules by tenant and name: all of them, or a page."""

    items: list[RuleItem]
    next_cursor: str | None = Field(
        default=None,
        description="The cursor of the next page; null at the end, and without a limit.",
    )


class SystemStats(BaseModel):
    """Counts of Sentinel's work; `rule_evaluations` counts since each rule first ran."""

    alerts_generated: int
    alerts_resolved: int
    notifications_sent: int
    notification_failures: int
    rule_evaluations: int


class StatisticsView(BaseModel):
    """Statistics of the last `hours`; each of the three totals stops at 10,001."""

    hours: float
    total_active_alerts: int
    critical_alerts: int
    unacknowledged_alerts: int
    system_stats: SystemStats


class ComponentHealth(BaseModel):
    """The status of one component, and its problem."""

    status: Literal["ok", "down", "unknown"]
    message: str = ""
    since: datetime | None = Field(
        default=None, description="Since when it is down; null where nobody knows."
    )


class Health(BaseModel):
    """The health of Sentinel; `down` if the database or its schema is down."""

    status: Literal["ok", "degraded", "down"]
    components: dict[str, ComponentHealth]
