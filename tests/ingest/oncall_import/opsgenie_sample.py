"""An Opsgenie account as its API answers it, and as its backup tool writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["NONE", "NOW", "answer", "sample", "timeline", "write_backup"]

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
NONE = {"type": "none"}
USERS = {"u1": "Ann@example.org", "u2": "ben@example.org", "u3": "cem@example.org"}


def user(key: str) -> dict[str, Any]:
    return {"type": "user", "id": key, "username": USERS[key]}


def step(method: str, to: str, minutes: int, *, enabled: bool = True) -> dict[str, Any]:
    return {
        "id": f"{method}{minutes}", "enabled": enabled, "contact": {"method": method, "to": to},
        "sendAfter": {"timeAmount": minutes, "timeUnit": "minutes"},
    }  # fmt: skip


def _days(start: int, end: int) -> list[dict[str, Any]]:
    names = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    return [
        {"startDay": day, "startHour": start, "startMin": 30, "endDay": day, "endHour": end,
         "endMin": 0}
        for day in names
    ]  # fmt: skip


def sample() -> dict[str, Any]:
    """Return what the account holds, each part as the API has it."""
    users = [
        {"id": key, "username": name, "fullName": name.partition("@")[0].title(),
         "timeZone": "Europe/Berlin", "blocked": False, "role": {"id": "r", "name": "User"}}
        for key, name in USERS.items()
    ]  # fmt: skip
    rules: dict[str, Any] = {
        "u1": [
            {
                "id": "n1", "name": "new", "actionType": "create-alert", "order": 1,
                "enabled": True, "criteria": {"type": "match-all"},
                "steps": [
                    step("email", "ann@example.org", 0), step("sms", "49-1701234567", 5),
                    step("mobile", "phone", 0), step("voice", "49-1701234567", 10),
                    step("voice", "49-1701234568", 10, enabled=False),
                ],
            },
            {
                "id": "n2", "name": "at night", "actionType": "create-alert", "order": 2,
                "enabled": True, "criteria": {"type": "match-all"}, "steps": [],
                "timeRestriction": {
                    "type": "time-of-day",
                    "restriction": {"startHour": 22, "startMin": 0, "endHour": 7, "endMin": 0},
                },
            },
        ],
        "u2": [], "u3": [],
    }  # fmt: skip
    primary = {
        "id": "s1", "name": "primary", "description": "first line", "enabled": True,
        "timezone": "Europe/Berlin", "ownerTeam": {"id": "t1", "name": "db"},
        "rotations": [
            {
                "id": "r1", "name": "weekly", "type": "weekly", "length": 1,
                "startDate": "2026-01-05T08:00:00Z", "participants": [user("u1"), user("u2")],
            },
            {
                "id": "r2", "name": "office", "type": "daily", "length": 1,
                "startDate": "2026-01-05T08:30:00Z", "endDate": "2026-12-31T23:00:00Z",
                "participants": [user("u3"), {"type": "none"}],
                "timeRestriction": {
                    "type": "weekday-and-time-of-day", "restrictions": _days(9, 17),
                },
            },
        ],
    }  # fmt: skip
    return {
        "users": users,
        "rules": rules,
        "teams": [
            {
                "id": "t1", "name": "db", "description": "",
                "members": [
                    {"user": {"id": "u1", "username": USERS["u1"]}, "role": "admin"},
                    {"user": {"id": "u2", "username": USERS["u2"]}, "role": "user"},
                ],
            }
        ],
        "routing": {
            "t1": [
                {
                    "id": "a", "name": "bad", "isDefault": False, "order": 0,
                    "criteria": {
                        "type": "match-all-conditions",
                        "conditions": [
                            {"field": "priority", "operation": "equals", "expectedValue": "P1"},
                            {"field": "extra-properties", "key": "region", "operation": "equals",
                             "expectedValue": "eu", "not": True},
                        ],
                    },
                    "notify": {"type": "escalation", "id": "e1", "name": "db_escalation"},
                },
                {
                    "id": "b", "name": "odd", "isDefault": False, "order": 1,
                    "criteria": {
                        "type": "match-any-condition",
                        "conditions": [
                            {"field": "message", "operation": "contains", "expectedValue": "x"}
                        ],
                    },
                    "notify": {"type": "none"},
                },
                {
                    "id": "c", "name": "Default", "isDefault": True, "order": 2,
                    "criteria": {"type": "match-all"},
                    "notify": {"type": "escalation", "id": "e1", "name": "db_escalation"},
                },
            ]
        },
        "schedules": [
            primary,
            {"id": "s2", "name": "old", "timezone": "UTC", "enabled": False, "rotations": []},
        ],
        "overrides": {
            "s1": [
                {
                    "_parent": {"id": "s1", "name": "primary", "enabled": True}, "alias": "o1",
                    "user": user("u3"), "startDate": "2026-10-07T08:00:00Z",
                    "endDate": "2026-10-08T08:00:00Z",
                    "rotations": [{"id": "r1", "name": "weekly"}],
                },
                {
                    "_parent": {"id": "s1", "name": "primary", "enabled": True}, "alias": "gone",
                    "user": user("u3"), "startDate": "2026-09-07T08:00:00Z",
                    "endDate": "2026-09-08T08:00:00Z", "rotations": [],
                },
            ],
            "s2": [],
        },
        "escalations": [
            {
                "id": "e1", "name": "db_escalation", "description": "",
                "ownerTeam": {"id": "t1", "name": "db"},
                "rules": [
                    _rule(0, {"type": "schedule", "id": "s1", "name": "primary"}),
                    _rule(5, {"type": "schedule", "id": "s1", "name": "primary"}, "next"),
                    _rule(15, {"type": "team", "id": "t1", "name": "db"}, "all"),
                    _rule(15, user("u3")),
                ],
                "repeat": {"waitInterval": 20, "count": 2, "resetRecipientStates": True,
                           "closeAlertAfterAll": False},
            }
        ],
        "forwardings": [
            {
                "id": "f1", "alias": "holiday", "fromUser": {"id": "u2", "username": USERS["u2"]},
                "toUser": {"id": "u3", "username": USERS["u3"]},
                "startDate": "2026-10-06T00:00:00Z", "endDate": "2026-10-07T00:00:00Z",
            }
        ],
        "integrations": [
            {"id": "i1", "name": "prom", "type": "Prometheus", "enabled": True, "teamId": "t1"},
            {"id": "i2", "name": "dog", "type": "Datadog", "enabled": True},
        ],
        "timelines": {"s1": timeline()},
    }  # fmt: skip


def _rule(minutes: int, recipient: dict[str, Any], how: str = "default") -> dict[str, Any]:
    return {
        "condition": "if-not-acked", "notifyType": how, "recipient": recipient,
        "delay": {"timeAmount": minutes, "timeUnit": "minutes"},
    }  # fmt: skip


def timeline() -> dict[str, Any]:
    """Return eight weeks of the schedule as Opsgenie would say it, worked out day by day."""
    start, end = NOW, NOW + timedelta(days=56)
    weekly: list[dict[str, Any]] = []
    office: list[dict[str, Any]] = []
    for week in range(60):
        monday = datetime(2026, 1, 5, 9, tzinfo=BERLIN) + timedelta(weeks=week)
        ends = monday + timedelta(weeks=1)  # the same time on the wall
        weekly.append(_period(monday, ends, ["u1", "u2"][week % 2], "default"))
    for day in range(365):
        begins = datetime(2026, 1, 5, 9, 30, tzinfo=BERLIN) + timedelta(days=day)
        if begins.weekday() < 5 and day % 2 == 0:
            office.append(_period(begins, begins.replace(hour=17, minute=0), "u3", "default"))
    weekly = _with(weekly, "2026-10-07T08:00:00Z", "2026-10-08T08:00:00Z", "u3", "override")
    weekly = _with(weekly, "2026-10-06T00:00:00Z", "2026-10-07T00:00:00Z", "u3", "forwarding")
    rotations = [
        {"id": key, "name": name, "order": float(place), "periods": _inside(periods, start, end)}
        for place, (key, name, periods) in enumerate(
            [("r1", "weekly", weekly), ("r2", "office", office)], 1
        )
    ]
    return {
        "_parent": {"id": "s1", "name": "primary", "enabled": True}, "startDate": _text(start),
        "endDate": _text(end), "finalTimeline": {"rotations": rotations},
    }  # fmt: skip


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _period(start: datetime, end: datetime, key: str, kind: str) -> dict[str, Any]:
    return {
        "startDate": _text(start), "endDate": _text(end), "type": kind,
        "recipient": {"type": "user", "id": key, "name": USERS[key]},
    }  # fmt: skip


def _with(
    periods: list[dict[str, Any]], start: str, end: str, key: str, kind: str
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in periods:
        if one["endDate"] <= start or one["startDate"] >= end:
            found.append(one)
            continue
        if one["startDate"] < start:
            found.append(one | {"endDate": start})
        if one["endDate"] > end:
            found.append(one | {"startDate": end})
    begins, ends = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return [*found, _period(begins, ends, key, kind)]


def _inside(periods: list[dict[str, Any]], start: datetime, end: datetime) -> list[dict[str, Any]]:
    first, last = _text(start), _text(end)
    return [
        one | {"startDate": max(one["startDate"], first), "endDate": min(one["endDate"], last)}
        for one in periods
        if one["startDate"] < last and one["endDate"] > first
    ]


@cache
def _account() -> dict[str, Any]:
    return sample()


def answer(url: str, path: str, query: Mapping[str, str], page: int = 2) -> Any:
    """Return what the API answers, with users in pages.

    Args:
        url: of the server, for the addresses of next pages
        path: of the request
        query: of the request
        page: users of a page
    """
    given = _account()
    parts = path.removeprefix("/v2/").split("/")
    match parts:
        case ["users"]:
            offset = int(query.get("offset", 0))
            body: dict[str, Any] = {"data": given["users"][offset : offset + page]}
            if offset + page < len(given["users"]):
                then = f"{url}/v2/users?limit={page}&offset={offset + page}"
                body["paging"] = {"next": then}
            return body | {"totalCount": len(given["users"]), "took": 0.1, "requestId": "x"}
        case ["users", key]:
            return {"data": next(one for one in given["users"] if one["id"] == key)}
        case ["users", key, "notification-rules"]:
            short = ("id", "name", "actionType", "order", "enabled")
            return {"data": [{name: one[name] for name in short}
                             for one in given["rules"][key]]}  # fmt: skip
        case ["users", key, "notification-rules", rule]:
            return {"data": next(one for one in given["rules"][key] if one["id"] == rule)}
        case ["teams"]:
            return {"data": [{"id": one["id"], "name": one["name"]} for one in given["teams"]]}
        case ["teams", key]:
            return {"data": next(one for one in given["teams"] if one["id"] == key)}
        case ["teams", key, "routing-rules"]:
            return {"data": given["routing"][key]}
        case ["schedules"]:
            return {"data": given["schedules"], "expandable": ["rotation"]}
        case ["schedules", key, "overrides"]:
            return {"data": given["overrides"][key]}
        case ["schedules", key, "timeline"]:
            there = given["timelines"].get(key)
            return None if there is None else {"data": there}
        case ["escalations"]:
            return {"data": given["escalations"]}
        case ["forwarding-rules"]:
            return {"data": given["forwardings"]}
        case ["integrations"]:
            return 403
        case _:
            return None


def write_backup(folder: Path, *, timelines: bool = False) -> Path:
    """Write the account as the backup tool does, and timelines beside it."""
    given = sample()
    root = folder / "OpsGenieBackups"
    files: dict[str, Any] = {}
    for one in given["users"]:
        rules = given["rules"][one["id"]]
        files[f"users/{one['username']}-{one['id']}"] = {
            "user": one, "notificationRuleList": rules
        }  # fmt: skip
    for one in given["teams"]:
        files[f"teams/{one['name']}-{one['id']}"] = {
            "team": one, "teamRoutingRules": given["routing"][one["id"]], "teamRoles": []
        }  # fmt: skip
    for one in given["schedules"]:
        files[f"schedules/{one['name']}-{one['id']}"] = {
            "schedule": one, "scheduleOverrideList": given["overrides"][one["id"]]
        }  # fmt: skip
    for kind in ("escalations", "forwardings"):
        for one in given[kind]:
            files[f"{kind}/{one['id']}"] = one
    for one in given["integrations"]:
        files[f"integrations/{one['id']}"] = {"integration": one, "integrationActions": {}}
    files["policiesV2/p1"] = {"id": "p1"}
    if timelines:
        files["timelines/s1"] = {"data": given["timelines"]["s1"]}
    for name, content in files.items():
        path = root / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), "utf-8")
    return root.parent
