"""The timeline of an incident: what happened to it, to its alerts and around it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from sentinel.incidents.state import sev_of
from sentinel.printable import counted
from sentinel.severity import Severity

__all__ = ["Entry", "EntryKind", "Source", "in_order", "words_of"]

Source = Literal["incident", "alert", "notification", "change"]
"""Where an entry is from: the incident itself, an alert, a delivery, or what people changed."""
EntryKind = Literal[
    "opened", "status", "update", "assigned", "severity", "root_cause", "edited", "alerts_added",
    "alerts_removed", "step_done", "step_skipped", "step_reopened", "step_requested",
    "step_approved", "step_rejected", "step_started", "step_not_started", "step_ended",
    "action_added", "action_changed",
    "post_mortem", "room_opened", "room_failed", "room_archived",
]  # fmt: skip
"""What happened to the incident itself."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry.

    Attributes:
        id: of the row that it is from
        source: where it is from
        kind: what happened, as the source calls it
        actor: who did it; empty where no person did
        text: what happened in words, without who did it
        comment: what the person wrote; empty for nothing
        alert_id: the alert; empty where it is about none
        flow_run_id: of the run in Prefect; empty for none
    """

    id: str
    at: datetime
    source: Source
    kind: str
    actor: str = ""
    text: str
    comment: str = ""
    alert_id: str = ""
    flow_run_id: str = ""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries, oldest first; those of one moment by their ids, which rise with time."""
    return sorted(entries, key=lambda one: (one.at, one.id))


def words_of(kind: str, data: dict[str, Any]) -> str:
    """Return what happened to an incident in words.

    Args:
        kind: an `EntryKind`
        data: what belongs to it, as the store keeps it

    Returns:
        A sentence without who did it; `kind` itself where a newer version wrote it.
    """
    get = data.get
    match kind:
        case "opened":
            by = f" by the policy {get('policy')}" if get("policy") else ""
            return f"opened{by} as {_severity(get('severity'))}"
        case "status":
            return f"changed the status from {get('before')} to {get('after')}"
        case "update":
            to = ", ".join(get("receivers") or [])
            update = "a public update" if get("public") is True else "an update"
            return f"posted {update} to {to}" if to else f"posted {update}"
        case "assigned":
            role = get("role") or ""
            person = get("person") or "nobody"
            return f"made {person} {role}" if role else f"assigned it to {person}"
        case "severity":
            return (
                f"changed the severity from {_severity(get('before'))} to {_severity(get('after'))}"
            )
        case "root_cause":
            return "wrote down the root cause"
        case "edited":
            return f"changed {', '.join(get('fields') or [])}"
        case "alerts_added" | "alerts_removed":
            return _alerts(kind, data)
        case "action_added" | "action_changed":
            verb = "added" if kind == "action_added" else "changed"
            return f"{verb} the action item: {get('title')}"
        case "post_mortem":
            return f"saved version {get('version')} of the post-mortem"
        case "room_opened":
            return f"opened the war room #{get('name')} in Slack"
        case "room_failed":
            return f"the war room in Slack waits: {get('error')}"
        case "room_archived":
            return f"archived the war room #{get('name')} in Slack"
        case _:
            return _step(kind, data)


def _alerts(kind: str, data: dict[str, Any]) -> str:
    count: int = data.get("count") or 0
    titles: list[str] = data.get("titles") or []
    alerts = counted(count, "alert")
    named = "; ".join(titles)
    more = f" and {count - len(titles):,} more" if count > len(titles) else ""
    verb = "gathered" if kind == "alerts_added" else "took out"
    return f"{verb} {alerts}: {named}{more}" if named else f"{verb} {alerts}"


_STEPS = {
    "step_done": "did step {number}, {title}",
    "step_skipped": "skipped step {number}, {title}",
    "step_reopened": "reopened step {number}, {title}",
    "step_requested": "asked to run step {number}, {title}: {deployment}",
    "step_approved": "approved the run of step {number}, {title}",
    "step_rejected": "rejected the run of step {number}, {title}",
    "step_started": "started the run {run} of step {number}, {title}",
    "step_not_started": "step {number}, {title}, was not started: {error}",
    "step_ended": "the run {run} of step {number}, {title}, ended: {state}",
}


def _step(kind: str, data: dict[str, Any]) -> str:
    template = _STEPS.get(kind)
    if template is None:
        return kind
    names = ("number", "title", "deployment", "run", "error", "state")
    return template.format(**{name: data.get(name) or "" for name in names})


def _severity(rank: Any) -> str:
    if not isinstance(rank, int) or not Severity.INFO <= rank <= Severity.CRITICAL:
        return "unknown"
    return f"{Severity(rank).word} ({sev_of(rank)})"
