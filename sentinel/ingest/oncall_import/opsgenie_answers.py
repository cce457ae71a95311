"""What Opsgenie holds of on-call: from its API, or from a folder. Nothing is translated here.

The folder is that of its configuration backup (`OpsGenieBackups`: users, teams, schedules,
escalations, forwardings, integrations; https://github.com/opsgenie/opsgenie-configuration-backup,
read at commit 356ab17 of 2023-07-24), or answers of the API as files: `users.json`,
`users-2.json`, `schedules.json`, `overrides/ID.json`, `timelines/ID.json`,
`notification-rules/USER/ID.json`, `routing-rules/TEAM.json`. The backup has no timelines, and
overrides only where its tool was told to.

Paths and fields are those of https://docs.opsgenie.com/docs/api-overview by its OpenAPI
(https://github.com/opsgenie/opsgenie-oas, read at commit 71c5534 of 2021-02-19).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sentinel.errors import NotFound
from sentinel.ingest.oncall_import.answers import FolderFile, Refused, VendorApi, files_of
from sentinel.ingest.oncall_import.values import object_of, objects_of, text_of

__all__ = ["ADDRESS", "OpsgenieAnswers", "from_api", "from_folder"]

ADDRESS = "https://api.opsgenie.com"
_BACKUP = "OpsGenieBackups"
_PAGE = 100
_NOT_READ = {
    "policies": "alert and notification policies", "policiesV2": "alert and notification policies",
    "orders": "alert and notification policies", "customUserRoles": "roles of users",
    "maintenance": "maintenance windows",
}  # fmt: skip
Objects = list[dict[str, Any]]


class OpsgenieAnswers(msgspec.Struct, kw_only=True):
    """What Opsgenie answered, by its own ids.

    Attributes:
        users: with `userContacts`
        rules: notification rules with their steps, by id or user name of their user
        teams: with `members`
        routing: routing rules, by id or name of their team
        schedules: with `rotations`
        overrides: by id or name of their schedule
        timelines: by id or name of their schedule
        escalations: with `rules`
        forwardings: of users
        integrations: id, name, type, enabled
        missing: kinds that could not be read, and why
    """

    users: Objects = []
    rules: dict[str, Objects] = {}
    teams: Objects = []
    routing: dict[str, Objects] = {}
    schedules: Objects = []
    overrides: dict[str, Objects] = {}
    timelines: dict[str, dict[str, Any]] = {}
    escalations: Objects = []
    forwardings: Objects = []
    integrations: Objects = []
    missing: dict[str, str] = {}


def from_folder(folder: Path) -> OpsgenieAnswers:
    """Read a folder.

    Args:
        folder: of the backup tool, above or at `OpsGenieBackups`; or of answers of the API

    Returns:
        What it holds.

    Raises:
        ConfigurationError: a file cannot be read
    """
    found = OpsgenieAnswers()
    inner = folder / _BACKUP
    for one in files_of(inner if inner.is_dir() else folder):
        _take(found, one)
    if found.schedules and not found.timelines:
        found.missing["timelines"] = (
            "the folder has none: who is on call before is worked out from the rotations"
        )
    return found


def from_api(api: VendorApi, now: datetime, days: int, say: Callable[[str], None]) -> (
    OpsgenieAnswers
):  # fmt: skip
    """Ask the API.

    Args:
        api: with the key
        now: the present moment
        days: how far ahead timelines are asked for
        say: called with a line of progress

    Returns:
        What it answered.

    Raises:
        ConfigurationError: it does not answer, or not what is needed
    """
    asking = _Asking(api, say)
    found = OpsgenieAnswers(missing=asking.missing)
    found.users = asking.users(found.rules)
    found.teams = asking.teams(found.routing)
    found.schedules = asking.all("v2/schedules", expand="rotation")
    say(f"{len(found.schedules)} schedules")
    for one in found.schedules:
        key = text_of(one.get("id"))
        if one.get("enabled") is False:
            continue  # nobody is on call by it
        path = f"v2/schedules/{key}"
        found.overrides[key] = asking.all(f"{path}/overrides", optional="overrides")
        timeline = asking.optionally(
            "timelines", f"{path}/timeline", interval=days, intervalUnit="days",
            date=now.isoformat(timespec="seconds"),
        )  # fmt: skip
        if timeline is not None:
            found.timelines[key] = object_of(timeline.get("data"))
    found.escalations = asking.all("v2/escalations")
    found.forwardings = asking.all("v2/forwarding-rules", optional="forwardings")
    found.integrations = asking.all("v2/integrations", optional="integrations")
    return found


class _Asking:
    def __init__(self, api: VendorApi, say: Callable[[str], None]) -> None:
        self._api, self._say = api, say
        self.missing: dict[str, str] = {}

    def all(self, path: str, optional: str = "", **params: Any) -> Objects:
        """Return the objects of a list; none where it is optional and may not be read."""
        try:
            return list(self._api.pages(path, "data", _next, **params))
        except (Refused, NotFound) as error:
            if not optional:
                raise
            self.missing[optional] = error.message
            return []

    def optionally(self, kind: str, path: str, **params: Any) -> dict[str, Any] | None:
        try:
            return object_of(self._api.get(path, **params))
        except (Refused, NotFound) as error:
            self.missing[kind] = error.message
            return None

    def users(self, rules: dict[str, Objects]) -> Objects:
        listed = self.all("v2/users", limit=_PAGE, offset=0)
        found: Objects = []
        for place, one in enumerate(listed, 1):
            key = text_of(one.get("id"))
            whole = self.optionally("contacts", f"v2/users/{key}", expand="contact") or {}
            found.append({**one, **object_of(whole.get("data"))})
            path = f"v2/users/{key}/notification-rules"
            rules[key] = [
                {**meta, **object_of((self.optionally("notification rules",
                                                      f"{path}/{text_of(meta.get('id'))}")
                                      or {}).get("data"))}
                for meta in self.all(path, optional="notification rules")
                if meta.get("actionType") == "create-alert"
            ]  # fmt: skip
            self._say(f"{place} of {len(listed)} users")
        return found

    def teams(self, routing: dict[str, Objects]) -> Objects:
        listed = self.all("v2/teams")
        found: Objects = []
        for place, one in enumerate(listed, 1):
            key = text_of(one.get("id"))
            whole = object_of(self._api.get(f"v2/teams/{key}"))
            found.append({**one, **object_of(whole.get("data"))})
            routing[key] = self.all(f"v2/teams/{key}/routing-rules", optional="routing rules")
            self._say(f"{place} of {len(listed)} teams")
        return found


def _next(answer: Any) -> str | None:
    return text_of(object_of(object_of(answer).get("paging")).get("next")) or None


def _take(found: OpsgenieAnswers, file: FolderFile) -> None:
    kind = file.kind
    if kind in _NOT_READ:
        found.missing[kind] = f"{_NOT_READ[kind]} are not read"
    for one in _items(file.content):
        if kind == "users":
            found.users.append(user := object_of(one.get("user")) or one)
            given = objects_of(one.get("notificationRuleList"))
            found.rules.setdefault(text_of(user.get("id")), []).extend(given)
        elif kind == "teams":
            found.teams.append(team := object_of(one.get("team")) or one)
            given = objects_of(one.get("teamRoutingRules"))
            found.routing.setdefault(text_of(team.get("id")), []).extend(given)
        elif kind == "schedules":
            found.schedules.append(schedule := object_of(one.get("schedule")) or one)
            given = objects_of(one.get("scheduleOverrideList"))
            found.overrides.setdefault(text_of(schedule.get("id")), []).extend(given)
        elif kind == "overrides":
            found.overrides.setdefault(_parent(one) or file.last, []).append(one)
        elif kind == "timelines":
            found.timelines[_parent(one) or file.last] = one
        elif kind == "notification-rules":
            found.rules.setdefault(file.last, []).append(one)
        elif kind == "routing-rules":
            found.routing.setdefault(file.last, []).append(one)
        elif kind == "escalations":
            found.escalations.append(one)
        elif kind in ("forwardings", "forwarding-rules"):
            found.forwardings.append(one)
        elif kind == "integrations":
            found.integrations.append(object_of(one.get("integration")) or one)


def _items(content: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of an answer, of a list, or the one object that a backup's file is."""
    given: object = object_of(content).get("data", content)
    yield from objects_of(given)
    if one := object_of(given):
        yield one


def _parent(one: dict[str, Any]) -> str:
    parent = object_of(one.get("_parent"))
    return text_of(parent.get("id")) or text_of(parent.get("name"))
