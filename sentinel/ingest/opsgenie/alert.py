"""An alert of Opsgenie as one of ours, and one of ours as Opsgenie shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from sentinel.ingest.given import Notes, cut_text, labels_of, text_of
from sentinel.ingest.opsgenie.bodies import NewAlert, Priority, Who
from sentinel.severity import Severity

__all__ = [
    "OPSGENIE",
    "Created",
    "created",
    "id_of_tiny",
    "labels_of_alias",
    "severity_of_priority",
    "shown",
    "tiny_of",
]

OPSGENIE = "opsgenie"
"""The rule of alerts that are created at the door for Opsgenie."""
_SEVERITIES: Mapping[Priority, Severity] = {
    "P1": Severity.CRITICAL, "P2": Severity.HIGH, "P3": Severity.MEDIUM, "P4": Severity.LOW,
    "P5": Severity.INFO,
}  # fmt: skip
_PRIORITIES: Mapping[int, Priority] = {
    severity.value: priority for priority, severity in _SEVERITIES.items()
}
_MOST_TITLE, _MOST_TEXT, _MOST_TEAM = 2000, 10_000, 100
_KEPT = "opsgenie"
"""The entry of an alert's details that has what only Opsgenie knows."""
_ID_DIGITS = 32


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """What `post_alert` takes of an alert.

    Attributes:
        labels: identify it: its alias alone, as in Opsgenie
        title, severity, annotations, details, team: as of `post_alert`
    """

    labels: dict[str, str]
    title: str
    severity: str
    annotations: dict[str, str]
    details: dict[str, Any]
    team: str


def labels_of_alias(alias: str) -> dict[str, str]:
    """Return the labels that identify the alert of an alias, whatever the alias's length."""
    return labels_of({"alias": alias}, Notes(0))


def created(new: NewAlert, alias: str, *, key: str) -> Created:
    """Translate an alert that is created.

    Args:
        new: as it was sent
        alias: its alias, or one that was made for it
        key: name of the API key, which stands for Opsgenie's integration

    Returns:
        What `post_alert` takes.
    """
    notes = Notes(0)
    teams = [one.named for one in new.responders if one.type == "team" and one.named]
    kept: dict[str, Any] = {
        "alias": alias,
        "entity": new.entity,
        "source": new.source,
        "tags": list(dict.fromkeys(one for one in new.tags if one)),
        "actions": new.actions,
        "responders": [_with_id(one) for one in new.responders],
        "visible_to": [_with_id(one) for one in new.visible_to],
        "details": {text_of(name): text_of(value) for name, value in new.details.items()},
        "integration": key,
    }
    texts = {
        "description": cut_text(new.description, _MOST_TEXT, "description", notes),
        "entity": cut_text(new.entity, _MOST_TEXT, "entity", notes),
        "source": cut_text(new.source, _MOST_TEXT, "source", notes),
        "tags": cut_text(", ".join(kept["tags"]), _MOST_TEXT, "tags", notes),
    }
    return Created(
        labels=labels_of_alias(alias),
        title=cut_text(new.message, _MOST_TITLE, "message", notes),
        severity=_SEVERITIES[new.priority].word,
        annotations={name: text for name, text in texts.items() if text},
        details={_KEPT: {name: value for name, value in kept.items() if value}},
        team=teams[0][:_MOST_TEAM] if teams else "",
    )


def severity_of_priority(priority: str) -> str:
    """Return the word of the severity that P1 to P5 means; P3's for anything else."""
    return next((of.word for name, of in _SEVERITIES.items() if name == priority), "medium")


def tiny_of(alert_id: str) -> str:
    """Return an alert's id as decimal digits, which is its `tinyId`; it needs no table."""
    return str(int(alert_id, 16))


def id_of_tiny(tiny: str) -> str | None:
    """Return the id of an alert whose `tinyId` is given; None where it cannot be one."""
    if not (tiny.isascii() and tiny.isdecimal() and len(tiny) <= 39):
        return None
    found = f"{int(tiny):032x}"
    return found if len(found) == _ID_DIGITS else None


def shown(alert: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """Return an alert as Opsgenie answers it.

    Args:
        alert: the fields of an `AlertView`
        whole: also the fields that a list leaves out

    Returns:
        What `data` of an answer holds; of alerts of other rules, the alias is the fingerprint.
    """
    details: dict[str, Any] = alert["details"] or {}
    found: object = details.get(_KEPT)
    kept: Mapping[str, Any] = (
        cast("dict[str, Any]", found)
        if alert["rule"] == OPSGENIE and isinstance(found, dict)
        else {}
    )
    opened: datetime = alert["opened_at"] or alert["first_bad_at"]
    muted: datetime | None = alert["suppressed_until"]
    snoozed = alert["status"] == "suppressed"
    fields: dict[str, Any] = {
        "id": alert["id"],
        "tinyId": tiny_of(alert["id"]),
        "alias": kept.get("alias", alert["fingerprint"]),
        "message": alert["title"],
        "status": "closed" if alert["status"] == "resolved" else "open",
        "acknowledged": alert["acknowledged_at"] is not None,
        "isSeen": alert["acknowledged_at"] is not None,
        "tags": kept.get("tags", []),
        "snoozed": snoozed,
        **({"snoozedUntil": _moment(muted)} if snoozed and muted is not None else {}),
        "count": max(1, alert["occurrences"]),
        "lastOccurredAt": _moment(alert["last_bad_at"]),
        "createdAt": _moment(opened),
        "updatedAt": _moment(alert["updated_at"]),
        "source": kept.get("source", "" if kept else alert["rule"]),
        "owner": alert["assignee"],
        "priority": _PRIORITIES[alert["rank"]],
        "responders": _responders(kept, alert["team"]),
        "integration": {
            "id": kept.get("integration", alert["rule"]),
            "name": kept.get("integration", alert["rule"]),
            "type": "API",
        },
        "report": _report(alert, opened),
    }
    if not whole:
        return fields
    return fields | {
        "actions": kept.get("actions", []),
        "entity": kept.get("entity", ""),
        "description": alert["description"],
        "details": kept.get("details", {}) if kept else dict(alert["labels"]),
    }


def _responders(kept: Mapping[str, Any], team: str) -> Sequence[Mapping[str, str]]:
    given: Sequence[Mapping[str, str]] | None = kept.get("responders")
    if given is not None:
        return given
    return [_with_id(Who(type="team", name=team))] if team else []


def _with_id(one: Who) -> dict[str, str]:
    # Opsgenie's Python client (2.1.5) reads no responder without an id.
    return {**one.given, "id": one.id or one.named}


def _report(alert: Mapping[str, Any], opened: datetime) -> dict[str, Any]:
    """Return who acknowledged and closed an alert, and how many milliseconds after it opened."""
    report: dict[str, Any] = {}
    for at, by, time, name in (
        ("acknowledged_at", "acknowledged_by", "ackTime", "acknowledgedBy"),
        ("resolved_at", "resolved_by", "closeTime", "closedBy"),
    ):
        moment: datetime | None = alert[at]
        if moment is not None:
            report[time] = max(0, round((moment - opened).total_seconds() * 1000))
            report[name] = alert[by]
    return report


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
