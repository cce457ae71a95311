"""One alert of Alertmanager, or of Grafana's alerting, as a reading. Pure.

Alertmanager: `webhook_config`, version 4 (https://prometheus.io/docs/alerting/latest/configuration/
#webhook_config). Grafana: the webhook of its alerting (https://grafana.com/docs/grafana/latest/
alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/), which has
the same fields and some of its own. Unknown fields are ignored, since senders add some with every
version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sentinel.checks.reading import Reading
from sentinel.errors import SampleError
from sentinel.ingest.given import (
    Notes,
    cut_text,
    detail_of,
    labels_of,
    moment_or_none,
    number_of,
    object_of,
    severity_word,
    text_of,
)
from sentinel.labels.text import storable

__all__ = ["reading_of"]

_MOST_TITLE = 2000
_MOST_TEXT = 10_000
_MOST_ENTRIES = 64
_MOST_TEAM = 100
_STATE_REASON = "grafana_state_reason"
_GONE: dict[str, Literal["not_reported", "removed"]] = {
    "MissingSeries": "not_reported",
    "NoData": "not_reported",
    "Error": "not_reported",
    "Paused": "not_reported",
    "Updated": "removed",
    "RuleDeleted": "removed",
}
"""Why Grafana resolves an alert that did not recover (its `StateReason…` and annotation)."""
_LINKS = {
    "generatorURL": "source_url",
    "dashboardURL": "dashboard_url",
    "panelURL": "panel_url",
    "imageURL": "image_url",
    "silenceURL": "silence_url",
}
_SENDER = {"externalURL": "external_url", "receiver": "receiver"}
_OWN = {
    "startsAt": "starts_at",
    "generatorURL": "generator_url",
    "dashboardURL": "dashboard_url",
    "panelURL": "panel_url",
    "silenceURL": "silence_url",
    "imageURL": "image_url",
    "fingerprint": "fingerprint",
    "valueString": "value_string",
}


def reading_of(item: Mapping[str, Any], message: Mapping[str, Any], notes: Notes) -> Reading:
    """Return one alert as a reading.

    Args:
        item: the alert as it was sent
        message: that it was sent in
        notes: take what was left out or cut

    Returns:
        The reading, which says itself whether it fires.

    Raises:
        SampleError: it has no labels, so that nothing says which alert it is, or its status is
            neither firing nor resolved
    """
    given = object_of(item.get("labels"), "labels", notes)
    labels = labels_of(given, notes)
    if not labels:
        raise SampleError("must be given, since they say which alert this is", field="labels")
    status = text_of(item.get("status")).strip().lower() or "firing"
    if status not in ("firing", "resolved"):
        raise SampleError(f"must be firing or resolved, not {status[:80]!r}", field="status")
    said = _texts(object_of(item.get("annotations"), "annotations", notes), notes)
    values = object_of(item.get("values"), "values", notes)
    ends_at = moment_or_none(item.get("endsAt"), "endsAt", notes)
    details: dict[str, Any] = {
        "annotations": said,
        **{ours: text_of(item.get(theirs))[:_MOST_TEXT] for theirs, ours in _OWN.items()},
        "ends_at": text_of(item.get("endsAt")) if ends_at is not None else "",
        "values": {
            storable(name): detail_of(value, _MOST_TEXT)
            for name, value in list(values.items())[:_MOST_ENTRIES]
            if value is not None
        },
        **{ours: text_of(message.get(theirs))[:_MOST_TEXT] for theirs, ours in _SENDER.items()},
        "labels": {} if labels == given else _texts(given, None),
        "notes": [f"{one.field}: {one.message}" for one in notes.items],
    }
    return Reading(
        labels=labels,
        annotations=_texts_and_links(said, item),
        team=(labels.get("team") or labels.get("owner", ""))[:_MOST_TEAM],
        value=_value(values),
        firing=status == "firing",
        started=moment_or_none(item.get("startsAt"), "startsAt", notes),
        ended=ends_at if status == "resolved" else None,
        gone=_GONE.get(said.get(_STATE_REASON, ""), "") if status == "resolved" else "",
        summary=_title(_title_of(labels, said), notes),
        details={key: value for key, value in details.items() if value},
        severity=severity_word(given.get("severity")),
    )


def _title_of(labels: Mapping[str, str], said: Mapping[str, str]) -> str:
    name, rule = labels.get("alertname", ""), labels.get("rulename", "")
    if name.startswith("Datasource") and rule:
        # Grafana's alert that a rule cannot be evaluated; its texts are about something else.
        return f"{name}: {rule}"
    return said.get("summary") or said.get("title") or said.get("description") or name


def _texts_and_links(said: Mapping[str, str], item: Mapping[str, Any]) -> dict[str, str]:
    """Return the sender's annotations but for the title, and its links by what they lead to."""
    links = {ours: text_of(item.get(theirs)).strip() for theirs, ours in _LINKS.items()}
    texts = {name: text for name, text in said.items() if name not in ("summary", "title")}
    if "Error" in texts and "description" not in texts:
        texts["description"] = texts.pop("Error")  # of Grafana's DatasourceError
    return {name: link[:_MOST_TEXT] for name, link in links.items() if link} | texts


def _title(text: str, notes: Notes) -> str | None:
    return cut_text(text, _MOST_TITLE, "annotations", notes) or None


def _texts(given: Mapping[str, Any], notes: Notes | None) -> dict[str, str]:
    """Return the entries of an object as texts, without those that are null."""
    texts = {text_of(key): text_of(value) for key, value in given.items() if value is not None}
    if notes is None:
        return {name[:_MOST_TEXT]: text[:_MOST_TEXT] for name, text in texts.items()}
    if len(texts) > _MOST_ENTRIES:
        notes.add("annotations", f"are {len(texts)}, of which {_MOST_ENTRIES} are kept")
    return {
        name[:200]: cut_text(text, _MOST_TEXT, f"annotations.{name[:50]}", notes)
        for name, text in list(texts.items())[:_MOST_ENTRIES]
    }


def _value(values: Mapping[str, Any]) -> float | None:
    """Return the value that people mean.

    Args:
        values: the result of every expression of Grafana's rule by its name; those of conditions
            are 0 or 1

    Returns:
        The first by name that is neither 0 nor 1, else the first; None without any number.
    """
    numbers = [n for name in sorted(values) if (n := number_of(values[name])) is not None]
    measured = [number for number in numbers if number not in (0, 1)]
    return next(iter(measured or numbers), None)
