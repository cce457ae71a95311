"""One evaluation of one rule: what the store is given, and what it answers."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule

__all__ = ["AlertChange", "Applied", "Evaluation", "Gate"]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a rule saw.

    Attributes:
        slot: the scheduled time it stands for; one not after the last applied is refused
        at: when the check began
        closed_world, default_when, default_category, unit, keeps_readings: what the trigger
            declared
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
    source: RunSource = RunSource()


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a run should call the check at all, and what the rule left for it.

    `reason` is ok, disabled, stale (an evaluation of this slot or a later one is in) or
    collapsed (its slot has passed, and the rule was evaluated within its period).
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


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an evaluation.

    `outcome` is firing, ok, error, disabled, stale or collapsed; the last three wrote nothing.
    `changes` names at most 100; `changed` counts all that were changed in what people see.
    `error` is why the check counts as failed, with outcome error.
    """

    outcome: str
    seen: int = 0
    bad: int = 0
    live: int = 0
    changed: int = 0
    changes: list[AlertChange] = []
    error: str = ""
