"""The tables of alerts: each alert, its timeline, and what is suppressed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["LIVE", "Alert", "Suppression", "TimelineEntry"]

LIVE = ("pending", "open", "acknowledged")
"""Stored statuses of an alert that is not over."""


class Alert(SQLModel, table=True):
    """An alert, live or resolved.

    `status` is pending, open, acknowledged or resolved. `sentinel.alerts.view.shown_status` derives
    the status that people see from it, `suppressed_until` and `escalation_level`.
    """

    __tablename__: ClassVar[Any] = "alert"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    fingerprint: str = Field(max_length=32)
    status: str
    severity: int
    severity_word: str
    category: str = ""
    title: str = long_column(default="")
    description: str = long_column(default="")
    searched: str = long_column(default="", sa_column_kwargs={"server_default": ""})
    value: float | None = None
    unit: str = ""
    labels: dict[str, str] = object_column()
    annotations: dict[str, str] = object_column()
    details: dict[str, Any] = object_column()
    team: str = ""
    assignee: str = ""
    source: str = Field(default="rule", description="rule, or check for a check that fails.")
    started_at: datetime | None = moment_column(default=None, nullable=True)
    good_since: datetime | None = moment_column(default=None, nullable=True)
    first_bad_at: datetime = moment_column(nullable=False)
    last_bad_at: datetime = moment_column(nullable=False)
    seen_at: datetime = moment_column(nullable=False)
    opened_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_by: str = ""
    acknowledge_comment: str = long_column(default="")
    acknowledged_severity: int = 0
    resolved_at: datetime | None = moment_column(default=None, nullable=True)
    resolution: str = ""
    resolved_by: str = ""
    expires_at: datetime | None = moment_column(default=None, nullable=True)
    suppressed_until: datetime | None = moment_column(default=None, nullable=True)
    suppress_reason: str = ""
    escalation_level: int = 0
    noise_reason: str = long_column(default="", sa_column_kwargs={"server_default": ""})
    bad_count: int = 1
    occurrences: int = 1
    flow_run_id: str | None = None
    flow_run_name: str | None = None
    flow_run_state: str | None = None
    deployment_id: str | None = None
    version: int = 1
    created_at: datetime = moment_column(nullable=False)
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        # One live alert per situation: the database itself refuses a double.
        Index(
            "alert_one_live",
            "fingerprint",
            unique=True,
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index(
            "alert_live",
            "severity",
            "opened_at",
            "id",
            # The other columns that counts of live alerts read, so that the index alone answers.
            "status",
            "suppressed_until",
            "escalation_level",
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index(
            "alert_live_by_rule",
            "tenant",
            "rule",
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index("alert_by_time", "opened_at", "id"),
        Index("alert_by_rule", "rule", "opened_at", "id"),
        Index("alert_by_severity", "severity", "opened_at", "id"),
        Index(
            "alert_resolved",
            "tenant",
            "rule",
            "resolved_at",
            sqlite_where=text("status = 'resolved'"),
            postgresql_where=text("status = 'resolved'"),
        ),
        Index(
            "alert_resolved_print",
            "fingerprint",
            "resolved_at",
            sqlite_where=text("status = 'resolved'"),
            postgresql_where=text("status = 'resolved'"),
        ),
        Index(
            "alert_ended",
            "resolved_at",
            "opened_at",
            sqlite_where=text("resolved_at IS NOT NULL"),
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
        Index(
            "alert_expiry",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND status <> 'resolved'"),
            postgresql_where=text("expires_at IS NOT NULL AND status <> 'resolved'"),
        ),
        Index(
            "alert_noise",
            "opened_at",
            "rule",
            sqlite_where=text("noise_reason <> ''"),
            postgresql_where=text("noise_reason <> ''"),
        ),
        Index("alert_by_run", "flow_run_id"),
        Index(
            "alert_run_open",
            "flow_run_id",
            sqlite_where=text("flow_run_id IS NOT NULL AND flow_run_state IS NULL"),
            postgresql_where=text("flow_run_id IS NOT NULL AND flow_run_state IS NULL"),
        ),
    )


class TimelineEntry(SQLModel, table=True):
    """One change of one alert: what, when, by whom and why. Rows are added and never changed."""

    __tablename__: ClassVar[Any] = "timeline"

    id: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(max_length=32)
    at: datetime = moment_column(nullable=False)
    kind: str
    reason: str = ""
    actor: str = ""
    comment: str = long_column(default="")
    status: str
    severity: int
    value: float | None = None
    flow_run_id: str | None = None
    version: int

    __table_args__ = (
        Index("timeline_by_alert", "alert_id", "id"),
        Index("timeline_by_time", "at"),
        Index(
            "timeline_by_people",
            "at",
            "id",
            sqlite_where=text("actor <> ''"),
            postgresql_where=text("actor <> ''"),
        ),
    )


class Suppression(SQLModel, table=True):
    """A fingerprint that sends no notifications until `until`, across resolves and refires."""

    __tablename__: ClassVar[Any] = "suppression"

    fingerprint: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    until: datetime = moment_column(nullable=False)
    reason: str = long_column(default="")
    actor: str = ""
    created_at: datetime = moment_column(nullable=False)
