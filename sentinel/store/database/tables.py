"""The tables as SQLAlchemy Core sees them, for statements that are not built from models."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from sqlalchemy import Row, Table, text
from sqlmodel import SQLModel

from sentinel import schema

__all__ = [
    "ALERT",
    "ALERT_COLUMNS",
    "AUDIT",
    "AUDIT_HEAD",
    "AUDIT_PERSON",
    "BLOCK",
    "CHANGE",
    "CHANNEL_HEALTH",
    "DELIVERY",
    "EPISODE_END",
    "GROUP",
    "MEMBER",
    "NOTIFICATION_LOG",
    "NOT_MODELS",
    "NOT_RESOLVED",
    "PENDING_CHANGE",
    "REMEDIATION",
    "ROLLUP_STATE",
    "RULE",
    "SEPARATED",
    "SERIES",
    "SILENCE",
    "SUPPRESSION",
    "TIMELINE",
    "TIMELINE_COLUMNS",
    "model_of",
    "table_of",
]

M = TypeVar("M", bound=SQLModel)


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


def model_of(model: type[M], row: Row[Any]) -> M:
    """Return a row of a Core query as an instance of a model.

    Args:
        model: a class of `sentinel.schema`
        row: has a column for every required field; columns that are no field are ignored

    Returns:
        The instance, validated and not attached to a session.

    Raises:
        ValidationError: a required field is missing or has a wrong type (pydantic).
    """
    return model.model_validate(dict(row._mapping))  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name


ALERT = table_of(schema.Alert)
AUDIT = table_of(schema.AuditRow)
AUDIT_HEAD = table_of(schema.AuditHead)
AUDIT_PERSON = table_of(schema.AuditPerson)
CHANGE = table_of(schema.Change)
CHANNEL_HEALTH = table_of(schema.ChannelHealth)
BLOCK = table_of(schema.SampleBlock)
DELIVERY = table_of(schema.Delivery)
EPISODE_END = table_of(schema.EpisodeEnd)
GROUP = table_of(schema.AlertGroup)
MEMBER = table_of(schema.GroupMember)
PENDING_CHANGE = table_of(schema.PendingChange)
REMEDIATION = table_of(schema.RemediationRow)
RULE = table_of(schema.RuleRow)
SILENCE = table_of(schema.Silence)
SUPPRESSION = table_of(schema.Suppression)
ROLLUP_STATE = table_of(schema.RollupState)
NOTIFICATION_LOG = table_of(schema.NotificationLogEntry)
SEPARATED = table_of(schema.SeparatedTenant)
SERIES = table_of(schema.MetricSeries)
TIMELINE = table_of(schema.TimelineEntry)
ALERT_COLUMNS = tuple(column.name for column in ALERT.columns)
TIMELINE_COLUMNS = tuple(column.name for column in TIMELINE.columns)
NOT_RESOLVED = text("status <> 'resolved'")
"""True of a live alert, in the words of the partial indexes over live alerts."""
NOT_MODELS = ("alert_search", "alert_words")
"""Tables and indexes that the migrations make beside the models."""
