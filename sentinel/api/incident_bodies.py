"""The bodies of the routes about incidents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sentinel.alerts.view import AlertView
from sentinel.api.document_bodies import DocumentBody
from sentinel.api.schemas import Whole, Words
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.incidents.policy import Matchers
from sentinel.incidents.post_mortem import ActionItem
from sentinel.incidents.state import Incident, IncidentWord, RoleName, Status, sev_of
from sentinel.schema.incidents import IncidentStep
from sentinel.severity import Severity
from sentinel.store.incidents.opening import MOST_ALERTS
from sentinel.store.incidents.post_mortems import LONGEST, PostMortem
from sentinel.store.incidents.steps import StepAct
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "ActionItemBody", "ActionItemItem", "ActionItemList", "ActionItemPatch", "AlertsBody",
    "AssignBody", "IncidentAlerts", "IncidentBody", "IncidentItem", "IncidentList",
    "IncidentPatch", "IncidentPoliciesBody", "IncidentStatistics", "IncidentTimelineList",
    "PostMortemBody", "PostMortemItem", "PostMortemList", "RootCauseBody", "RunbookSteps",
    "StatusBody", "StepBody", "StepItem", "TimelineItem", "UpdateBody", "action_item",
    "incident_item", "step_item",
]  # fmt: skip

_ID = "^[0-9a-f]{32}$"
_MOST_MINUTES = 60 * 24 * 366
AlertIds = Annotated[list[Annotated[str, Field(pattern=_ID)]], Field(max_length=MOST_ALERTS)]
Name = Annotated[Words, Field(max_length=200)]
Text = Annotated[Words, Field(max_length=20_000)]
Title = Annotated[Words, Field(min_length=1, max_length=300)]
Receivers = Annotated[list[Name], Field(max_length=20)]
Runbook = Annotated[Words, Field(max_length=100_000)]
_EXAMPLE: dict[str, Any] = {
    "title": "Checkout is slow", "severity": "sev2", "service_name": "checkout",
    "description": "Half of the orders take a minute.", "receivers": ["default"],
}  # fmt: skip


def _examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [*examples]})


class IncidentBody(BaseModel):
    """An incident to open."""

    model_config = _examples(_EXAMPLE, {"alerts": ["0198f2c4a7e07cc0b2a1d3f4e5a69788"]})

    title: Annotated[Words, Field(max_length=300)] = Field(
        default="", description="May be left out where there is an alert."
    )
    description: Text = ""
    severity: IncidentWord | None = Field(
        default=None, description="Left out: the worst of its alerts, else medium."
    )
    service_name: Name = Field(default="", description="What is affected.")
    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] = "default"
    team: Name = ""
    alerts: AlertIds = Field(default=[], description="Ids of alerts that it begins with.")
    gather_by: Annotated[list[Name], Field(max_length=10)] = Field(
        default=[], description="Labels of the first alert; alerts with the same values join."
    )
    matchers: Matchers = Field(default=[], description="Alerts that match all of them join.")
    gather_minutes: float = Field(
        default=15, ge=0, le=_MOST_MINUTES, allow_inf_nan=False,
        description="So long after it was resolved it still gathers, and reopens.",
    )  # fmt: skip
    assignee: Name = ""
    roles: dict[RoleName, Name] = Field(default={}, description="People by role.")
    runbook: Runbook = Field(default="", description="Markdown, whose lists are steps.")
    war_room: Annotated[Words, Field(max_length=1000)] = Field(
        default="", description="Address; left out: by SENTINEL_WAR_ROOM_URL. slack:NAME makes a "
        "Slack channel, where the settings or a policy name this app.",
    )  # fmt: skip
    receivers: Receivers = Field(default=[], description="Receivers of its updates.")


class IncidentPatch(BaseModel):
    """Fields of an incident to change; what is left out stays."""

    model_config = _examples({"severity": "sev1", "title": "Checkout is down"})

    title: Title = ""
    description: Text = ""
    severity: IncidentWord = "medium"
    service_name: Name = ""
    team: Name = ""
    matchers: Matchers = []
    gather_minutes: float = Field(default=15, ge=0, le=_MOST_MINUTES, allow_inf_nan=False)
    runbook: Runbook = ""
    war_room: Annotated[Words, Field(max_length=1000)] = ""
    receivers: Receivers = []


class StatusBody(BaseModel):
    """A status to change to."""

    model_config = _examples({"status": "identified", "comment": "The database is full."})

    status: Status
    comment: Text = Field(default="", description="Why; receivers read it.")


class UpdateBody(BaseModel):
    """An update to post."""

    model_config = _examples({"message": "Half of the orders fail.", "receivers": ["default"]})

    message: Annotated[Text, Field(min_length=1, pattern=r"\S")]
    receivers: Receivers | None = Field(
        default=None, description="Null: those of the incident; empty: nobody is notified."
    )
    public: bool = Field(default=False, description="Whether status pages show it.")
    public_title: Title = Field(default="", description="What they call the incident from now on.")


class AssignBody(BaseModel):
    """Who works on an incident, or has a role in it."""

    model_config = _examples({"assignee": "ann"}, {"assignee": "ben", "role": "commander"})

    assignee: Name = Field(description="Their name; empty takes it back.")
    role: RoleName | None = Field(default=None, description="Null: who works on it.")


class RootCauseBody(BaseModel):
    """The root cause."""

    model_config = _examples({"root_cause": "A job filled the disk of the database."})

    root_cause: Text


class AlertsBody(BaseModel):
    """Alerts to add."""

    model_config = _examples({"alerts": ["0198f2c4a7e07cc0b2a1d3f4e5a69788"]})

    alerts: Annotated[AlertIds, Field(min_length=1)]


class StepBody(BaseModel):
    """What to do with a step."""

    model_config = _examples({"act": "run"}, {"act": "done", "comment": "looks fine"})

    act: StepAct = Field(description="run starts its deployment, or asks for an approval.")
    comment: Text = ""


class ActionItemBody(BaseModel):
    """An action item to add."""

    model_config = _examples({"title": "Watch the disk", "owner": "ben", "due": "2026-12-24"})

    title: Title
    owner: Name = ""
    due: date | None = None


class ActionItemPatch(BaseModel):
    """Fields of an action item to change; what is left out stays."""

    model_config = _examples({"done": True})

    title: Title = ""
    owner: Name = ""
    due: date | None = None
    done: bool = False


class PostMortemBody(BaseModel):
    """A post-mortem to save."""

    model_config = _examples({"document": "# Post-mortem: Checkout is slow"})

    document: Annotated[str, Field(min_length=1, max_length=LONGEST)] = Field(
        description="Markdown.", json_schema_extra={"pattern": r"\S"}
    )


class IncidentPoliciesBody(DocumentBody):
    """Incident policies to apply."""

    model_config = _examples({
        "document": "policies:\n- name: checkout\n  match: ['service=\"checkout\"']\n",
        "note": "checkout pages at night",
    })  # fmt: skip

    document: str = Field(max_length=MOST_LETTERS, description="Incident policies as YAML.")


class IncidentItem(BaseModel):
    """An incident."""

    id: str = Field(description="32 hex digits, rising with time.")
    title: str
    description: str
    service_name: str
    tenant: str
    team: str
    status: Status
    severity: str = Field(description="critical, high, medium, low or info.")
    sev: str = Field(description="sev1 for critical to sev4 for low and info.")
    policy: str = Field(description="Name of the policy that opened it; empty: a person did.")
    labels: dict[str, str] = Field(description="Of the policy's group_by.")
    matchers: list[str]
    gather_minutes: float
    assignee: str
    roles: dict[str, str]
    root_cause: str
    runbook: str
    war_room: str
    receivers: list[str]
    opened_at: datetime
    opened_by: str
    acknowledged_at: datetime | None = Field(description="When a person took the incident itself.")
    acknowledged_by: str
    resolved_at: datetime | None
    resolved_by: str
    reopened: int = Field(description="How often.")
    alerts: int = Field(description="How many of its alerts the caller may read.")
    version: int
    updated_at: datetime


class IncidentList(BaseModel):
    """A page of incidents, newest first."""

    items: list[IncidentItem]
    next_cursor: str | None = Field(description="Of the next page; null at the end.")


class IncidentAlerts(BaseModel):
    """A page of the alerts of an incident, oldest first."""

    items: list[AlertView]
    next_cursor: str | None = Field(description="Of the next page; null at the end.")


class TimelineItem(BaseModel):
    """One entry of a timeline."""

    id: str
    at: datetime
    source: Literal["incident", "alert", "notification", "change"]
    kind: str = Field(description="What happened, as a code of its source.")
    actor: str = Field(description="Who did it; empty where no person did.")
    text: str = Field(description="What happened, without who did it.")
    comment: str
    alert_id: str = Field(description="Empty where it is about no alert.")
    flow_run_id: str = Field(description="Of the run in Prefect; empty for none.")


class IncidentTimelineList(BaseModel):
    """The timeline of an incident, oldest first."""

    items: list[TimelineItem]
    truncated: bool = Field(description="Whether there are more entries than are listed.")


class IncidentStatistics(BaseModel):
    """Figures of the incidents that opened in a period; times in seconds."""

    since: datetime
    until: datetime
    opened: int
    open: int = Field(description="Those of them that are not resolved.")
    acknowledged: int
    resolved: int
    by_severity: dict[str, int]
    mtta: float | None = Field(description="Mean time to acknowledge; null: nothing measured.")
    mttr: float | None = Field(description="Mean time to resolve; null: nothing measured.")
    definitions: dict[str, str] = Field(
        description="What the figures mean.",
        examples=[{"MTTA": "Mean time to acknowledge: from when an incident opened to …"}],
    )


class StepItem(BaseModel):
    """A step of a runbook, and its last run."""

    number: int
    title: str
    text: str = Field(description="What else it says, in Markdown.")
    deployment: str = Field(description="What it runs, as flow/deployment; empty for nothing.")
    status: str = Field(
        description="open, done, skipped, waits (for an approval), wanted (the run is to be "
        "started), started, ended, or failed (the run was not started)."
    )
    attempt: int = Field(description="How often it was run.")
    done_by: str
    done_at: datetime | None
    approval: dict[str, Any] = Field(description="Who may approve its run; empty for nobody.")
    expires_at: datetime | None = Field(description="Until then its run waits for an approval.")
    flow_run_id: str | None
    flow_run_name: str
    state: str = Field(description="Prefect's type of the state of its run.")
    state_name: str
    error: str
    outcome: str = Field(description="What its run said of its end, and its artifacts, by line.")
    started_at: datetime | None
    ended_at: datetime | None


class RunbookSteps(BaseModel):
    """The runbook of an incident."""

    runbook: str
    steps: list[StepItem]


class ActionItemItem(BaseModel):
    """An action item."""

    id: str
    title: str
    owner: str
    due: date | None
    done_at: datetime | None
    done_by: str
    created_at: datetime
    created_by: str
    version: int


class ActionItemList(BaseModel):
    """The action items of an incident, oldest first."""

    items: list[ActionItemItem]


class PostMortemItem(BaseModel):
    """A post-mortem."""

    document: str = Field(description="Markdown.")
    version: Whole = Field(description="0: generated now, nobody saved one.")
    saved_at: datetime | None
    saved_by: str


class PostMortemList(BaseModel):
    """Versions of a post-mortem that were saved, newest first."""

    items: list[PostMortemItem]


def incident_item(one: Incident, alerts: int) -> IncidentItem:
    """Return an incident as the API shows it."""
    return IncidentItem(
        id=one.id, title=one.title, description=one.description, service_name=one.service,
        tenant=one.tenant, team=one.team, status=one.status,
        severity=Severity(one.severity).word, sev=sev_of(one.severity), policy=one.policy,
        labels=one.labels, matchers=one.matchers, assignee=one.assignee, roles=one.roles,
        gather_minutes=one.gather_for.total_seconds() / 60, root_cause=one.root_cause,
        runbook=one.runbook, war_room=one.war_room, receivers=one.receivers,
        opened_at=one.opened_at, opened_by=one.opened_by, acknowledged_at=one.acknowledged_at,
        acknowledged_by=one.acknowledged_by, resolved_at=one.resolved_at,
        resolved_by=one.resolved_by, reopened=one.reopened, alerts=alerts, version=one.version,
        updated_at=one.updated_at,
    )  # fmt: skip


def step_item(one: IncidentStep) -> StepItem:
    """Return a step as the API shows it."""
    return StepItem.model_validate(one, from_attributes=True)


def action_item(one: ActionItem) -> ActionItemItem:
    """Return an action item as the API shows it."""
    return ActionItemItem.model_validate(one, from_attributes=True)


def post_mortem_item(one: PostMortem) -> PostMortemItem:
    """Return a post-mortem as the API shows it."""
    return PostMortemItem.model_validate(one, from_attributes=True)
