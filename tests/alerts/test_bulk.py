"""What undoes an action on many alerts."""

from __future__ import annotations

from datetime import UTC, datetime

from sentinel.alerts.actions import ActionResult, Unacknowledge
from sentinel.alerts.bulk import Step, undo_steps
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def result(alert_id: str, reason: Reason, version: int) -> ActionResult:
    ok = reason not in (Reason.CONFLICT, Reason.REFUSED)
    return ActionResult(alert_id=alert_id, ok=ok, reason=reason, version=version)


def test_what_was_changed_is_undone_and_what_others_acknowledged_before_stays():
    results = [
        result("mine", Reason.ACKNOWLEDGED, 2),
        result("mine too", Reason.ACKNOWLEDGED, 7),
        result("theirs before", Reason.ACKNOWLEDGED_TOO, 5),
        result("as it was", Reason.UNCHANGED, 3),
        result("somebody else's", Reason.CONFLICT, 4),
        result("unknown", Reason.ACKNOWLEDGED, 2),
    ]
    known = ("mine", "mine too", "theirs before", "as it was", "somebody else's")
    before = {one: AlertView.model_construct(id=one) for one in known}
    back = Unacknowledge(actor="ann", comment="undo")
    assert undo_steps("acknowledge", "ann", before, results, NOW) == [
        Step(back, ["mine", "mine too"], {"mine": 2, "mine too": 7})
    ]
    assert undo_steps("comment", "ann", before, results, NOW) == []
