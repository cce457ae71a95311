"""What Alertmanager's API v2 answers: alerts, groups, silences, the configuration. Pure.

The shapes are those of its OpenAPI document
(https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/openapi.yaml, read in November
2026), the orders those of its handlers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError, PatternError
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.labels.matchers import Matcher, matches
from sentinel.notifications.silence import SilenceState, state_of
from sentinel.schema.silences import Silence
from sentinel.store.alerts.posted_listing import PostedAlert

__all__ = [
    "BadFilter", "Wanted", "alert_of", "alerts_of", "filters_of", "fingerprint_of", "groups_of",
    "id_of", "matchers_text", "moment_of", "shown_id", "silence_of", "silences_of", "wanted",
]  # fmt: skip

_TRUE = ("true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled")
"""What go-openapi takes for true; all else is false."""
_MASK = (1 << 64) - 1
_EXPIRED_FOR = 5 * 86_400
"""Seconds for which an expired silence is listed: Alertmanager's default retention."""


class BadFilter(Exception):
    """A parameter that cannot be read, in Alertmanager's words."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts are asked for.

    Attributes:
        active: those that nothing mutes
        silenced: also those that are silenced
        inhibited: also those that are inhibited
        matchers: that their labels match
        receiver: matches the name of a receiver
    """

    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    matchers: Sequence[Matcher] = ()
    receiver: Matcher | None = None

    def holds(self, alert: PostedAlert) -> bool:
        """Return whether an alert is asked for, the receivers apart."""
        muted = bool(alert.silenced_by or alert.inhibited_by or alert.suppressed)
        if not (self.active or muted):
            return False
        if not self.silenced and (alert.silenced_by or alert.suppressed):
            return False
        if not self.inhibited and alert.inhibited_by:
            return False
        return matches(self.matchers, alert.labels)

    def names(self, receivers: Iterable[str]) -> list[str]:
        """Return those of the receivers that are asked for."""
        if self.receiver is None:
            return list(receivers)
        return [one for one in receivers if self.receiver({"receiver": one})]


def wanted(query: Sequence[tuple[str, str]]) -> Wanted:
    """Read the parameters of a request for alerts or groups; unknown ones count for nothing.

    Args:
        query: names and texts, in their order

    Returns:
        What is asked for.

    Raises:
        BadFilter: a filter or the receiver cannot be read
    """
    last = dict(query)
    flags = {
        name: last[name].lower() in _TRUE
        for name in ("active", "silenced", "inhibited")
        if last.get(name)
    }
    receiver = None
    if last.get("receiver"):
        try:
            receiver = Matcher.of("receiver", "receiver", "=~", last["receiver"])
        except (ConfigurationError, PatternError) as error:
            raise BadFilter(f"failed to parse receiver param: {error.message}") from None
    return Wanted(**flags, matchers=filters_of(query), receiver=receiver)


def filters_of(query: Sequence[tuple[str, str]]) -> tuple[Matcher, ...]:
    """Return the matchers of the parameters `filter`.

    Args:
        query: names and texts of all parameters

    Returns:
        The matchers, all of which must match.

    Raises:
        BadFilter: one cannot be read
    """
    found: list[Matcher] = []
    for name, text in query:
        if name == "filter":
            try:
                (one,) = matchers_of(text)
            except (ConfigurationError, ValueError):
                raise BadFilter(f"bad matcher format: {text}") from None
            found.append(one)
    return tuple(found)


def moment_of(moment: datetime) -> str:
    """Return a moment as Alertmanager writes it: in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Return the fingerprint that Alertmanager gives labels: FNV-1a of 64 bits over them."""
    value = 0xCBF29CE484222325
    for name in sorted(labels):
        text = name.encode() + b"\xff" + labels[name].encode() + b"\xff"
        for byte in text:
            value = ((value ^ byte) * 0x100000001B3) & _MASK
    return f"{value:016x}"


def shown_id(silence_id: str) -> str:
    """Return the id of a silence as a UUID with dashes, as Alertmanager's are."""
    return str(uuid.UUID(silence_id))


