"""An `alertmanager.yml` as a document of receivers and routes, with a report. Pure.

What the file says is translated; what cannot be, and what Sentinel does otherwise, is reported.
Secrets are neither copied nor printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
import yaml

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.ingest.alertmanager_receivers import Channel, channels_of, slug
from sentinel.labels.alertmanager import written
from sentinel.notifications.notify_document import read_notify
from sentinel.notifications.route_document import HINT

__all__ = ["Imported", "Note", "imported"]

_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
"""Alertmanager's own (`dispatch/route.go`, `DefaultRouteOpts`)."""
_SAME = (
    "matchers", "match", "match_re", "continue", "mute_time_intervals", "active_time_intervals",
)  # fmt: skip
_ROUTE = {*_SAME, *_DEFAULTS, "receiver", "group_by", "routes"}
_INHIBITION = {
    "name", "source_matchers", "source_match", "source_match_re", "target_matchers", "target_match",
    "target_match_re", "equal",
}  # fmt: skip
_KNOWN = {
    "global", "templates", "route", "inhibit_rules", "receivers", "mute_time_intervals",
    "time_intervals", "tracing",
}  # fmt: skip
_ALWAYS = (
    "alerts come from Prometheus by a webhook (docs/how-to/alerts-of-other-systems.md); their "
    "alertname is a label, and their rule is the sender, `prometheus`",
    "rules of Sentinel that name receivers are the last route of the first level",
    "within a mute time interval the end of an alert is sent; Alertmanager drops it",
    "alerts that are open when routes change stay in their groups",
)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the report.

    Attributes:
        kind: `make`: a block to make; `left out`: not carried over; `differs`: carried over, and
            done otherwise
        place: in the file; empty for all of it
        text: what
    """

    kind: Literal["make", "left out", "differs"]
    place: str
    text: str

    def __str__(self) -> str:
        """Return the note as a line."""
        return f"{self.kind}: {self.place}: {self.text}" if self.place else (
            f"{self.kind}: {self.text}"
        )  # fmt: skip


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The document as YAML, the report, and the new names of receivers by those in the file."""

    text: str
    notes: Sequence[Note]
    receivers: Mapping[str, str]


def imported(text: str) -> Imported:
    """Translate the configuration of an Alertmanager.

    Args:
        text: of its file

    Returns:
        A document that `read_notify` takes, and the report.

    Raises:
        ConfigurationError: it is no configuration of an Alertmanager; the message has no value of
            a receiver
    """
    given = loaded(text, "the file", HINT)
    route = given.get("route")
    if not isinstance(route, dict) or not isinstance(given.get("receivers"), list):
        raise ConfigurationError(
            "the file is no configuration of an Alertmanager: it has no route or no receivers"
        )
    work = _Import(given)
    receivers = work.receivers()
    document: dict[str, Any] = {"receivers": receivers, "route": work.root()}
    intervals = work.intervals()
    if intervals:
        document["time_intervals"] = intervals
    inhibitions = work.inhibitions()
    if inhibitions:
        document["inhibit_rules"] = inhibitions
    work.rest()
    made = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    read_notify({"the file": made})
    return Imported(text=made, notes=work.notes, receivers=work.names)


