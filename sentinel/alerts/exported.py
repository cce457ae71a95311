"""An alert as one row of a file, the same on the pages and over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import orjson

from sentinel.alerts.view import AlertView

__all__ = ["ALERT_COLUMNS", "ALERT_MOMENTS", "ALERT_WIDTHS", "alert_cells"]

ALERT_COLUMNS = (
    "id", "status", "severity", "rule", "title", "description", "category", "team", "assignee",
    "value", "unit", "labels", "opened_at", "acknowledged_at", "acknowledged_by",
    "acknowledge_comment", "resolved_at", "resolved_by", "resolution", "resolution_text",
    "occurrences", "flow_run_id", "tenant",
)  # fmt: skip
ALERT_MOMENTS = frozenset(("opened_at", "acknowledged_at", "resolved_at"))
ALERT_WIDTHS = {"title": 48, "description": 40, "labels": 32, "acknowledge_comment": 28}
"""Of columns on a sheet, in characters, where not the default."""
_LABELS = ALERT_COLUMNS.index("labels")
_cells = attrgetter(*ALERT_COLUMNS)


def alert_cells(alert: AlertView) -> Sequence[Any]:
    """Return the cells of an alert, in the order of `ALERT_COLUMNS`; its labels are JSON."""
    cells = list(_cells(alert))
    cells[_LABELS] = orjson.dumps(alert.labels, option=orjson.OPT_SORT_KEYS).decode()
    return cells
