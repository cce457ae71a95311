"""The tables as SQLAlchemy Core sees them, for the paths that write in bulk."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table

from sentinel import models

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


def _table(model: type[models.SQLModel]) -> Table:
    return cast("Table", model.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - SQLModel sets it on table models


ALERT = _table(models.Alert)
CHANGE = _table(models.Change)
BLOCK = _table(models.SampleBlock)
GROUP = _table(models.AlertGroup)
MEMBER = _table(models.GroupMember)
REMEDY = _table(models.RemedyRow)
RULE = _table(models.RuleRow)
SUPPRESSION = _table(models.Suppression)
TALLY_STATE = _table(models.TallyState)
TELLING = _table(models.Telling)
SERIES = _table(models.MetricSeries)
TIMELINE = _table(models.TimelineEntry)
ALERT_COLUMNS = tuple(column.name for column in ALERT.columns)
TIMELINE_COLUMNS = tuple(column.name for column in TIMELINE.columns)
