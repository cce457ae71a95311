"""The tables as SQLAlchemy Core sees them, for the paths that write in bulk."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table

from sentinel.schema import alerts

__all__ = [
    "ALERT",
    "ALERT_COLUMNS",
    "BLOCK",
    "CHANGE",
    "GROUP",
    "MEMBER",
    "REMEDY",
    "RULE",
    "SERIES",
    "SUPPRESSION",
    "TALLY_STATE",
    "TELLING",
    "TIMELINE",
    "TIMELINE_COLUMNS",
]


def _table(model: type[alerts.SQLModel]) -> Table:
    return cast("Table", model.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - SQLModel sets it on table models


ALERT = _table(alerts.Alert)
CHANGE = _table(alerts.Change)
BLOCK = _table(alerts.SampleBlock)
GROUP = _table(alerts.AlertGroup)
MEMBER = _table(alerts.GroupMember)
REMEDY = _table(alerts.RemedyRow)
RULE = _table(alerts.RuleRow)
SUPPRESSION = _table(alerts.Suppression)
TALLY_STATE = _table(alerts.TallyState)
TELLING = _table(alerts.Telling)
SERIES = _table(alerts.MetricSeries)
TIMELINE = _table(alerts.TimelineEntry)
ALERT_COLUMNS = tuple(column.name for column in ALERT.columns)
TIMELINE_COLUMNS = tuple(column.name for column in TIMELINE.columns)
