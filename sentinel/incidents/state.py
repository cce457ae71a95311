"""What an incident is: its status, severity, roles and the moments that count. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, get_args

import msgspec

from sentinel.severity import WORDS, Severity, severity_of

__all__ = [
    "GATHERS_FOR",
    "INCIDENT_WORDS",
    "ROLES",
    "Incident",
    "IncidentWord",
    "RoleName",
    "Status",
    "incident_severity",
    "sev_of",
]

RoleName = Literal["commander", "deputy", "communications", "operations", "scribe"]
ROLES: tuple[str, ...] = get_args(RoleName)
"""The roles of an incident, each held by one person."""
GATHERS_FOR = timedelta(minutes=15)
"""So long after it was resolved an incident gathers alerts and reopens, as an alert does."""

IncidentWord = Literal[
    "critical", "high", "medium", "low", "info", "emergency", "warning",
    "sev1", "sev2", "sev3", "sev4",
]  # fmt: skip
INCIDENT_WORDS: tuple[str, ...] = get_args(IncidentWord)
"""Every word for the severity of an incident."""
_SEV = {
    "sev1": Severity.CRITICAL, "sev2": Severity.HIGH, "sev3": Severity.MEDIUM, "sev4": Severity.LOW
}  # fmt: skip


class Status(StrEnum):
    """What people do about an incident now."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident.

    Attributes:
        id: 32 hex digits, rising with time
        team: whose it is; empty for nobody's
        service: what is affected; empty where nobody said
        severity: as of alerts, from 1 (info) to 5 (critical)
        severity_by: who set it; empty while it follows the worst alert that a policy gathers
        policy: name of the incident policy that opened it; empty where a person did
        labels: of the policy's `group_by`, as its alerts have them
        matchers: it gathers alerts that all of them match; none: only what is added
        gather_for: so long after it was resolved it still gathers, and reopens by that
        assignee: who works on it; empty for nobody
        roles: who has which role
        runbook: Markdown; its steps are kept beside it
        war_room: address where people meet; empty for none
        receivers: names of those that get its updates
        acknowledged_at: when a person first took it; acknowledging one of its alerts counts, too,
            and is found where the figures are made
        resolved_at: None while it is not resolved
        reopened: how often
        version: rises with every change
    """

    id: str
    tenant: str
    team: str = ""
    title: str
    description: str = ""
    service: str = ""
    status: Status = Status.INVESTIGATING
    severity: int = int(Severity.MEDIUM)
    severity_by: str = ""
    policy: str = ""
    labels: dict[str, str] = {}
    matchers: list[str] = []
    gather_for: timedelta = GATHERS_FOR
    assignee: str = ""
    roles: dict[str, str] = {}
    root_cause: str = ""
    runbook: str = ""
    war_room: str = ""
    receivers: list[str] = []
    opened_at: datetime
    opened_by: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    reopened: int = 0
    version: int = 1
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is not resolved."""
        return self.status is not Status.RESOLVED

    @property
    def gathers_until(self) -> datetime | None:
        """Up to when it gathers alerts; None while it is open, and so without an end."""
        return None if self.resolved_at is None else self.resolved_at + self.gather_for


def incident_severity(word: str) -> Severity:
    """Return the severity that a word means.

    Args:
        word: one of `INCIDENT_WORDS`, in upper or lower case

    Returns:
        The severity: sev1 is critical, sev2 high, sev3 medium and sev4 low.

    Raises:
        ValueError: it is none of them
    """
    lowered = word.strip().lower()
    if lowered in _SEV:
        return _SEV[lowered]
    if lowered in WORDS:
        return severity_of(lowered)
    raise ValueError(f"severity {word!r} is none of {', '.join(INCIDENT_WORDS)}")


def sev_of(severity: int) -> str:
    """Return `sev1` for critical to `sev4` for low and info."""
    return f"sev{min(4, int(Severity.CRITICAL) + 1 - severity)}"
