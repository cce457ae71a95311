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

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.errors import DatabaseError, NotFound, SampleError
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.labels.text import MAX_LABELS, MAX_NAME, storable
from sentinel.metrics.sample import Sample, moment_of
from sentinel.rules.rule import Rule
from sentinel.severity import severity_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Arrived", "Sender", "arrive", "grafana", "prometheus"]

Sender = Literal["prometheus", "grafana"]
_MOST_TEXT = 2000
_TRIES = 20
_STEP = timedelta(microseconds=1)


class Arrived(msgspec.Struct, frozen=True):
    """The readings and samples of one message."""

    readings: list[Reading]
    samples: list[Sample]


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    status: str = "firing"
    annotations: dict[str, str] = {}
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str = msgspec.field(default="", name="generatorURL")
    dashboard_url: str = msgspec.field(default="", name="dashboardURL")
    panel_url: str = msgspec.field(default="", name="panelURL")
    silence_url: str = msgspec.field(default="", name="silenceURL")
    fingerprint: str = ""
    values: dict[str, float | None] | None = None
    value_string: str = ""


class _Message(msgspec.Struct, rename="camel"):
    alerts: list[_Alert]
    receiver: str = ""
    external_url: str = msgspec.field(default="", name="externalURL")
    truncated_alerts: int = 0


class _Match(msgspec.Struct):
    metric: str
    value: float | None = None
    tags: dict[str, str | float | bool | None] | None = None
    timestamp: str | float | None = None
    unit: str = ""


class _Older(msgspec.Struct, rename="camel"):
    """Grafana's webhook before its unified alerting."""

    eval_matches: list[_Match] | None
    rule_name: str = ""
    rule_id: int | str = ""
    rule_url: str = ""
    state: str = "alerting"
    title: str = ""
    message: str = ""
    tags: dict[str, str] | None = None
    image_url: str = ""


def prometheus(body: object) -> Arrived:
    """Read a message of Alertmanager.

    Args:
        body: the decoded JSON

    Returns:
        One reading for each alert, and no samples.

    Raises:
        SampleError: it is no such message; `field` says where
    """
    message = _as(_Message, body)
    return Arrived([_reading(one, message) for one in message.alerts], [])


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
            return _older(_as(_Older, body))  # pyright: ignore[reportUnknownArgumentType] - likewise
        if "metric" in body:
            return Arrived([], _samples([_as(_Match, body)]))  # pyright: ignore[reportUnknownArgumentType] - likewise
        raise SampleError(
            "there is neither alerts nor evalMatches nor metric", field="body",
            hint="Send what Grafana's webhook sends, or metric, value and tags.",
        )  # fmt: skip
    return Arrived([], _samples(_as(list[_Match], body)))


def arrive(store: Store, sender: Sender, readings: Sequence[Reading], tenant: str) -> Applied:
    """Apply the alerts of another system as one evaluation of that sender's rule.

    Messages may arrive at the same time. Evaluations of a rule are ordered, so one that is stale
    because a later one is stored is tried again with the next moment.

    Args:
        store: the shared database
        sender: whose webhook it came over; also the name of the rule
        readings: of the message
        tenant: of the rule

    Returns:
        The result of the evaluation.

    Raises:
        DatabaseError: too many messages at once; nothing was written, and it is safe to retry
    """
    for _ in range(_TRIES):
        at = store.now()
        rule, last = _rule(store, sender, tenant)
        if last is not None and last >= at:
            at = last + _STEP
        applied = store.apply(
            Evaluation(
                rule=rule,
                trigger=f"{sender}_webhook",
                slot=at,
                at=at,
                observation=Observation(readings=list(readings)),
                default_category="general",
            )
        )
        if applied.outcome != "stale":
            return applied
    raise DatabaseError(
        f"too many messages of {sender} came at once", hint="Send it again; nothing was written."
    )


def _rule(store: Store, sender: Sender, tenant: str) -> tuple[Rule, datetime | None]:
    """Return the sender's rule as stored, or a new one, and the time of its last evaluation."""
    try:
        row = store.rules.get(sender, tenant)
    except NotFound:
        said = "Alertmanager" if sender == "prometheus" else "Grafana"
        rule = Rule(
            name=sender,
            tenant=tenant,
            description=f"Alerts that {said} sends to its webhook here.",
            group_by=["rule", "alertname"],
        )
        return rule, None
    moments = [one for one in (row.slot, row.evaluated_at) if one is not None]
    return Rule.model_validate({**row.spec, "name": sender}), max(moments, default=None)