class _Import:
    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._global = _object(given.get("global"))
        self.notes: list[Note] = []
        self.names: dict[str, str] = {}

    def _note(self, kind: Literal["make", "left out", "differs"], place: str, text: str) -> None:
        self.notes.append(Note(kind=kind, place=place, text=text))

    def receivers(self) -> list[dict[str, Any]]:
        """Return the receivers, and note the channels that they need."""
        made: list[dict[str, Any]] = []
        blocks = set[str]()
        for one in _objects(self._given["receivers"]):
            theirs = str(one.get("name"))
            name = slug(theirs, self.names.values())
            if theirs in self.names:
                raise ConfigurationError(f"the file has the receiver {theirs} twice")
            self.names[theirs] = name
            channels = channels_of(name, one, blocks, self._is_slack_app)
            for channel in channels:
                self._about(channel)
            if name != theirs:
                self._note("differs", f"receivers.{theirs}", f"is called {name}")
            refs = [channel.ref for channel in channels if channel.ref]
            if not refs:
                self._note(
                    "differs", f"receivers.{theirs}",
                    "notifies nobody in Alertmanager, and the inbox here"
                    if not channels else "has no channel that Sentinel has: it notifies the inbox",
                )  # fmt: skip
            made.append({"name": name, "channels": refs or ["inbox"]})
        return made

    def _is_slack_app(self) -> bool:
        return any(name.startswith("slack_app_token") for name in self._global)

    def _about(self, channel: Channel) -> None:
        if channel.command:
            self._note("make", channel.place, f"{channel.command}; it asks for secrets")
        for text in channel.differs:
            self._note("differs", channel.place, text)
        for text in channel.dropped:
            self._note("left out", channel.place, text)

    def root(self) -> dict[str, Any]:
        """Return the tree of routes."""
        given = _object(self._given["route"])
        made = self._route(given, "route")
        # What Alertmanager does where nothing is said; here the rule's own times would count.
        made.setdefault("group_by", [])
        for field, text in _DEFAULTS.items():
            made.setdefault(field, text)
        made.pop("continue", None)
        return {"receiver": made.pop("receiver", None), **made}

    def _route(self, given: Mapping[str, Any], place: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        receiver = given.get("receiver")
        if receiver is not None and receiver != "":
            if str(receiver) not in self.names:
                raise ConfigurationError(f"{place}: the file has no receiver {receiver}")
            made["receiver"] = self.names[str(receiver)]
        elif place == "route":
            raise ConfigurationError("route: the first route of the file has no receiver")
        for field in _SAME:
            if given.get(field):
                made[field] = given[field]
        # An empty one is nothing to Alertmanager, so that what the route above has counts.
        if isinstance(given.get("group_by"), list) and given["group_by"]:
            made["group_by"] = [str(one) for one in cast("list[Any]", given["group_by"])]
        for field in _DEFAULTS:
            if given.get(field) is not None:
                made[field] = _days(str(given[field]))
        left = sorted(str(name) for name in given if name not in _ROUTE)
        if left:
            self._note("left out", place, ", ".join(left))
        below = [
            self._route(one, f"{place}.routes[{nth}]")
            for nth, one in enumerate(_objects(given.get("routes")))
        ]
        if below:
            made["routes"] = below
        return made

    def intervals(self) -> list[dict[str, Any]]:
        """Return the time intervals, of the present and of the older name."""
        return [
            dict(one)
            for part in ("time_intervals", "mute_time_intervals")
            for one in _objects(self._given.get(part))
        ]

    def inhibitions(self) -> list[dict[str, Any]]:
        """Return the inhibition rules, of the present form and of the older one."""
        made: list[dict[str, Any]] = []
        rules = _objects(self._given.get("inhibit_rules"))
        if rules:
            self._note("differs", "inhibit_rules", "an alert mutes alerts of its own tenant alone")
        for nth, rule in enumerate(rules):
            place = f"inhibit_rules[{nth}]"
            sides = {f"{side}_matchers": _side(rule, side) for side in ("source", "target")}
            left = sorted(str(one) for one in rule if one not in _INHIBITION)
            if left:
                self._note("left out", place, ", ".join(left))
            empty = [side for side, matchers in sides.items() if not matchers]
            if empty:
                self._note("left out", place, f"has no {' and no '.join(empty)}")
                continue
            name = {"name": str(rule["name"])} if rule.get("name") else {}
            equal = _texts(rule.get("equal"))
            made.append({**name, **sides, **({"equal": equal} if equal else {})})
        return made

    def rest(self) -> None:
        """Note what is neither a receiver nor a route."""
        for name in cast("list[Any]", self._given.get("templates") or []):
            self._note(
                "left out", "templates", f"{name}: write texts anew, in Sentinel's templates"
            )
        if "resolve_timeout" in self._global:
            self._note(
                "differs", "global.resolve_timeout",
                "alerts that are not repeated close after a quarter more than the repeat interval "
                "of the sender",
            )  # fmt: skip
        if "http_config" in self._global:
            self._note("left out", "global.http_config", "proxies, TLS and logins of HTTP")
        if "tracing" in self._given:
            self._note("left out", "tracing", "Sentinel has traces of its own")
        for part in sorted(str(one) for one in self._given if one not in _KNOWN):
            self._note("left out", part, "is unknown here")
        for text in _ALWAYS:
            self._note("differs", "", text)


def _side(rule: Mapping[str, Any], name: str) -> list[str]:
    """Return the matchers of one side of an inhibition rule, of whichever form."""
    equal, like = (_object(rule.get(f"{name}_match{one}")) for one in ("", "_re"))
    return [
        *_texts(rule.get(f"{name}_matchers")),
        *(written([(label, "=", str(text))]) for label, text in sorted(equal.items())),
        *(written([(label, "=~", str(text))]) for label, text in sorted(like.items())),
    ]


def _days(duration: str) -> str:
    """Return a duration without years, which Sentinel does not write: 365 days, as Prometheus."""
    return re.sub(r"(\d+)y", lambda found: f"{int(found[1]) * 365}d", duration)


def _object(given: object) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _objects(given: object) -> list[dict[str, Any]]:
    items = cast("list[Any]", given) if isinstance(given, list) else []
    return [_object(one) for one in items]


def _texts(given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    return [str(one) for one in cast("list[Any]", given)] if isinstance(given, list) else []
