"""The tables as SQLAlchemy Core sees them, for the paths that write in bulk."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from sentinel import schema

__all__ = [
    "ALERT",
    "ALERT_COLUMNS",
    "BLOCK",
    "CHANGE",
    "GROUP",
    "MEMBER",
    "NOTIFICATION_LOG",
    "REMEDIATION",
    "ROLLUP_STATE",
    "RULE",
    "SERIES",
    "SUPPRESSION",
    "TIMELINE",
    "TIMELINE_COLUMNS",
]


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", model.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - SQLModel sets it on table models


ALERT = _table(schema.Alert)
CHANGE = _table(schema.Change)
BLOCK = _table(schema.SampleBlock)
GROUP = _table(schema.AlertGroup)
MEMBER = _table(schema.GroupMember)
REMEDIATION = _table(schema.RemediationRow)
RULE = _table(schema.RuleRow)
SUPPRESSION = _table(schema.Suppression)
ROLLUP_STATE = _table(schema.RollupState)
NOTIFICATION_LOG = _table(schema.NotificationLogEntry)
SERIES = _table(schema.MetricSeries)
TIMELINE = _table(schema.TimelineEntry)
ALERT_COLUMNS = tuple(column.name for column in ALERT.columns)
TIMELINE_COLUMNS = tuple(column.name for column in TIMELINE.columns)
