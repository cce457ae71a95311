"""The columns of exported files: of alerts, and of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import orjson

from dashboard.export_files import MOMENT, NUMBER, TEXT, WHOLE, Shape
from sentinel.alerts.reasons import words
from sentinel.alerts.view import AlertView
from sentinel.severity import Severity
from sentinel.store.alerts.audit import Act

__all__ = ["ACTS", "ALERTS"]

_ALERT = {
    "id": TEXT, "status": TEXT, "severity": TEXT, "rule": TEXT, "title": TEXT,
    "description": TEXT, "category": TEXT, "team": TEXT, "assignee": TEXT, "value": NUMBER,
    "unit": TEXT, "labels": TEXT, "opened_at": MOMENT, "acknowledged_at": MOMENT,
    "acknowledged_by": TEXT, "acknowledge_comment": TEXT, "resolved_at": MOMENT,
    "resolved_by": TEXT, "resolution": TEXT, "resolution_text": TEXT,
    "occurrences": WHOLE, "flow_run_id": TEXT, "tenant": TEXT,
}  # fmt: skip
_LABELS = list(_ALERT).index("labels")
_alert_cells = attrgetter(*_ALERT)
_ACT = {
    "at": MOMENT, "actor": TEXT, "kind": TEXT, "reason": TEXT, "reason_text": TEXT, "comment": TEXT,
    "severity": TEXT, "title": TEXT, "rule": TEXT, "alert_id": TEXT, "id": TEXT,
}  # fmt: skip


def _of_alert(alert: AlertView) -> Sequence[Any]:
    cells = list(_alert_cells(alert))
    cells[_LABELS] = orjson.dumps(alert.labels, option=orjson.OPT_SORT_KEYS).decode()
    return cells


def _of_act(act: Act) -> Sequence[Any]:
    return [
        act.at, act.actor, act.kind, act.reason, words(act.reason), act.comment,
        Severity(act.severity).word, act.title, act.rule, act.alert_id, act.id,
    ]  # fmt: skip


ALERTS = Shape(
    name="alerts",
    columns=_ALERT,
    cells=_of_alert,
    widths={"title": 48, "description": 40, "labels": 32, "acknowledge_comment": 28},
)
ACTS = Shape(
    name="audit",
    columns=_ACT,
    cells=_of_act,
    widths={"comment": 48, "title": 48, "actor": 16, "kind": 16},
)
