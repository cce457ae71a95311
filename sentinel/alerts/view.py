"""An alert as the API, the command line and the dashboard show it.

Pure: the status that people see is derived here, from a row and the time. Queries are in
`sentinel.store.alerts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from sentinel.alerts.reasons import words

__all__ = [
    "SHOWN",
    "SHOWN_COLUMNS",
    "AlertView",
    "ShownStatus",
    "TimelineView",
    "alert_fields",
    "entry_fields",
    "shown_status",
]

ShownStatus = Literal["pending", "open", "escalated", "acknowledged", "suppressed", "resolved"]
SHOWN: tuple[str, ...] = get_args(ShownStatus)
"""Every status that people see."""


def shown_status(
    status: str, suppressed_until: datetime | None, escalation_level: int, now: datetime
) -> ShownStatus:
    """Return the one status that people see for an alert.

    Resolved comes before everything else. Suppressed comes before acknowledged, since it explains
    why no notifications are sent; acknowledged before escalated, since a person works on it.

    Args:
        status: as stored
        suppressed_until: end of the suppression of the fingerprint, or None
        escalation_level: above 0 once it was escalated
        now: the present moment

    Returns:
        The shown status.

    Raises:
        ValueError: `status` is no stored status
    """
    match status:
        case "resolved" | "pending":
            return status
        case "open" | "acknowledged":
            if suppressed_until is not None and suppressed_until > now:
                return "suppressed"
            if status == "open" and escalation_level > 0:
                return "escalated"
            return status
        case _:
            raise ValueError(f"{status!r} is no stored status of an alert")


class AlertView(BaseModel):
    """An alert, live or resolved.

    `severity` is the word that the rule gave; `rank` is its number, from 1 (info) to 5 (critical).
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="32 hex digits, rising with time.")
    tenant: str
    rule: str = Field(description="Name of the rule that raised it.")
    fingerprint: str = Field(description="The situation: tenant, rule and labels.")
    status: ShownStatus = Field(description="What it is now.")
    severity: str = Field(description="As the rule gives it, for example critical or warning.")
    rank: int = Field(ge=1, le=5, description="What the severity means: 1 info to 5 critical.")
    category: str
    title: str
    description: str
    value: float | None = Field(description="The value last seen, in `unit`.")
    unit: str
    labels: dict[str, str]
    annotations: dict[str, str]
    details: dict[str, Any]
    team: str
    assignee: str
    source: str = Field(description="rule, or check where the check itself fails.")
    started_at: datetime | None = Field(
        description="When it began, as the system says that reports it; null where none does."
    )
    first_bad_at: datetime
    last_bad_at: datetime
    opened_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    acknowledge_comment: str
    resolved_at: datetime | None
    resolution: str = Field(description="Why it was resolved, as a code; empty while it is live.")
    resolution_text: str = Field(description="`resolution` in words.")
    resolved_by: str
    suppressed_until: datetime | None
    suppress_reason: str
    escalation_level: int
    noise_reason: str = Field(
        default="", description="Why a person marked it as noise; empty where nobody did."
    )
    occurrences: int
    flow_run_id: str | None
    flow_run_name: str | None
    flow_run_state: str | None
    deployment_id: str | None
    version: int = Field(description="Rises with every change that people see.")
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any], now: datetime) -> AlertView:
        """Make the view of a row of the alert table at `now`."""
        # The row comes from our own columns: checking each again would cost more than reading.
        return cls.model_construct(None, **alert_fields(row, now))

    @property
    def since(self) -> datetime:
        """When it opened, or was first bad where it has not opened."""
        return self.opened_at or self.first_bad_at


class TimelineView(BaseModel):
    """One change of an alert: what, when, who, why."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    kind: str = Field(description="What happened, for example opened or acknowledged.")
    reason: str = Field(description="Why, as a code, for example opened or severity_rose.")
    reason_text: str = Field(description="`reason` in words.")
    actor: str = Field(description="Who did it; empty where no person did.")
    comment: str
    status: str = Field(description="The stored status after it.")
    rank: int = Field(description="The severity after it: 1 info to 5 critical.")
    value: float | None
    flow_run_id: str | None
    version: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> TimelineView:
        """Make the view of a row of the timeline table."""
        return cls.model_construct(None, **entry_fields(row))


_ALERT_FIELDS = tuple(AlertView.model_fields)
_SHOWN_BY = ("status", "suppressed_until", "escalation_level")
"""What the shown status depends on."""
_COLUMNS = {"severity": "severity_word", "rank": "severity", "resolution_text": "resolution"}
_cells = itemgetter(*(_COLUMNS.get(name, name) for name in _ALERT_FIELDS))
SHOWN_COLUMNS = tuple(
    dict.fromkeys([*(_COLUMNS.get(name, name) for name in _ALERT_FIELDS), *_SHOWN_BY])
)
"""The columns of the alert table that `alert_fields` reads."""
_ENTRY_FIELDS = tuple(TimelineView.model_fields)


def alert_fields(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what `AlertView` shows of a row of the alert table, without an object for each.

    Args:
        row: at least `SHOWN_COLUMNS` of the alert, by name
        now: the present moment, on which the shown status depends

    Returns:
        The values by field of `AlertView`, in the order of its fields.
    """
    fields = dict(zip(_ALERT_FIELDS, _cells(row), strict=True))
    fields["resolution_text"] = words(row["resolution"])
    fields["status"] = shown_status(
        row["status"], row["suppressed_until"], row["escalation_level"], now
    )
    return fields


def entry_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `TimelineView` shows of a row of the timeline table.

    Args:
        row: all columns of the entry, by name

    Returns:
        The values by field of `TimelineView`, in the order of its fields.
    """
    get = row.get
    fields = {name: get(name) for name in _ENTRY_FIELDS}
    fields["rank"] = row["severity"]
    fields["reason_text"] = words(row["reason"])
    return fields
