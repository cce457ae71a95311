"""A Grafana OnCall account as its API answers it, and its shifts expanded as its own code does.

No schema of its API is published: fields are those of `engine/apps/public_api/serializers` in
https://github.com/grafana/oncall at commit 3666186 of 2026-01-05.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, HOURLY, WEEKLY, rrule

__all__ = ["DAYS", "NOW", "answer", "events", "sample", "write_folder"]

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
DAYS = 56
BERLIN = ZoneInfo("Europe/Berlin")
NAMES = {"U1": "ann", "U2": "ben", "U3": "cem"}
_FREQUENCIES: dict[str, Literal[2, 3, 4]] = {"hourly": HOURLY, "daily": DAILY, "weekly": WEEKLY}
_DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def events(
    shift: Mapping[str, Any], until: datetime
) -> Iterator[tuple[datetime, datetime, Sequence[str]]]:
    """Yield the events of a shift as `convert_to_ical` makes them: a rule for each group.

    Args:
        shift: as the API has it
        until: naive

    Yields:
        Start and end on the wall clock, and the ids of the people.
    """
    start = datetime.fromisoformat(shift["start"])
    since = datetime.fromisoformat(shift.get("rotation_start") or shift["start"])
    length = timedelta(seconds=shift["duration"])
    if shift["type"] in ("single_event", "override"):
        yield start, start + length, shift["users"]
        return
    groups = shift["rolling_users"] if shift["type"] == "rolling_users" else [shift["users"]]
    first = shift.get("start_rotation_from_user_index") or 0
    groups = [*groups[first:], *groups[:first]]
    interval, freq = shift["interval"], _FREQUENCIES[shift["frequency"]]
    named: list[str] = shift.get("by_day") or []
    days = [_DAYS.index(day) for day in named]
    week = _DAYS.index(shift.get("week_start") or "SU")
    if days and freq == DAILY and len(groups) > 1:
        for place, at in enumerate(rrule(DAILY, dtstart=start, byweekday=days, until=until)):
            if at >= since:
                yield at, at + length, groups[place // interval % len(groups)]
        return
    monday = start - timedelta(days=(start.weekday() - week) % 7)
    step = {HOURLY: timedelta(hours=1), DAILY: timedelta(days=1), WEEKLY: timedelta(weeks=1)}[freq]
    for place, group in enumerate(groups):
        begins = start + place * interval * step
        if days and place:
            begins = monday + place * interval * step
        rule = rrule(
            freq, dtstart=begins, interval=interval * len(groups), wkst=week,
            byweekday=days or None, until=until,
        )  # fmt: skip
        yield from ((at, at + length, group) for at in rule if at >= since)


def sample(more: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return what the account holds, by the name of the path.

    Args:
        more: shifts of the first schedule, with the fields that differ from the first shift
    """
    shifts = [
        {
            "id": "O1", "name": "weeks", "type": "rolling_users", "team_id": None,
            "schedule": "S1", "time_zone": None, "level": 0, "start": "2026-01-05T09:00:00",
            "rotation_start": "2026-01-05T09:00:00", "duration": 604800, "frequency": "weekly",
            "interval": 1, "week_start": "MO", "by_day": None, "by_month": None,
            "by_monthday": None, "until": None, "rolling_users": [["U1"], ["U2", "U3"]],
            "start_rotation_from_user_index": 1,
        },
        {
            "id": "O2", "name": "evenings", "type": "rolling_users", "team_id": None,
            "schedule": "S1", "time_zone": None, "level": 2, "start": "2026-01-06T20:30:00",
            "rotation_start": "2026-01-06T20:30:00", "duration": 28800, "frequency": "weekly",
            "interval": 2, "week_start": "MO", "by_day": ["TU", "SU"], "by_month": None,
            "by_monthday": None, "rolling_users": [["U3"], ["U1"]],
            "start_rotation_from_user_index": 0,
        },
        {
            "id": "O3", "name": "fair", "type": "single_event", "team_id": None,
            "schedule": "S1", "time_zone": "Europe/Berlin", "level": 3,
            "start": "2026-10-20T08:00:00", "rotation_start": "2026-10-20T08:00:00",
            "duration": 36000, "users": ["U2"],
        },
        {
            "id": "O4", "name": "Override-1", "type": "override", "team_id": None,
            "schedule": "S1", "time_zone": None, "start": "2026-10-07T10:00:00",
            "rotation_start": "2026-10-07T10:00:00", "duration": 7200, "users": ["U3"],
        },
        {
            "id": "O5", "name": "ended", "type": "recurrent_event", "team_id": None,
            "schedule": "S1", "time_zone": None, "level": 9, "start": "2026-01-05T00:00:00",
            "rotation_start": "2026-01-05T00:00:00", "duration": 3600, "frequency": "daily",
            "interval": 1, "until": "2026-02-01T00:00:00", "by_day": None, "users": ["U1"],
        },
        {
            "id": "O6", "name": "monthly", "type": "recurrent_event", "team_id": None,
            "schedule": "S1", "time_zone": None, "level": 1, "start": "2026-01-05T00:00:00",
            "duration": 3600, "frequency": "monthly", "interval": 1, "by_day": None,
            "users": ["U1"],
        },
    ]  # fmt: skip
    added = [shifts[0] | one for one in more]
    final = _final([*shifts[:4], *added])
    shifts += added
    return {
        "users": [
            {"id": key, "grafana_id": 1, "email": f"{name}@example.org", "username": name,
             "slack": None, "role": "user", "is_phone_number_verified": True,
             "timezone": "Europe/Berlin", "teams": ["T1"] if key != "U3" else []}
            for key, name in NAMES.items()
        ],
        "teams": [{"id": "T1", "grafana_id": 1, "name": "db", "email": "", "avatar_url": ""}],
        "personal_notification_rules": [
            _rule("U1", 0, "notify_by_slack"), _rule("U1", 1, "wait", duration=300),
            _rule("U1", 2, "notify_by_email"), _rule("U1", 3, "notify_by_sms"),
            _rule("U1", 0, "notify_by_email", important=True),
        ],
        "schedules": [
            {"id": "S1", "team_id": None, "name": "primary", "type": "web",
             "time_zone": "Europe/Berlin", "on_call_now": ["U1"], "slack": {},
             "shifts": [one["id"] for one in shifts]},
            {"id": "S2", "team_id": None, "name": "rota", "type": "ical",
             "ical_url_primary": "https://example.org/s3cret.ics", "ical_url_overrides": None,
             "on_call_now": [], "slack": {}},
        ],
        "on_call_shifts": shifts,
        "shift_swaps": [
            {"id": "W1", "schedule": "S1", "status": "taken", "beneficiary": "U1",
             "benefactor": "U2", "swap_start": "2026-10-13T00:00:00.000000Z",
             "swap_end": "2026-10-14T00:00:00.000000Z"},
            {"id": "W2", "schedule": "S1", "status": "open", "beneficiary": "U1",
             "benefactor": None, "swap_start": "2026-10-15T00:00:00Z",
             "swap_end": "2026-10-16T00:00:00Z"},
        ],
        "escalation_chains": [{"id": "F1", "name": "default", "team_id": None}],
        "escalation_policies": [
            _step(0, "notify_on_call_from_schedule", notify_on_call_from_schedule="S1"),
            _step(1, "notify_persons", persons_to_notify=["U3"], important=True),
            _step(2, "wait", duration=600),
            _step(3, "notify_team_members", team_to_notify="T1"),
            _step(4, "trigger_webhook", action_to_trigger="X"),
            _step(5, "wait", duration=900),
            _step(6, "repeat_escalation"),
        ],
        "integrations": [
            {"id": "C1", "name": "am", "type": "alertmanager", "team_id": None, "link": "x",
             "default_route": {"id": "R1", "escalation_chain_id": "F1"}},
            {"id": "C2", "name": "zab", "type": "zabbix", "default_route": {}},
        ],
        "routes": [
            {"id": "R2", "integration_id": "C1", "escalation_chain_id": "F1",
             "routing_regex": "us-east", "position": 0, "is_the_last_route": False},
            {"id": "R1", "integration_id": "C1", "escalation_chain_id": "F1",
             "routing_regex": None, "position": 1, "is_the_last_route": True},
        ],
        "final_shifts": {"S1": final, "S2": [
            _shift("U3", NOW, NOW + timedelta(days=2)),
            _shift("U1", NOW + timedelta(days=2), NOW + timedelta(days=9)),
        ]},
    }  # fmt: skip


