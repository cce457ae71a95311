"""A PagerDuty account as its REST API answers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["NOW", "answer", "sample", "write_folder"]

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
DAYS = 56
ZONE = ZoneInfo("America/New_York")
NAMES = {"PANN": "Ann", "PBEN": "Ben", "PCEM": "Cem"}


def reference(key: str, kind: str = "user_reference", summary: str = "") -> dict[str, Any]:
    return {"id": key, "type": kind, "summary": summary or NAMES.get(key, key)}


def sample(*, elapsed: bool = False) -> dict[str, Any]:
    """Return what the account holds.

    Args:
        elapsed: whether turns count elapsed seconds, so that handoffs move where the clock changes
    """
    users = [
        {
            "id": key, "type": "user", "name": name, "email": f"{name.lower()}@example.org",
            "time_zone": "America/New_York", "role": "user",
            "contact_methods": [
                {"id": f"{key}M", "type": "email_contact_method", "label": "Work",
                 "address": f"{name.lower()}@example.org"},
                {"id": f"{key}S", "type": "sms_contact_method", "label": "Mobile",
                 "address": "555 0100", "country_code": 1},
                {"id": f"{key}A", "type": "push_notification_contact_method", "label": "Phone",
                 "address": "x"},
            ],
            "notification_rules": [
                _rule(key, "A", "push_notification", 0), _rule(key, "S", "sms", 5),
                _rule(key, "M", "email", 0), _rule(key, "M", "email", 0, "low"),
            ],
        }
        for key, name in NAMES.items()
    ]  # fmt: skip
    users[2]["notification_rules"] = []
    weekly = {
        "id": "L1", "name": "Layer 1", "start": "2026-01-05T12:00:00-05:00", "end": None,
        "rotation_virtual_start": "2026-01-05T09:00:00-05:00",
        "rotation_turn_length_seconds": 604800, "restrictions": [],
        "users": [{"user": reference("PANN")}, {"user": reference("PBEN")}],
    }  # fmt: skip
    office = {
        "id": "L2", "name": "Office", "start": "2026-01-05T09:00:00-05:00", "end": None,
        "rotation_virtual_start": "2026-01-05T09:00:00-05:00",
        "rotation_turn_length_seconds": 86400,
        "users": [{"user": reference("PCEM")}],
        "restrictions": [
            {"type": "weekly_restriction", "start_day_of_week": day,
             "start_time_of_day": "22:00:00", "duration_seconds": 14400}
            for day in (1, 7)
        ],
    }  # fmt: skip
    gone = weekly | {"id": "L0", "name": "Old", "end": "2026-02-01T00:00:00Z"}
    override = {
        "id": "PO1", "start": "2026-10-07T08:00:00-04:00", "end": "2026-10-07T20:00:00-04:00",
        "user": reference("PCEM"),
    }  # fmt: skip
    return {
        "users": users,
        "teams": [{"id": "PT1", "type": "team", "name": "db", "description": "data"}],
        "members": {"PT1": [
            {"user": reference("PANN"), "role": "manager"},
            {"user": reference("PBEN"), "role": "responder"},
            {"user": reference("PX", summary="Xena"), "role": "observer"},
        ]},
        "schedules": [
            {
                "id": "PS1", "type": "schedule", "name": "primary", "summary": "primary",
                "description": "", "time_zone": "America/New_York",
                "schedule_layers": [office, weekly, gone],
                "final_schedule": {
                    "name": "Final Schedule",
                    "rendered_schedule_entries": _final(override, elapsed=elapsed),
                },
            }
        ],
        "overrides": {"PS1": [override]},
        "policies": [
            {
                "id": "PE1", "type": "escalation_policy", "name": "db policy", "num_loops": 2,
                "on_call_handoff_notifications": "if_has_services",
                "teams": [reference("PT1", "team_reference", "db")],
                "escalation_rules": [
                    {"id": "R1", "escalation_delay_in_minutes": 10, "targets": [
                        reference("PS1", "schedule_reference", "primary")],
                     "escalation_rule_assignment_strategy": "assign_to_everyone"},
                    {"id": "R2", "escalation_delay_in_minutes": 15, "targets": [
                        reference("PV", "schedule_v3_reference", "shifts")]},
                    {"id": "R3", "escalation_delay_in_minutes": 30, "targets": [
                        reference("PANN"), reference("PCEM")],
                     "escalation_rule_assignment_strategy": "round_robin"},
                ],
            }
        ],
        "services": [
            {
                "id": "PV1", "type": "service", "name": "shop", "status": "active",
                "acknowledgement_timeout": 1800, "auto_resolve_timeout": 14400,
                "escalation_policy": reference("PE1", "escalation_policy_reference", "db policy"),
                "integrations": [
                    {"id": "PI1", "type": "events_api_v2_inbound_integration", "name": "prom"},
                    {"id": "PI2", "type": "generic_email_inbound_integration", "name": "mails"},
                ],
            }
        ],
        "shift_based": [{"id": "PV", "type": "schedule_v3_reference", "summary": "shifts"}],
    }  # fmt: skip


def _rule(key: str, method: str, kind: str, minutes: int, urgency: str = "high") -> dict[str, Any]:
    return {
        "id": f"{key}{method}{urgency}", "type": "assignment_notification_rule",
        "start_delay_in_minutes": minutes, "urgency": urgency,
        "contact_method": {"id": f"{key}{method}", "type": f"{kind}_contact_method_reference"},
    }  # fmt: skip


def _final(override: Mapping[str, Any], *, elapsed: bool) -> list[dict[str, Any]]:
    """Return who is on call, worked out quarter by quarter of an hour."""
    first = datetime(2026, 1, 5, 9, tzinfo=ZONE)
    start, end = (datetime.fromisoformat(override[one]) for one in ("start", "end"))
    step = timedelta(minutes=15)
    entries: list[dict[str, Any]] = []
    at = NOW
    while at < NOW + timedelta(days=DAYS):
        shown = at.astimezone(ZONE)
        gone = at - first if elapsed else shown.replace(tzinfo=None) - first.replace(tzinfo=None)
        who = ["PANN", "PBEN"][gone // timedelta(weeks=1) % 2]
        # Mondays and Sundays at 22:00, for four hours, over midnight.
        evening = shown.weekday() in (0, 6) and shown.hour >= 22
        night = shown.weekday() in (0, 1) and shown.hour < 2
        if evening or night:
            who = "PCEM"
        if start <= at < end:
            who = "PCEM"
        if entries and entries[-1]["user"]["id"] == who:
            entries[-1]["end"] = (at + step).isoformat()
        else:
            entries.append({"start": at.isoformat(), "end": (at + step).isoformat(),
                            "user": reference(who)})  # fmt: skip
        at += step
    return entries


@cache
def _account() -> dict[str, Any]:
    return sample()


def answer(url: str, path: str, query: Mapping[str, str]) -> Any:
    """Return what the API answers, with lists in pages of two.

    Args:
        url: of the server
        path: of the request
        query: of the request
    """
    given = _account()

    def paged(kind: str, items: list[Any]) -> dict[str, Any]:
        offset = int(query["offset"])
        more = offset + 2 < len(items)
        return {kind: items[offset : offset + 2], "limit": 2, "offset": offset, "more": more}

    match path.removeprefix("/").split("/"):
        case ["users"] if query.get("include[]") == "contact_methods":
            return paged("users", given["users"])
        case ["teams"]:
            return paged("teams", given["teams"])
        case ["teams", key, "members"]:
            return paged("members", given["members"][key])
        case ["schedules"]:
            return paged("schedules", [{"id": "PS1", "name": "primary",
                                        "time_zone": "America/New_York"}])  # fmt: skip
        case ["schedules", "PS1"] if query["time_zone"] == "America/New_York":
            return {"schedule": given["schedules"][0]}
        case ["schedules", key, "overrides"]:
            return {"overrides": given["overrides"][key]}
        case ["escalation_policies"]:
            return paged("escalation_policies", given["policies"])
        case ["services"]:
            return paged("services", given["services"])
        case ["v3", "schedules"]:
            return {"schedules": given["shift_based"], "limit": 100, "offset": 0, "more": False}
        case _:
            return None


def write_folder(folder: Path) -> Path:
    """Write the answers of the API as files."""
    given = sample()
    files: dict[str, Any] = {
        "users": {"users": given["users"][:2]}, "users-2": {"users": given["users"][2:]},
        "teams": {"teams": given["teams"]}, "members/PT1": {"members": given["members"]["PT1"]},
        "schedules/PS1": {"schedule": given["schedules"][0]},
        "overrides/PS1": {"overrides": given["overrides"]["PS1"]},
        "escalation_policies": {"escalation_policies": given["policies"]},
        "services": {"services": given["services"]},
    }  # fmt: skip
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), "utf-8")
    return folder
