"""The routes and receivers of Sentinel as an `alertmanager.yml`, for `amtool config`. Pure.

Receivers have their names alone: credentials are in Prefect blocks, and never here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import yaml

from sentinel.duration import format_duration
from sentinel.notifications.route_document import RouteDocument, RouteNode
from sentinel.timing.time_intervals import TimeInterval

__all__ = ["configuration_of"]

_DEFAULT = "default"
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def configuration_of(
    document: RouteDocument | None, receivers: Collection[str], timeout: timedelta
) -> str:
    """Return the configuration as an Alertmanager would have it.

    Args:
        document: the active routes; None for none, and then alerts go to the receiver `default`
        receivers: names of all receivers
        timeout: the resolve timeout

    Returns:
        YAML. A route with several receivers names them with `+` between, as one.
    """
    names = {_DEFAULT, *receivers}
    made: dict[str, Any] = {"global": {"resolve_timeout": format_duration(timeout)}}
    if document is None:
        made["route"] = {"receiver": _DEFAULT, "group_by": ["alertname"]}
    else:
        route = _route(document.route, names)
        made["route"] = {"receiver": _DEFAULT, **route}
        rules = [
            {
                "source_matchers": list(one.source_matchers),
                "target_matchers": list(one.target_matchers),
                **({"equal": list(one.equal)} if one.equal else {}),
            }
            for one in document.inhibit_rules
        ]
        if rules:
            made["inhibit_rules"] = rules
        intervals = [
            {"name": one.name, "time_intervals": [_interval(each) for each in one.time_intervals]}
            for one in document.time_intervals
        ]
        if intervals:
            made["time_intervals"] = intervals
    made["receivers"] = [{"name": name} for name in sorted(names)]
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)


def _route(node: RouteNode, names: set[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if node.receiver:
        made["receiver"] = "+".join(node.receiver)
        names.add(made["receiver"])
    if node.conditions:
        made["matchers"] = node.conditions
    if node.group_by is not None:
        made["group_by"] = node.group_by
    made |= {field: value for field, value in _times(node).items() if value}
    for field in ("mute_time_intervals", "active_time_intervals"):
        if getattr(node, field):
            made[field] = getattr(node, field)
    if node.continue_:
        made["continue"] = True
    if node.routes:
        made["routes"] = [_route(one, names) for one in node.routes]
    return made


def _interval(given: TimeInterval) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given.times is not None:
        made["times"] = [
            {"start_time": _clock(one.start_time), "end_time": _clock(one.end_time)}
            for one in given.times
        ]
    if given.weekdays is not None:
        made["weekdays"] = [f"{_DAYS[one]}:{_DAYS[other]}" for one, other in given.weekdays]
    for field in ("days_of_month", "months", "years"):
        pairs = getattr(given, field)
        if pairs is not None:
            made[field] = [f"{one}:{other}" for one, other in pairs]
    return made if given.location == "UTC" else {**made, "location": given.location}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _times(node: RouteNode) -> Mapping[str, str]:
    given = {
        "group_wait": node.group_wait,
        "group_interval": node.group_interval,
        "repeat_interval": node.repeat_interval,
    }
    return {field: format_duration(one) for field, one in given.items() if one is not None}