def _reading(alert: _Alert, message: _Message) -> Reading:
    labels = _labels(alert.labels)
    said = alert.annotations
    name = alert.labels.get("alertname", "")
    details: dict[str, Any] = {
        "annotations": said,
        "starts_at": alert.starts_at,
        "ends_at": "" if alert.ends_at.startswith("0001-") else alert.ends_at,
        "generator_url": alert.generator_url,
        "dashboard_url": alert.dashboard_url,
        "panel_url": alert.panel_url,
        "silence_url": alert.silence_url,
        "fingerprint": alert.fingerprint,
        "values": alert.values or {},
        "value_string": alert.value_string,
        "external_url": message.external_url,
        "receiver": message.receiver,
    }
    if labels != alert.labels:
        details["labels"] = alert.labels
    title = said.get("summary") or said.get("title") or said.get("description") or name
    numbers = [alert.values[key] for key in sorted(alert.values or {})] if alert.values else []
    return Reading(
        labels=labels,
        value=next((n for n in numbers if n is not None), None),
        firing=alert.status != "resolved",
        started=_moment(alert.starts_at),
        ended=_moment(alert.ends_at) if alert.status == "resolved" else None,
        summary=storable(title)[:_MOST_TEXT] or None,
        details={key: value for key, value in details.items() if value},
        severity=_severity(alert.labels.get("severity", "")),
    )


def _older(message: _Older) -> Arrived:
    samples = _samples(message.eval_matches or [], skip_empty=True)
    labels = _labels(
        {**(message.tags or {}), "alertname": message.rule_name, "rule_id": str(message.rule_id)}
    )
    if message.state not in ("alerting", "ok"):
        # no_data, paused, pending: neither firing nor OK.
        return Arrived([], samples)
    details: dict[str, Any] = {
        "message": message.message,
        "rule_url": message.rule_url,
        "image_url": message.image_url,
        "matches": msgspec.to_builtins(message.eval_matches or []),
    }
    reading = Reading(
        labels={name: text for name, text in labels.items() if text},
        value=samples[0].value if len(samples) == 1 else None,
        firing=message.state == "alerting",
        summary=storable(message.title or message.rule_name)[:_MOST_TEXT] or None,
        details={key: value for key, value in details.items() if value},
        severity=_severity((message.tags or {}).get("severity", "")),
    )
    return Arrived([reading], samples)


def _samples(matches: Sequence[_Match], *, skip_empty: bool = False) -> list[Sample]:
    samples: list[Sample] = []
    for index, one in enumerate(matches):
        if one.value is None:
            if skip_empty:
                continue
            raise SampleError("is missing", field="value", index=index)
        labels = {name: str(text) for name, text in (one.tags or {}).items() if text is not None}
        at = None
        if one.timestamp is not None:
            at = moment_of(one.timestamp)
        samples.append(
            Sample(name=one.metric, value=one.value, unit=one.unit, labels=_labels(labels), at=at)
        )
    return samples


def _labels(given: Mapping[str, str]) -> dict[str, str]:
    """Return `given` as our labels, with a long value cut and marked by a digest of the whole.

    A long value is not refused: the alert would be lost, since senders do not retry.

    Args:
        given: labels of the sender

    Returns:
        Labels that fit the store, without those that have no name.

    Raises:
        SampleError: there are more than `MAX_LABELS`
    """
    if len(given) > MAX_LABELS:
        raise SampleError(f"{len(given)} labels; at most {MAX_LABELS} identify", field="labels")
    return {_fitting(storable(n)): _fitting(storable(v)) for n, v in given.items() if n}


def _fitting(text: str) -> str:
    if len(text) <= MAX_NAME:
        return text
    mark = blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[: MAX_NAME - 17]}…{mark}"


def _moment(text: str) -> datetime | None:
    """Return the moment of a sender's timestamp; None where it is Go's zero time or none."""
    if not text or text.startswith("0001-"):
        return None
    try:
        return moment_of(text)
    except SampleError:
        return None


def _severity(word: str) -> str | None:
    """Return `word` if it is one of our severities, else None for the rule's own."""
    try:
        severity_of(word)
    except ValueError:
        return None
    return word


def _as(kind: Any, body: object) -> Any:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise SampleError(what, field=where.rstrip("`").strip(".") or "body") from None
