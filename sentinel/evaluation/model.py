"""One evaluation of one rule: what the store is given, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule

__all__ = ["AlertChange", "Applied", "Evaluation", "Finding", "Gate"]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a rule saw.

    Attributes:
        slot: the scheduled time that it stands for and by which it is judged; the moment itself
            for what has no schedule. One that is not after the last applied is refused.
        at: when the check began
        closed_world, default_when, default_category, unit, keeps_readings: what the trigger
            declared
        partial: whether it says nothing of series that it does not name, such as a message of
            another system; only the alerts of those that it names are then read
        seconds: how long the check took; None where nobody measured it
        pack: the rule whose deployment holds this one among many; empty for one of its own
    """

    rule: Rule
    trigger: str
    slot: datetime
    at: datetime
    observation: Observation
    closed_world: bool = False
    default_when: When | None = None
    default_category: str = "general"
    unit: str = ""
    keeps_readings: bool = True
    partial: bool = False
    seconds: float | None = None
    source: RunSource = RunSource()
    pack: str = ""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a run should call the check at all, and what the rule left for it.

    `reason` is ok, disabled, stale (an evaluation of this slot or a later one is in) or
    collapsed (it is later than its period, and the newest slot that was due is evaluated).
    """

    go: bool
    reason: str
    state: dict[str, object] = {}
    last_seen: datetime | None = None


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that this evaluation changed."""

    alert_id: str
    title: str
    severity: str
    reason: str
    status: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A reading that the rule judged bad.

    Attributes:
        title: as an alert of it would have
        severity: the word that the rule or the check gave it
        value: of the reading, in the rule's unit; None where it has none
        labels: of the reading
    """

    title: str
    severity: str
    value: float | None
    labels: Mapping[str, str]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an evaluation.

    Attributes:
        outcome: firing, ok, error, disabled, stale or collapsed; the last three wrote nothing
        seen: readings
        bad: series that the rule judged bad
        live: alerts of the rule that are open or acknowledged; of a partial evaluation, those of
            the series that it names
        changed: alerts that changed in what people see
        late: readings that were ignored, since they are about an earlier episode
        changes: what changed about the first 100 of them
        worst: the finding of the highest severity; None where nothing was bad
        error: with outcome error, why the check counts as failed
    """

    outcome: str
    seen: int = 0
    bad: int = 0
    live: int = 0
    changed: int = 0
    late: int = 0
    changes: list[AlertChange] = []
    worst: Finding | None = None
    error: str = ""