def _rule(user: str, position: int, kind: str, **more: Any) -> dict[str, Any]:
    fields = {"id": f"N{position}", "user_id": user, "position": position, "type": kind}
    return fields | {"important": False} | more


def _step(position: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": f"E{position}", "escalation_chain_id": "F1", "position": position,
            "type": kind} | more  # fmt: skip


def _shift(user: str, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "user_pk": user, "user_email": f"{NAMES[user]}@example.org", "user_username": NAMES[user],
        "shift_start": start.isoformat(), "shift_end": end.isoformat(),
    }  # fmt: skip


def _final(shifts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the final shifts by half hours: overrides, then the highest level, then swaps."""
    end = NOW + timedelta(days=DAYS)
    local_end = end.replace(tzinfo=None) + timedelta(days=1)
    held = [(one, list(events(one, local_end))) for one in shifts]
    found: list[dict[str, Any]] = []
    at, step = NOW, timedelta(minutes=30)
    while at < end:
        shown = at.astimezone(BERLIN).replace(tzinfo=None)
        now = [
            (one["type"] == "override", one.get("level", 0), who)
            for one, listed in held
            for begins, ends, who in listed
            if begins <= shown < ends
        ]
        best = max((one[:2] for one in now), default=None)
        for user in dict.fromkeys(key for one in now if one[:2] == best for key in one[2]):
            swapped = at.date() == datetime(2026, 10, 13, tzinfo=UTC).date() and user == "U1"
            found.append(_shift("U2" if swapped else user, at, at + step))
        at += step
    return found


@cache
def _account() -> dict[str, Any]:
    return sample()


def answer(url: str, path: str, query: Mapping[str, str]) -> Any:
    """Return what the API answers, with lists in pages of two.

    Args:
        url: of the server, for the addresses of next pages
        path: of the request
        query: of the request
    """
    given = _account()
    match path.removeprefix("/oncall/api/v1/").rstrip("/").split("/"):
        case ["routes"]:
            return 403
        case ["schedules", key, "final_shifts"] if query["start_date"] == "2026-10-01T12:00":
            return {"count": 1, "next": None, "previous": None,
                    "results": given["final_shifts"][key]}  # fmt: skip
        case [kind] if kind in given:
            page = int(query.get("page", 1))
            more = page * 2 < len(given[kind])
            return {
                "count": len(given[kind]), "previous": None,
                "next": f"{url}{path}?page={page + 1}" if more else None,
                "results": given[kind][page * 2 - 2 : page * 2],
            }  # fmt: skip
        case _:
            return None


def write_folder(folder: Path) -> Path:
    """Write the answers of the API as files."""
    given = sample()
    files: dict[str, Any] = {name: given[name] for name in given if name != "final_shifts"}
    files |= {f"final_shifts/{key}": one for key, one in given["final_shifts"].items()}
    for name, items in files.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"results": items}), "utf-8")
    return folder
