"""What PagerDuty holds of on-call: from its API, or from a folder. Nothing is translated here.

The folder has answers of the API as files: `users.json` (asked with contact methods and
notification rules included), `teams.json`, `members/TEAM.json`, `schedules/ID.json` (each asked
with `since` and `until`), `overrides/ID.json`, `escalation_policies.json`, `services.json`; pages
are `users-2.json` and so on.

Paths and fields are those of REST API v2 by its OpenAPI
(https://github.com/PagerDuty/api-schema, `reference/REST/openapiv3.json` at commit 91a06fb of
2026-08-14). Shift-based schedules of `/v3/schedules` are named and not read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from sentinel.errors import NotFound
from sentinel.ingest.oncall_import.answers import FolderFile, Refused, VendorApi, files_of
from sentinel.ingest.oncall_import.values import number, object_of, objects_of, text_of
from sentinel.printable import counted

__all__ = ["PagerDutyAnswers", "from_api", "from_folder"]

_PAGE = 100
_REACH = 4
"""Quarters of a year for which overrides are asked for."""
_QUARTER = timedelta(days=90)
Objects = list[dict[str, Any]]


class PagerDutyAnswers(msgspec.Struct, kw_only=True):
    """What PagerDuty answered, by its own ids.

    Attributes:
        users: with `contact_methods` and `notification_rules`
        teams: id and name
        members: users and roles, by id of their team
        schedules: with `schedule_layers` and `final_schedule`
        overrides: by id of their schedule
        policies: with `escalation_rules`
        services: with their policy and their integrations
        shift_based: schedules of API v3
        since: from when final schedules are asked for; None where a folder does not say
        until: up to when
        missing: kinds that could not be read, and why
    """

    users: Objects = []
    teams: Objects = []
    members: dict[str, Objects] = {}
    schedules: Objects = []
    overrides: dict[str, Objects] = {}
    policies: Objects = []
    services: Objects = []
    shift_based: Objects = []
    since: datetime | None = None
    until: datetime | None = None
    missing: dict[str, str] = {}


def from_folder(folder: Path) -> PagerDutyAnswers:
    """Read a folder of answers.

    Args:
        folder: of JSON files

    Returns:
        What it holds.

    Raises:
        ConfigurationError: a file cannot be read
    """
    found = PagerDutyAnswers()
    for one in files_of(folder):
        _take(found, one)
    return found


def from_api(
    api: VendorApi, now: datetime, days: int, say: Callable[[str], None]
) -> PagerDutyAnswers:
    """Ask the API.

    Args:
        api: with the key
        now: the present moment
        days: how far ahead final schedules are asked for
        say: called with a line of progress

    Returns:
        What it answered.

    Raises:
        ConfigurationError: it does not answer, or not what is needed
    """
    asking = _Asking(api)
    found = PagerDutyAnswers(since=now, until=now + timedelta(days=days), missing=asking.missing)
    found.users = asking.all("users", include=["contact_methods", "notification_rules"])
    say(f"{counted(len(found.users), 'user')}")
    found.teams = asking.all("teams", optional=True)
    for one in found.teams:
        key = text_of(one.get("id"))
        found.members[key] = asking.all(f"teams/{key}/members", "members", optional=True)
    listed = asking.all("schedules")
    for place, one in enumerate(listed, 1):
        key = text_of(one.get("id"))
        whole = api.get(
            f"schedules/{key}", since=_text(now), until=_text(now + timedelta(days=days)),
            time_zone=text_of(one.get("time_zone")) or "UTC",
        )  # fmt: skip
        found.schedules.append({**one, **object_of(object_of(whole).get("schedule"))})
        found.overrides[key] = asking.overrides(key, now)
        say(f"{place} of {len(listed)} schedules")
    found.policies = asking.all("escalation_policies")
    found.services = asking.all("services", optional=True, include=["integrations"])
    found.shift_based = asking.all("v3/schedules", "schedules", optional=True)
    return found


class _Asking:
    def __init__(self, api: VendorApi) -> None:
        self._api = api
        self.missing: dict[str, str] = {}

    def all(
        self,
        path: str,
        items: str = "",
        *,
        optional: bool = False,
        include: list[str] | None = None,
    ) -> Objects:
        """Return the objects of a list; none where it is optional and may not be read."""
        given: dict[str, Any] = {"limit": _PAGE, "offset": 0}
        if include:
            given["include[]"] = include

        def following(answer: Any) -> str | None:
            fields = object_of(answer)
            if fields.get("more") is not True:
                return None
            offset = number(fields.get("offset"), 0) + max(number(fields.get("limit"), _PAGE), 1)
            return f"{path}?{urlencode({**given, 'offset': offset}, doseq=True)}"

        try:
            return list(self._api.pages(path, items or path, following, **given))
        except (Refused, NotFound) as error:
            if not optional:
                raise
            self.missing[path.partition("/")[0] if items != "schedules" else path] = error.message
            return []

    def overrides(self, key: str, now: datetime) -> Objects:
        found: dict[str, dict[str, Any]] = {}
        for place in range(_REACH):
            since = now + place * _QUARTER
            given = self._api.get(
                f"schedules/{key}/overrides", since=_text(since), until=_text(since + _QUARTER)
            )
            for one in objects_of(object_of(given).get("overrides")):
                found.setdefault(text_of(one.get("id")) or str(len(found)), one)
        return list(found.values())


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


_KINDS = {
    "users": ("users", "user"),
    "teams": ("teams", "team"),
    "schedules": ("schedules", "schedule"),
    "escalation_policies": ("policies", "escalation_policy"),
    "services": ("services", "service"),
}
"""Of each kind of file: the field of the answers, and the name of one object."""


def _take(found: PagerDutyAnswers, file: FolderFile) -> None:
    kind, content = file.kind, object_of(file.content)
    if kind in _KINDS:
        field, single = _KINDS[kind]
        into: Objects = getattr(found, field)
        into += objects_of(content.get(kind)) or objects_of(file.content)
        if one := object_of(content.get(single)):
            into.append(one)
    elif kind == "members":
        found.members.setdefault(file.last, []).extend(objects_of(content.get("members")))
    elif kind == "overrides":
        found.overrides.setdefault(file.last, []).extend(objects_of(content.get("overrides")))
