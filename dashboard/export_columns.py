"""The columns of exported files: of alerts, and of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.export_files import MOMENT, NUMBER, TEXT, WHOLE, Shape
from sentinel.alerts.exported import ALERT_COLUMNS, ALERT_MOMENTS, ALERT_WIDTHS, alert_cells
from sentinel.alerts.reasons import words
from sentinel.severity import Severity
from sentinel.store.alerts.audit import Act

__all__ = ["ACTS", "ALERTS"]

_KINDS = {
    "value": NUMBER, "occurrences": WHOLE, **dict.fromkeys(ALERT_MOMENTS, MOMENT),
}  # fmt: skip
"""Of columns of an alert that are no text."""
_ACT = {
    "at": MOMENT, "actor": TEXT, "kind": TEXT, "reason": TEXT, "reason_text": TEXT, "comment": TEXT,
    "severity": TEXT, "title": TEXT, "rule": TEXT, "alert_id": TEXT, "id": TEXT,
}  # fmt: skip


def _of_act(act: Act) -> Sequence[Any]:
    return [
        act.at, act.actor, act.kind, act.reason, words(act.reason), act.comment,
        Severity(act.severity).word, act.title, act.rule, act.alert_id, act.id,
    ]  # fmt: skip


ALERTS = Shape(
    name="alerts",
    columns={name: _KINDS.get(name, TEXT) for name in ALERT_COLUMNS},
    cells=alert_cells,
    widths=ALERT_WIDTHS,
)
ACTS = Shape(
    name="audit",
    columns=_ACT,
    cells=_of_act,
    widths={"comment": 48, "title": 48, "actor": 16, "kind": 16},
)
