"""The table of remediations: which Prefect run was started for which alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["RemediationRow"]

_STILL_OPEN = text("status IN ('wanted', 'started', 'waits')")


class RemediationRow(SQLModel, table=True):
    """The remediation of one alert. The alert is the key, so that there is never a second one.

    `status` is waits (somebody has to approve it before `expires_at`), wanted (the run is to be
    started), started, ended, or dropped: not started, because of `error`, or because the alert was
    resolved by then. `approval` says who may approve it, as the rule does; `decided_by` approved or
    rejected it. `state` is the run's state type in Prefect, `state_name` the name that its flow
    gave the state, `outcome` what the run said of its end and its artifacts, a line for each.
    """

    __tablename__: ClassVar[Any] = "remedy"

    alert_id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    rule: str = Field(max_length=100)
    deployment: str
    parameters: dict[str, Any] = object_column()
    at_once: int = 5
    per_hour: int | None = None
    approval: dict[str, Any] = object_column(sa_column_kwargs={"server_default": "{}"})
    expires_at: datetime | None = moment_column(default=None, nullable=True)
    decided_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    decided_at: datetime | None = moment_column(default=None, nullable=True)
    status: str = "wanted"
    flow_run_id: str | None = None
    flow_run_name: str = ""
    state: str = ""
    state_name: str = ""
    error: str = long_column(default="")
    outcome: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    wanted_at: datetime = moment_column(nullable=False)
    started_at: datetime | None = moment_column(default=None, nullable=True)
    ended_at: datetime | None = moment_column(default=None, nullable=True)
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        Index(
            "remedy_open",
            "status",
            "wanted_at",
            sqlite_where=_STILL_OPEN,
            postgresql_where=_STILL_OPEN,
        ),
        Index("remedy_by_run", "flow_run_id"),
        Index("remedy_by_start", "started_at"),
    )
