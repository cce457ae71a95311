"""The tables as SQLAlchemy Core sees them, for statements that are not built from models."""

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
    "table_of",
]


def table_of(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy Core table of a SQLModel class that is declared with `table=True`.

    Args:
        model: a class of `sentinel.schema`

    Returns:
        The table, as in `SQLModel.metadata`.

    Raises:
        AttributeError: `model` was declared without a table.
    """
    return cast("Table", model.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - SQLModel sets it on table models


ALERT = table_of(schema.Alert)
CHANGE = table_of(schema.Change)
BLOCK = table_of(schema.SampleBlock)
GROUP = table_of(schema.AlertGroup)
MEMBER = table_of(schema.GroupMember)
REMEDIATION = table_of(schema.RemediationRow)
RULE = table_of(schema.RuleRow)
SUPPRESSION = table_of(schema.Suppression)
ROLLUP_STATE = table_of(schema.RollupState)
NOTIFICATION_LOG = table_of(schema.NotificationLogEntry)
SERIES = table_of(schema.MetricSeries)
TIMELINE = table_of(schema.TimelineEntry)
ALERT_COLUMNS = tuple(column.name for column in ALERT.columns)
TIMELINE_COLUMNS = tuple(column.name for column in TIMELINE.columns)
