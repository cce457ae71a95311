"""Translate webhooks of Prometheus' Alertmanager and of Grafana into readings and samples.

Alertmanager: `webhook_config`, version 4 (https://prometheus.io/docs/alerting/latest/configuration/
#webhook_config). Grafana: the webhook of its alerting, the older one with `evalMatches`, and plain
`metric`, `value`, `tags` (https://grafana.com/docs/grafana/latest/alerting/configure-notifications/
manage-contact-points/integrations/webhook-notifier/). Unknown fields are ignored, since senders add
some with every version.

Each alert of the sender becomes a reading of one rule, which has the sender's name: its labels
identify the alert, its status is whether it fires. Each number becomes a sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from sentinel.checks.reading import Reading
from sentinel.errors import SampleError
from sentinel.ingest.alert import reading_of
from sentinel.ingest.given import (
    Note,
    Notes,
    cut_text,
    detail_of,
    labels_of,
    number_of,
    object_of,
    severity_word,
    text_of,
)
from sentinel.ingest.truncated import left_out
from sentinel.labels.text import MAX_LABELS
from sentinel.metrics.sample import Sample, moment_of

__all__ = ["Arrived", "grafana", "prometheus"]

_MOST_TITLE = 2000
_MOST_TEXT = 10_000


class Arrived(msgspec.Struct, frozen=True):
    """The readings and samples of one message.

    Attributes:
        readings: its alerts
        samples: its numbers
        places: of each sample, the item of the message that it was in
        refused: the items that are neither
        notes: what of the others was left out or cut
        truncated: how many alerts the sender left out of the message
        gone: labels of alerts that are over although the message does not name them
    """

    readings: list[Reading]
    samples: list[Sample]
    places: list[int] = []
    refused: list[Note] = []
    notes: list[Note] = []
    truncated: int = 0
    gone: list[Mapping[str, str]] = []


class _Match(msgspec.Struct):
    metric: str
    value: float | None = None
    tags: dict[str, Any] = {}
    timestamp: str | float | None = None
    unit: str = ""


def prometheus(body: object) -> Arrived:
    """Read a message of Alertmanager.

    Args:
        body: the decoded JSON

    Returns:
        One reading for each alert.

    Raises:
        SampleError: it is no such message; `field` says where
    """
    if not isinstance(body, dict) or "alerts" not in body:
        raise SampleError(
            "there is no object with a list of alerts", field="body",
            hint="Send what the webhook of Alertmanager sends: {\"alerts\": [{\"labels\": …}]}.",
        )  # fmt: skip
    message = cast("dict[str, Any]", body)
    alerts: object = message["alerts"]
    if alerts is not None and not isinstance(alerts, list):
        raise SampleError("must be a list", field="alerts")
    truncated, missing, over = left_out(message)
    arrived = Arrived([], [], [], [], [], truncated, [] if over is None else [over])
    for index, item in enumerate(cast("list[object]", alerts or [])):
        try:
            _take(arrived, index, item, message)
        except SampleError as error:
            arrived.refused.append(Note(index, error.field, error.message))
    if missing is not None:
        arrived.readings.append(missing)
    return arrived


def _take(arrived: Arrived, index: int, item: object, message: Mapping[str, Any]) -> None:
    if not isinstance(item, dict):
        raise SampleError("must be an object", field="alert")
    given = cast("dict[str, Any]", item)
    if "metric" in given and "labels" not in given:
        arrived.samples.append(_sample(given, index))
        arrived.places.append(index)
        return
    notes = Notes(index)
    arrived.readings.append(reading_of(given, message, notes))
    arrived.notes.extend(notes.items)


def grafana(body: object) -> Arrived:
    """Read a message of Grafana, new or old, or numbers with `metric`, `value` and `tags`.

    Args:
        body: the decoded JSON

    Returns:
        One reading for each alert, and one sample for each number.

    Raises:
        SampleError: it is none of these; `field` says where
    """
    if isinstance(body, dict):
        if "alerts" in body:
            return prometheus(body)  # pyright: ignore[reportUnknownArgumentType] - it is checked there
        if "evalMatches" in body:
            return _older(cast("dict[str, Any]", body))
        if "metric" in body:
            return Arrived([], [_sample(cast("dict[str, Any]", body), 0)], [0])
    elif isinstance(body, list):
        arrived = Arrived([], [], [], [], [])
        for index, item in enumerate(cast("list[object]", body)):
            try:
                arrived.samples.append(_sample(item, index))
                arrived.places.append(index)
            except SampleError as error:
                arrived.refused.append(Note(index, error.field, error.message))
        return arrived
    raise SampleError(
        "there is neither alerts nor evalMatches nor metric", field="body",
        hint="Send what Grafana's webhook sends, or metric, value and tags.",
    )  # fmt: skip


def _older(body: Mapping[str, Any]) -> Arrived:
    """Read Grafana's webhook before its unified alerting: one alert, and a number of each match."""
    notes = Notes(0)
    arrived = Arrived([], [], [], [], notes.items)
    matches: object = body["evalMatches"]
    if matches is not None and not isinstance(matches, list):
        raise SampleError("must be a list", field="evalMatches")
    given = cast("list[object]", matches or [])
    for index, item in enumerate(given):
        match = cast("dict[str, Any]", item) if isinstance(item, dict) else None
        if match is not None and match.get("value") is None:
            continue  # a series without data
        try:
            arrived.samples.append(_sample(match, index))
            arrived.places.append(index)
        except SampleError as error:
            arrived.refused.append(Note(index, f"evalMatches.{error.field}", error.message))
    state = text_of(body.get("state")).strip().lower() or "alerting"
    if state not in ("alerting", "ok"):
        # no_data, paused, pending: neither firing nor OK.
        return arrived
    name = text_of(body.get("ruleName"))
    tags = object_of(body.get("tags"), "tags", notes)
    own = {"alertname": name, "rule_id": text_of(body.get("ruleId"))}
    labels = labels_of({**tags, **own}, notes, "tags")
    details: dict[str, Any] = {
        "message": text_of(body.get("message")),
        "rule_url": text_of(body.get("ruleUrl")),
        "image_url": text_of(body.get("imageUrl")),
        "matches": detail_of(given, _MOST_TEXT),
        "notes": [f"{one.field}: {one.message}" for one in notes.items],
    }
    texts = {
        "description": cut_text(details["message"], _MOST_TEXT, "message", notes),
        "source_url": details["rule_url"][:_MOST_TEXT],
        "image_url": details["image_url"][:_MOST_TEXT],
    }
    title = cut_text(text_of(body.get("title")) or name, _MOST_TITLE, "title", notes)
    arrived.readings.append(
        Reading(
            labels={name: text for name, text in labels.items() if text},
            annotations={name: text for name, text in texts.items() if text},
            team=(labels.get("team") or labels.get("owner", ""))[:100],
            value=arrived.samples[0].value if len(arrived.samples) == 1 else None,
            firing=state == "alerting",
            summary=title or None,
            details={key: value for key, value in details.items() if value},
            severity=severity_word(tags.get("severity")),
        )
    )
    return arrived


def _sample(item: object, index: int) -> Sample:
    """Return the number of one `metric`, `value`, `tags`.

    Args:
        item: as it was sent
        index: of it in the message, from 0

    Returns:
        The sample; a number that is written as a text is one.

    Raises:
        SampleError: it is none
    """
    if not isinstance(item, dict):
        raise SampleError("must be an object", field="body")
    given = {k: v for k, v in cast("dict[str, Any]", item).items() if v is not None}
    written = given.get("value")
    if isinstance(written, str) and (number := number_of(written)) is not None:
        given["value"] = number
    try:
        one = msgspec.convert(given, _Match)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise SampleError(what, field=where.rstrip("`").strip(".") or "body") from None
    if one.value is None:
        raise SampleError("is missing", field="value", index=index)
    if len(one.tags) > MAX_LABELS:
        raise SampleError(f"{len(one.tags)}; at most {MAX_LABELS} identify", field="tags")
    return Sample(
        name=one.metric,
        value=one.value,
        unit=one.unit,
        labels=labels_of(one.tags, Notes(index), "tags"),
        at=None if one.timestamp is None else moment_of(one.timestamp),
    )
