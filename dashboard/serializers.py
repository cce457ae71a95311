"""What the widgets receive: alerts as JSON, with texts ready to show. Pure."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from dashboard.alert_commands import Answer
from dashboard.alert_row import milliseconds, row, value
from dashboard.clock import for_browser
from dashboard.incident_view import remediation_words
from dashboard.live_filter import View
from dashboard.readings_chart import Readings
from dashboard.view_models import Details, LiveView
from sentinel.alerts import reasons
from sentinel.alerts.view import AlertView, TimelineView
from sentinel.links import Addresses, run_about, safe_link
from sentinel.notifications.why import AlertWhy
from sentinel.schema.remediation import RemediationRow
from sentinel.store.alerts.live_counts import Counts

__all__ = [
    "TARGETS",
    "builtins",
    "details",
    "escalations",
    "figures",
    "head",
    "joined",
    "milliseconds",
    "notifications",
    "outcomes",
    "payload_fields",
]

MOST_FIELDS = 120
LONGEST_FIELD = 8000
TARGETS = {"critical": 300, "high": 900, "medium": 3600, "low": 4 * 3600, "info": 24 * 3600}
"""Seconds within which an alert of a severity should be acknowledged."""


def builtins(answer: Answer) -> dict[str, Any]:
    """Return an answer in types that JSON has."""
    return msgspec.to_builtins(answer)


def head(shown: LiveView, view: View, me: str) -> dict[str, Any]:
    """Return what the table receives beside its rows.

    It holds no time, so that unchanged data is recognised by its hash.

    Args:
        shown: the alerts and counts
        view: what the table shows
        me: who it is for

    Returns:
        the fields of the table's data, without `rows`
    """
    return {
        "me": me,
        "more": shown.more,
        "counts": {
            **shown.counts.by_severity,
            "suppressed": shown.counts.by_status.get("suppressed", 0),
        },
        "view": msgspec.to_builtins(view),
        "targets": TARGETS,
        "problem": shown.problem,
        "unwatched": shown.unwatched,
        "people": sorted({alert.assignee for alert in shown.alerts} - {""})[:20],
    }


def joined(head: bytes, rows: bytes) -> bytes:
    """Join head and rows to one JSON object.

    Encoding 500 rows again for every screen took most of the time of a screen.

    Args:
        head: a JSON object with at least one field
        rows: a JSON array

    Returns:
        the object, with the array as its field `rows`
    """
    return b"".join((head[:-1], b',"rows":', rows, b"}"))


def figures(counts: Counts | None) -> dict[str, int] | None:
    """Return the counts at the top of the page; None where they are not known."""
    if counts is None:
        return None
    return {
        "active": counts.active,
        "critical": counts.by_severity.get("critical", 0),
        "unacknowledged": counts.unacknowledged,
    }


def details(shown: Details, addresses: Addresses) -> dict[str, Any]:
    """Return everything about one alert, as the drawer shows it."""
    alert = shown.alert
    links: list[tuple[str, str]] = []
    about = run_about(alert.details)
    if about is not None:
        links += [(f"Flow run {about[1]}", about[0]), ("Logs", f"{about[0]}?tab=Logs")]
    if alert.flow_run_id:
        run = addresses.flow_run(alert.flow_run_id)
        name, logs = ("Evaluation", "Logs of the evaluation") if about else ("Flow run", "Logs")
        links += [
            (f"{name} {alert.flow_run_name or ''}".strip(), run),
            (logs, addresses.logs_of_run(alert.flow_run_id)),
        ]
    notes: list[tuple[str, str]] = []
    for name, text in alert.annotations.items():
        words = name.removesuffix("_url").replace("_", " ").capitalize()
        if (url := safe_link(text)) is not None:
            links.append((words, url))
        elif text and text != alert.title:
            notes.append((words, text))
    return {
        "alert": {
            **row(alert, addresses),
            "description": alert.description,
            "started": milliseconds(alert.started_at),
            "opened": milliseconds(alert.opened_at),
            "lastFiring": milliseconds(alert.last_bad_at),
            "acknowledged": milliseconds(alert.acknowledged_at),
            "resolved": milliseconds(alert.resolved_at),
            "resolvedBy": alert.resolved_by,
            "resolution": alert.resolution,
            "resolutionText": alert.resolution_text,
            "links": links,
            "annotations": notes,
            "details": payload_fields(alert.details),
            "incident": None
            if shown.incident is None
            else {
                "id": shown.incident.id,
                "title": shown.incident.title,
                "status": str(shown.incident.status),
            },
        },
        "remediation": _remediation(shown.remediation, addresses),
        "readings": _readings(shown.readings),
        "timeline": [_step(entry, alert, addresses) for entry in shown.timeline],
        "similar": [
            {
                "id": one.id,
                "title": one.title,
                "rank": one.severity,
                "same": one.same,
                "at": milliseconds(one.opened_at),
                "seconds": one.seconds,
                "resolution": one.resolution,
                "resolutionText": reasons.words(one.resolution),
                "by": one.resolved_by,
                "comment": one.comment,
            }
            for one in shown.similar
        ],
        "related": [
            {
                "id": one.alert.id,
                "title": one.alert.title,
                "rank": one.alert.rank,
                "status": one.alert.status,
                "seconds": one.seconds,
                "reasons": [each.reason for each in one.evidence[:3]],
            }
            for one in shown.related
        ],
    }


def _remediation(one: RemediationRow | None, addresses: Addresses) -> dict[str, Any] | None:
    if one is None:
        return None
    until = for_browser(one.expires_at) if one.expires_at else ""
    return {
        "deployment": one.deployment,
        "text": remediation_words(one, until),
        "waits": one.status == "waits",
        "outcome": one.outcome.splitlines(),
        "run": addresses.flow_run(one.flow_run_id) if one.flow_run_id else "",
    }


def payload_fields(payload: Any, path: str = "") -> list[tuple[str, str]]:
    """Return a payload as rows of a table.

    Args:
        payload: JSON
        path: of the payload in the whole

    Returns:
        the path and the text of each value that holds no others, in JSON's words; at most
        `MOST_FIELDS`, each text at most `LONGEST_FIELD` characters
    """
    inner: list[tuple[str, Any]] = []
    if isinstance(payload, dict):
        named = cast("dict[str, Any]", payload)
        inner = [(f"{path}.{name}" if path else name, value) for name, value in named.items()]
    elif isinstance(payload, list):
        some = cast("list[Any]", payload)
        inner = [(f"{path}.{place}", value) for place, value in enumerate(some[:MOST_FIELDS])]
    if not inner:
        if not path:
            return []
        text = payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()
        return [(path, text if len(text) <= LONGEST_FIELD else f"{text[:LONGEST_FIELD]} …")]
    fields: list[tuple[str, str]] = []
    for name, one in inner:
        fields += payload_fields(one, name)
        if len(fields) >= MOST_FIELDS:
            return [*fields[:MOST_FIELDS], ("…", "There is more; the API has all of it.")]
    return fields


def notifications(found: AlertWhy) -> list[dict[str, Any]]:
    """Return who is notified of an alert, each channel once."""
    return [
        {
            "receiver": one.receiver,
            "channel": one.channel,
            "at": milliseconds(one.notified_at),
            "unnamed": one.notified_at is not None and not one.knows,
            "due": one.send,
            "reason": one.reason,
            "reasonText": one.reason_text,
            "next": milliseconds(one.next_at),
            "error": one.error[:500],
            "hidden": group.hidden,
        }
        for group in reversed(found.groups)
        for one in group.channels
    ]


def outcomes(found: AlertWhy) -> list[dict[str, Any]]:
    """Return what came of the decisions so far, the oldest first."""
    return [
        {"at": milliseconds(one.at), "channel": one.channel, "receiver": one.receiver,
         "text": one.text[:1000]}
        for group in reversed(found.groups)
        for one in group.history
    ]  # fmt: skip


def escalations(found: AlertWhy) -> list[dict[str, Any]]:
    """Return where the escalations of an alert's groups stand, and whom each has paged."""
    return [
        {"text": one.text, "pages": [page.text[:1000] for page in one.pages], "next": one.following}
        for group in found.groups
        if (one := group.escalation) is not None
    ]


def _readings(found: Readings | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        **msgspec.to_builtins(found),
        "since": milliseconds(found.since),
        "until": milliseconds(found.until),
    }


def _step(entry: TimelineView, alert: AlertView, addresses: Addresses) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "reason": entry.reason,
        "reasonText": entry.reason_text,
        "actor": entry.actor,
        "comment": entry.comment,
        "at": milliseconds(entry.at),
        "value": value(entry.value, alert.unit),
        "run": addresses.flow_run(entry.flow_run_id) if entry.flow_run_id else "",
    }