def id_of(given: str) -> str | None:
    """Return the id of a silence as the store has it; None where it is no UUID."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", given):
        return None
    return given.replace("-", "").lower()


def alert_of(alert: PostedAlert, prints: Mapping[str, str]) -> dict[str, Any]:
    """Return an alert.

    Args:
        alert: that fires
        prints: fingerprints of the alerts that may inhibit it, by id

    Returns:
        Its fields.
    """
    muted = alert.silenced_by or alert.inhibited_by or alert.suppressed
    receivers = sorted({name for group in alert.groups for name in group.receivers})
    made: dict[str, Any] = {
        "annotations": alert.annotations,
        "endsAt": moment_of(alert.end),
        "fingerprint": fingerprint_of(alert.labels),
        "receivers": [{"name": name} for name in receivers],
        "startsAt": moment_of(alert.start),
        "status": {
            "inhibitedBy": [prints.get(one, one) for one in alert.inhibited_by],
            "silencedBy": [shown_id(one) for one in alert.silenced_by],
            "state": "suppressed" if muted else "active",
        },
        "updatedAt": moment_of(alert.updated),
    }
    if alert.url:
        made["generatorURL"] = alert.url
    made["labels"] = alert.labels
    return made


def alerts_of(alerts: Sequence[PostedAlert], asked: Wanted) -> list[dict[str, Any]]:
    """Return the alerts that are asked for, by fingerprint."""
    prints = {one.id: fingerprint_of(one.labels) for one in alerts}
    made = [
        alert_of(one, prints)
        for one in alerts
        if asked.holds(one)
        and (asked.receiver is None or any(asked.names(group.receivers) for group in one.groups))
    ]
    return sorted(made, key=_print_of)


def _print_of(shown: Mapping[str, Any]) -> str:
    return shown["fingerprint"]


def groups_of(alerts: Sequence[PostedAlert], asked: Wanted) -> list[dict[str, Any]]:
    """Return the groups of the alerts that are asked for: one for each receiver."""
    prints = {one.id: fingerprint_of(one.labels) for one in alerts}
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for one in alerts:
        if not asked.holds(one):
            continue
        shown = alert_of(one, prints)
        for group in one.groups:
            for name in asked.names(group.receivers):
                made = groups.setdefault(
                    (group.id, name),
                    {"alerts": [], "labels": group.labels, "receiver": {"name": name}},
                )
                made["alerts"].append(shown)
    for made in groups.values():
        made["alerts"] = sorted(made["alerts"], key=_print_of)
    return sorted(
        groups.values(), key=lambda one: (sorted(one["labels"].items()), one["receiver"]["name"])
    )


def matchers_text(given: Iterable[Mapping[str, Any]]) -> str:
    """Return matchers of a silence as text.

    Args:
        given: each with name, value, isRegex and, by default true, isEqual

    Returns:
        The text that the store takes.
    """
    return written(
        (str(one["name"]), _operator(one["isRegex"], one.get("isEqual", True)), str(one["value"]))
        for one in given
    )


def _operator(regex: Any, equal: Any) -> str:
    if regex:
        return "=~" if equal else "!~"
    return "=" if equal else "!="


def silence_of(silence: Silence, now: datetime) -> dict[str, Any] | None:
    """Return a silence; None where Alertmanager has no words for it: several sets of matchers."""
    if len(silence.matchers) > 1:
        return None
    text = silence.matchers[0] if silence.matchers else written([("rule", "=", silence.rule)])
    ended = silence.ended_at
    end = silence.until if ended is None else min(ended, silence.until)
    return {
        "id": shown_id(silence.id),
        "status": {"state": str(state_of(silence.starts_at, silence.until, ended, now))},
        "updatedAt": moment_of(ended or silence.created_at),
        "comment": silence.reason,
        "createdBy": silence.actor,
        "endsAt": moment_of(end),
        "matchers": [
            {
                "isEqual": not one.negative,
                "isRegex": one.operator.endswith("~"),
                "name": one.label,
                "value": one.text,
            }
            for one in sorted(matchers_of(text), key=lambda one: (one.label, one.text))
        ],
        "startsAt": moment_of(min(silence.starts_at, end)),
    }


def silences_of(
    silences: Iterable[Silence], filters: Sequence[Matcher], now: datetime
) -> list[dict[str, Any]]:
    """Return silences in Alertmanager's order: active, pending, and those that ended lately.

    Args:
        silences: of a tenant
        filters: each is one of the silence's own matchers
        now: the present moment

    Returns:
        Those that have all of them.
    """
    asked = {(one.label, one.operator, one.text) for one in filters}
    kept: list[tuple[tuple[int, float], dict[str, Any]]] = []
    for one in silences:
        shown = silence_of(one, now)
        if shown is None:
            continue
        own = {
            (each["name"], _operator(each["isRegex"], each["isEqual"]), each["value"])
            for each in shown["matchers"]
        }
        end = one.until if one.ended_at is None else min(one.ended_at, one.until)
        if not asked <= own or (now - end).total_seconds() > _EXPIRED_FOR:
            continue
        state = shown["status"]["state"]
        place = {
            SilenceState.ACTIVE: (0, end.timestamp()),
            SilenceState.PENDING: (1, one.starts_at.timestamp()),
            SilenceState.EXPIRED: (2, -end.timestamp()),
        }[SilenceState(state)]
        kept.append((place, shown))
    return [shown for _, shown in sorted(kept, key=lambda pair: pair[0])]
