"""Canaries at the doors by which other systems post: what is sent, and how each stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

__all__ = [
    "CANARY_AGENT", "DOORS", "PREFIX", "STEM", "Door", "DoorCanaryState", "DoorPath",
    "DoorRequest", "DoorRow", "door_of",
    "judge_door", "marker_of", "request_at",
]  # fmt: skip

Door = Literal["alertmanager", "opsgenie", "pagerduty", "webhook"]
DOORS: tuple[Door, ...] = get_args(Door)
CANARY_AGENT = "sentinel-canary"
"""The `User-Agent` of the requests."""
DoorCanaryState = Literal["arrived", "waiting", "lost", "late"]
PREFIX = "sentinel-canary-"
"""What every marker begins with; the rest is random, so that nobody can post one by guessing."""
STEM = len(PREFIX) + 24
"""So many first characters are the same in all markers of a door."""
_LABEL = "sentinel_canary"
_LABELS: Mapping[str, str] = {"opsgenie": "alias", "pagerduty": "dedup_key"}
"""The label that has the marker, by sender, where its format does not take labels."""
_DOORS: Mapping[str, Door] = {
    "alertmanager": "alertmanager", "opsgenie": "opsgenie", "pagerduty": "pagerduty",
    "prometheus": "webhook",
}  # fmt: skip
_TITLE = "Canary: nothing is wrong, this proves that alerts arrive"


class DoorRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a sender.

    Attributes:
        path: below the address of the API
        headers: of HTTP, with the key where the door reads it there
        body: for JSON
    """

    path: str
    headers: Mapping[str, str]
    body: Any


class DoorRow(msgspec.Struct, frozen=True, kw_only=True):
    """The newest canary of a door, as `sentinel.schema.DoorCanary` has it."""

    door: str
    sent_at: datetime
    every: float
    within: float
    arrived_at: datetime | None = None
    last_at: datetime | None = None
    error: str = ""


class DoorPath(msgspec.Struct, frozen=True, kw_only=True):
    """How the path through one door stands.

    Attributes:
        door: its name
        state: of the newest canary
        sent_at: when that was posted
        arrived_at: when one last arrived; None for never
        took: seconds that the newest took; None where it did not arrive
        error: what the door answered, or that the next is overdue; empty for nothing
    """

    door: str
    state: DoorCanaryState
    sent_at: datetime
    arrived_at: datetime | None
    took: float | None
    error: str

    @property
    def broken(self) -> bool:
        """Whether the newest canary did not arrive within its bound."""
        return self.state in ("lost", "late")


def door_of(sender: str) -> Door | None:
    """Return the door whose alerts are readings of a sender's rule; None where none is proved."""
    return _DOORS.get(sender)


def marker_of(sender: str, labels: Mapping[str, str]) -> str:
    """Return what may be the marker of a canary; empty for any other alert.

    Args:
        sender: the rule that the alert is a reading of
        labels: of the alert

    Returns:
        The text; only the store knows whether it was given to a canary.
    """
    found = labels.get(_LABELS.get(sender, _LABEL), "")
    return found if found.startswith(PREFIX) else ""


def request_at(door: Door, marker: str, key: str, now: datetime) -> DoorRequest:
    """Return the request that posts a canary, as a sender of that door makes it.

    Args:
        door: where
        marker: marks it
        key: API key
        now: when its alert begins

    Returns:
        The request.
    """
    bearer = {"Authorization": f"Bearer {key}"}
    labels = {"alertname": "SentinelCanary", "severity": "info", _LABEL: marker}
    begun = now.isoformat().replace("+00:00", "Z")
    alert = {"labels": labels, "annotations": {"summary": _TITLE}, "startsAt": begun}
    if door == "alertmanager":
        return DoorRequest(path="/alertmanager/api/v2/alerts", headers=bearer, body=[alert])
    if door == "webhook":
        body = {"version": "4", "status": "firing", "alerts": [{**alert, "status": "firing"}]}
        path = "/api/v1/alerts/webhooks/prometheus"
        return DoorRequest(path=path, headers=bearer, body=body)
    if door == "opsgenie":
        return DoorRequest(
            path="/opsgenie/v2/alerts", headers={"Authorization": f"GenieKey {key}"},
            body={"message": _TITLE, "alias": marker, "priority": "P5"},
        )  # fmt: skip
    payload = {"summary": _TITLE, "source": "sentinel", "severity": "info"}
    body = {
        "routing_key": key, "event_action": "trigger", "dedup_key": marker, "payload": payload,
    }  # fmt: skip
    return DoorRequest(path="/pagerduty/v2/enqueue", headers={}, body=body)


def judge_door(row: DoorRow, now: datetime) -> DoorPath:
    """Return how a path stands; one whose next canary is overdue is lost.

    Args:
        row: the newest canary of its door
        now: the present moment

    Returns:
        The path.
    """
    within = timedelta(seconds=row.within)
    took = None if row.arrived_at is None else (row.arrived_at - row.sent_at).total_seconds()
    due = row.sent_at + timedelta(seconds=row.every) + within
    state: DoorCanaryState = "lost"
    error = row.error
    if row.every and now > due:
        error = f"the next canary should have arrived by {due:%Y-%m-%d %H:%M:%S} UTC: none came"
    elif took is not None:
        state, error = ("arrived", "") if took <= row.within else ("late", "")
    elif now - row.sent_at <= within:
        state = "waiting"
    return DoorPath(
        door=row.door, state=state, sent_at=row.sent_at, arrived_at=row.last_at, took=took,
        error=error,
    )  # fmt: skip
