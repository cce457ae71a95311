"""The Prefect events of changes to alerts and groups. Pure.

Ids are UUIDv5 (RFC 9562) of what happened, so that an event sent twice is one event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sentinel.alerts.reasons import WORDS, Reason
from sentinel.alerts.run_source import RunSource
from sentinel.prefect_client.port import OutEvent

__all__ = ["ALERT_EVENTS", "MOST_EVENTS", "alert_event", "batch_event", "group_event", "related"]

MOST_EVENTS = 100
"""The most alert events of one transaction; more become one `sentinel.alerts.batch`."""

_NAMESPACE = UUID("6f1d3c5e-0b57-5a5e-9f0e-2f6f2a6f5e11")

ALERT_EVENTS: Mapping[Reason, str] = {
    Reason.OPENED: "opened",
    Reason.REOPENED_SOON: "reopened",
    Reason.REOPENED_STILL_FIRING: "reopened",
    Reason.REOPENED_MANUALLY: "reopened",
    Reason.RECOVERED: "resolved",
    Reason.NOT_REPORTED: "resolved",
    Reason.REMOVED: "resolved",
    Reason.EXPIRED: "resolved",
    Reason.NOT_REPEATED: "resolved",
    Reason.KEPT_NOT_REPEATED: "not_repeated",
    Reason.NO_DATA: "resolved",
    Reason.RULE_DISABLED: "resolved",
    Reason.RESOLVED_MANUALLY: "resolved",
    Reason.SEVERITY_ROSE: "severity_changed",
    Reason.ACKNOWLEDGEMENT_VOID: "severity_changed",
    Reason.SEVERITY_FELL: "severity_changed",
    Reason.ACKNOWLEDGED: "acknowledged",
    Reason.ACKNOWLEDGED_TOO: "acknowledged",
    Reason.UNACKNOWLEDGED: "unacknowledged",
    Reason.ASSIGNED: "assigned",
    Reason.COMMENTED: "commented",
    Reason.ESCALATED: "escalated",
    Reason.ESCALATED_MANUALLY: "escalated",
    Reason.ACKNOWLEDGEMENT_EXPIRED: "unacknowledged",
    Reason.SUPPRESSED: "suppressed",
    Reason.UNSUPPRESSED: "unsuppressed",
    Reason.MARKED_NOISE: "marked_noise",
    Reason.UNMARKED_NOISE: "unmarked_noise",
}


def related(source: RunSource | None) -> list[dict[str, str]]:
    """Return flow run, deployment and flow of a change as Prefect's related resources."""
    if source is None:
        return []
    found: list[dict[str, str]] = []
    for kind, role, id_, name in (
        ("flow-run", "flow-run", source.flow_run_id, source.flow_run_name),
        ("deployment", "deployment", source.deployment_id, None),
        ("flow", "flow", source.flow_id, source.flow_name),
    ):
        if id_:
            one = {"prefect.resource.id": f"prefect.{kind}.{id_}", "prefect.resource.role": role}
            if name:
                one["prefect.resource.name"] = name
            found.append(one)
    return found


def _event(
    name: str,
    resource: Mapping[str, str],
    version: int,
    at: datetime,
    payload: Mapping[str, Any],
    about: Sequence[Mapping[str, str]],
) -> OutEvent:
    key = f"{name} {resource['prefect.resource.id']} {version}"
    return OutEvent(
        id=str(uuid5(_NAMESPACE, key)),
        occurred=at,
        event=name,
        resource=resource,
        related=about,
        payload=payload,
    )


def alert_event(
    reason: Reason,
    *,
    alert_id: str,
    version: int,
    at: datetime,
    title: str,
    labels: Mapping[str, str],
    payload: Mapping[str, Any],
    about: Sequence[Mapping[str, str]],
) -> OutEvent:
    """Return the event of one alert's change; `labels` are severity, rule, category and others."""
    resource = {
        "prefect.resource.id": f"sentinel.alert.{alert_id}",
        "prefect.resource.name": title[:200],
        **{f"sentinel.{name}": text for name, text in labels.items()},
    }
    name = f"sentinel.alert.{ALERT_EVENTS[reason]}"
    why = {"reason": str(reason), "reason_text": WORDS[reason]}
    return _event(name, resource, version, at, {**why, **payload}, about)


def batch_event(
    rule: str,
    tenant: str,
    slot: str,
    at: datetime,
    counts: Mapping[str, int],
    about: Sequence[Mapping[str, str]],
) -> OutEvent:
    """Return one event in place of more than `MOST_EVENTS`.

    Args:
        rule: whose alerts changed
        tenant: of the rule
        slot: the scheduled time of the evaluation, or when a person acted, in ISO 8601
        at: when the changes were made
        counts: how many alerts changed, by the last word of the event that each would have had
        about: flow run, deployment and flow behind the changes

    Returns:
        An event of one shape, whatever made the changes: its payload has `total`, and in `changes`
        the number of every kind of change, 0 where there was none.
    """
    resource = {
        "prefect.resource.id": f"sentinel.rule.{tenant}.{rule}",
        "sentinel.rule": rule,
        "sentinel.tenant": tenant,
        "sentinel.slot": slot,
    }
    version = int(at.timestamp() * 1_000_000)
    changes = {kind: counts.get(kind, 0) for kind in sorted(set(ALERT_EVENTS.values()))}
    payload = {"total": sum(changes.values()), "changes": changes}
    return _event("sentinel.alerts.batch", resource, version, at, payload, about)


def group_event(
    what: str,
    *,
    group_id: str,
    seq: int,
    at: datetime,
    title: str,
    labels: Mapping[str, str],
    payload: Mapping[str, Any],
    about: Sequence[Mapping[str, str]],
) -> OutEvent:
    """Return the event of a group, such as opened, acknowledged, escalated or resolved."""
    resource = {
        "prefect.resource.id": f"sentinel.group.{group_id}",
        "prefect.resource.name": title[:200],
        **{f"sentinel.{name}": text for name, text in labels.items()},
    }
    return _event(f"sentinel.group.{what}", resource, seq, at, payload, about)
