"""The tables of incidents: each with its alerts, entries, runbook steps and documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column
from sentinel.schema.document_version import DocumentVersion

__all__ = [
    "IncidentActionItem",
    "IncidentAlert",
    "IncidentEntry",
    "IncidentPolicyVersion",
    "IncidentRoom",
    "IncidentRow",
    "IncidentStep",
    "PostMortemVersion",
]

_LIVE = text("status <> 'resolved'")
_STILL_OPEN = text("status IN ('wanted', 'started', 'waits')")


class IncidentPolicyVersion(DocumentVersion, table=True):
    """One applied version of the incident policies. Without any, people open all incidents."""

    __tablename__: ClassVar[Any] = "incident_policy_version"


class IncidentRow(SQLModel, table=True):
    """An incident, as `sentinel.incidents.state.Incident` describes it.

    `gather_key` is the same for all alerts that its policy gathers in it, empty where it has none;
    of each key one incident is not resolved. `gathers_until` is NULL while it is not resolved.
    """

    __tablename__: ClassVar[Any] = "incident"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    team: str = Field(default="", max_length=300)
    title: str = long_column()
    description: str = long_column(default="")
    service: str = Field(default="", max_length=300)
    status: str = Field(max_length=20)
    severity: int
    severity_by: str = ""
    policy: str = Field(default="", max_length=100)
    gather_key: str = Field(default="", max_length=32)
    labels: dict[str, str] = object_column()
    matchers: list[str] = array_column()
    gather_seconds: float
    gathers_until: datetime | None = moment_column(default=None, nullable=True)
    assignee: str = ""
    roles: dict[str, str] = object_column()
    root_cause: str = long_column(default="")
    runbook: str = long_column(default="")
    war_room: str = long_column(default="")
    receivers: list[str] = array_column()
    opened_at: datetime = moment_column(nullable=False)
    opened_by: str = ""
    acknowledged_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_by: str = ""
    resolved_at: datetime | None = moment_column(default=None, nullable=True)
    resolved_by: str = ""
    reopened: int = 0
    version: int = 1
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        # The database itself refuses a second one for the same alerts.
        Index(
            "incident_one_live",
            "gather_key",
            unique=True,
            sqlite_where=text("gather_key <> '' AND status <> 'resolved'"),
            postgresql_where=text("gather_key <> '' AND status <> 'resolved'"),
        ),
        Index("incident_live", "status", "id", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("incident_by_time", "opened_at", "id"),
        Index("incident_gathers", "gathers_until"),
    )


class IncidentAlert(SQLModel, table=True):
    """An alert in an incident. One that a person took out is not gathered again."""

    __tablename__: ClassVar[Any] = "incident_alert"

    incident_id: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(primary_key=True, max_length=32)
    added_at: datetime = moment_column(nullable=False)
    added_by: str = ""
    removed_at: datetime | None = moment_column(default=None, nullable=True)
    removed_by: str = ""

    __table_args__ = (Index("incident_alert_by_alert", "alert_id"),)


class IncidentEntry(SQLModel, table=True):
    """What happened to an incident. Rows are added and never changed.

    `data` holds what belongs to the kind, see `sentinel.incidents.timeline.words_of`.
    """

    __tablename__: ClassVar[Any] = "incident_entry"

    id: str = Field(primary_key=True, max_length=32)
    incident_id: str = Field(max_length=32)
    at: datetime = moment_column(nullable=False)
    kind: str = Field(max_length=30)
    actor: str = ""
    comment: str = long_column(default="")
    data: dict[str, Any] = object_column()
    flow_run_id: str | None = None

    __table_args__ = (Index("incident_entry_by_incident", "incident_id", "id"),)


class IncidentStep(SQLModel, table=True):
    """A step of an incident's runbook, and its last run.

    `status` is open, done, skipped, waits (somebody has to approve the run before `expires_at`;
    `approval` says who may, as the policy did when it was asked for), wanted (the run is to be
    started), started, ended, or failed: the run was not started, because of `error`. `state` is
    the run's state type in Prefect, `state_name` the name that its flow gave the state, `outcome`
    what the run said of its end and its artifacts, a line for each.
    """

    __tablename__: ClassVar[Any] = "incident_step"

    incident_id: str = Field(primary_key=True, max_length=32)
    number: int = Field(primary_key=True)
    title: str = long_column()
    text: str = long_column(default="")
    deployment: str = long_column(default="")
    parameters: dict[str, Any] = object_column()
    status: str = Field(default="open", max_length=20)
    attempt: int = 0
    done_by: str = ""
    done_at: datetime | None = moment_column(default=None, nullable=True)
    approval: dict[str, Any] = object_column(sa_column_kwargs={"server_default": "{}"})
    expires_at: datetime | None = moment_column(default=None, nullable=True)
    flow_run_id: str | None = None
    flow_run_name: str = ""
    state: str = ""
    state_name: str = ""
    error: str = long_column(default="")
    outcome: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    wanted_at: datetime | None = moment_column(default=None, nullable=True)
    started_at: datetime | None = moment_column(default=None, nullable=True)
    ended_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index(
            "incident_step_open",
            "status",
            "wanted_at",
            sqlite_where=_STILL_OPEN,
            postgresql_where=_STILL_OPEN,
        ),
    )


class IncidentActionItem(SQLModel, table=True):
    """Something to do so that an incident does not happen again."""

    __tablename__: ClassVar[Any] = "incident_action_item"

    id: str = Field(primary_key=True, max_length=32)
    incident_id: str = Field(max_length=32)
    title: str = long_column()
    owner: str = ""
    due: date | None = None
    done_at: datetime | None = moment_column(default=None, nullable=True)
    done_by: str = ""
    created_at: datetime = moment_column(nullable=False)
    created_by: str = ""
    version: int = 1

    __table_args__ = (Index("incident_action_item_by_incident", "incident_id", "id"),)


class PostMortemVersion(SQLModel, table=True):
    """A version of a post-mortem that a person saved; the highest one is shown."""

    __tablename__: ClassVar[Any] = "post_mortem_version"

    incident_id: str = Field(primary_key=True, max_length=32)
    version: int = Field(primary_key=True)
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str = ""


class IncidentRoom(SQLModel, table=True):
    """The Slack channel of an incident.

    `status` is wanted (it is to be made), open, archived, left (the incident is resolved, and the
    channel stays as it is) or gone (a person archived or deleted it). Nothing is done before
    `next_at`; `failures` counts the attempts that failed one after another, `invited` has the email
    addresses that were asked for, and `topic` is what the channel shows.
    """

    __tablename__: ClassVar[Any] = "incident_room"

    incident_id: str = Field(primary_key=True, max_length=32)
    app: str = Field(max_length=100)
    status: str = Field(default="wanted", max_length=20)
    channel: str = Field(default="", max_length=30)
    address: str = long_column(default="")
    name: str = Field(default="", max_length=80)
    topic: str = long_column(default="")
    invited: list[str] = array_column()
    error: str = long_column(default="")
    failures: int = 0
    next_at: datetime = moment_column(nullable=False)

    __table_args__ = (Index("incident_room_due", "status", "next_at"),)
