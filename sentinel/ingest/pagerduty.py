"""PagerDuty's Events API, version 2: its events and what they mean here. Pure.

After https://developer.pagerduty.com/docs/events-api-v2-overview and the pages on alert and change
events beside it (read on 2026-11-30). The routing key is an API key; its name stands for the
service, since events of one dedup key belong together only where they come by the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal, cast

import msgspec
import orjson

from sentinel.errors import SampleError
from sentinel.ingest.given import Notes, cut_text, detail_of, labels_of, text_of
from sentinel.metrics.sample import moment_of

__all__ = [
    "PAGERDUTY",
    "Alert",
    "Event",
    "Kind",
    "change_of",
    "event_of",
    "labels_of_event",
    "routing_key_of",
]

PAGERDUTY = "pagerduty"
"""The rule of alerts that are triggered at the door for PagerDuty."""
Kind = Literal["trigger", "acknowledge", "resolve"]
_KINDS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = {"critical": "critical", "error": "high", "warning": "warning", "info": "info"}
_TEXTS = ("source", "component", "group", "class")
_MOST_KEY, _MOST_SUMMARY, _MOST_TEXT, _MOST_LINKS = 255, 1024, 10_000, 20


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What `post_alert` takes of a trigger."""

    title: str
    severity: str
    annotations: dict[str, str]
    details: dict[str, Any]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An alert event.

    Attributes:
        kind: what it does
        dedup_key: says which alert; empty for a trigger that is to have one made
        alert: of a trigger; None for the others
    """

    kind: Kind
    dedup_key: str
    alert: Alert | None


def routing_key_of(given: object) -> str:
    """Return the routing key of an event.

    Args:
        given: the decoded JSON

    Returns:
        The key, not checked.

    Raises:
        SampleError: it is no object, or has none
    """
    key = _object(given, "event").get("routing_key")
    if not isinstance(key, str) or not key.strip():
        raise SampleError("'routing_key' is missing or blank", field="routing_key")
    return key.strip()


def labels_of_event(service: str, dedup_key: str) -> dict[str, str]:
    """Return the labels that identify the alert of a dedup key.

    Args:
        service: name of the API key; empty for the token of the instance
        dedup_key: of the event

    Returns:
        Labels that fit the store, whatever the key's length.
    """
    labels = {"service": service, "dedup_key": dedup_key}
    return labels_of({name: text for name, text in labels.items() if text}, Notes(0))


def event_of(given: object) -> Event:
    """Read an alert event.

    Args:
        given: the decoded JSON

    Returns:
        The event.

    Raises:
        SampleError: a field is missing or wrong; names it
    """
    event = _object(given, "event")
    kind = event.get("event_action")
    if kind not in _KINDS:
        raise SampleError(
            f"'event_action' must be one of {', '.join(_KINDS)}", field="event_action"
        )
    key = text_of(event.get("dedup_key"))
    if len(key) > _MOST_KEY:
        raise SampleError(
            f"'dedup_key' has {len(key):,} characters; {_MOST_KEY} are allowed", field="dedup_key"
        )
    if kind == "trigger":
        return Event(kind="trigger", dedup_key=key, alert=_alert(event))
    if not key:
        raise SampleError(f"'dedup_key' must be given to {kind}", field="dedup_key")
    return Event(kind=cast("Kind", kind), dedup_key=key, alert=None)


def _alert(event: Mapping[str, Any]) -> Alert:
    payload = _object(event.get("payload"), "payload")
    summary = _summary(payload)
    if not text_of(payload.get("source")):
        raise SampleError("'payload.source' is missing or blank", field="payload.source")
    word = text_of(payload.get("severity")).lower()
    if word not in _SEVERITIES:
        raise SampleError(
            f"'payload.severity' must be one of {', '.join(_SEVERITIES)}", field="payload.severity"
        )
    notes = Notes(0)
    texts = {name: text_of(payload.get(name)) for name in _TEXTS}
    texts |= {name: text_of(event.get(name)) for name in ("client", "client_url")}
    texts |= _links(event)
    kept = {
        "severity": word,
        "timestamp": _timestamp(payload),
        "custom_details": detail_of(payload.get("custom_details"), _MOST_TEXT),
        "links": detail_of(event.get("links"), _MOST_TEXT),
        "images": detail_of(event.get("images"), _MOST_TEXT),
    }
    return Alert(
        title=summary,
        severity=_SEVERITIES[word],
        annotations={
            name: cut_text(text, _MOST_TEXT, name, notes) for name, text in texts.items() if text
        },
        details={name: value for name, value in kept.items() if value not in (None, "")},
    )


def change_of(given: object, service: str) -> dict[str, Any]:
    """Read a change event.

    Args:
        given: the decoded JSON
        service: name of the API key; empty for the token of the instance

    Returns:
        A JSON object for the log of events, of the `type` change. One that says when it happened
        has an id of its content, so that it is kept once although it is sent again.

    Raises:
        SampleError: a field is missing or wrong; names it
    """
    event = _object(given, "event")
    payload = _object(event.get("payload"), "payload")
    when = _timestamp(payload)
    change: dict[str, Any] = {
        "type": "change",
        "via": PAGERDUTY,
        "service": service,
        "summary": _summary(payload),
        "source": text_of(payload.get("source")),
        "timestamp": when,
        "custom_details": detail_of(payload.get("custom_details"), _MOST_TEXT),
        "links": detail_of(event.get("links"), _MOST_TEXT),
    }
    change = {name: value for name, value in change.items() if value not in (None, "")}
    if when:
        data = orjson.dumps(change, option=orjson.OPT_SORT_KEYS)
        change["id"] = f"{PAGERDUTY}:{blake2b(data, digest_size=16).hexdigest()}"
    return change


def _object(given: object, field: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise SampleError(f"'{field}' must be an object", field=field)
    return cast("dict[str, Any]", given)


def _summary(payload: Mapping[str, Any]) -> str:
    summary = text_of(payload.get("summary")).strip()
    if not summary:
        raise SampleError("'payload.summary' is missing or blank", field="payload.summary")
    return cut_text(summary, _MOST_SUMMARY, "summary", Notes(0))  # as PagerDuty cuts it


def _timestamp(payload: Mapping[str, Any]) -> str:
    """Return when it happened, as RFC 3339; empty where that is not said, or cannot be read."""
    given = payload.get("timestamp")
    if not isinstance(given, str) or not given.strip():
        return ""
    try:
        moment: datetime = moment_of(given.strip())
    except SampleError:
        return ""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _links(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses of links by `link_1_url` and so on, which people can follow."""
    links: object = event.get("links")
    given = cast("list[object]", links)[:_MOST_LINKS] if isinstance(links, list) else []
    found = [cast("dict[str, Any]", one).get("href") for one in given if isinstance(one, dict)]
    return {
        f"link_{number}_url": text_of(href) for number, href in enumerate(found, start=1) if href
    }
