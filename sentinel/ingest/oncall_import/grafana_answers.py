"""What Grafana OnCall holds: from its API, or from a folder. Nothing is translated here.

The folder has answers of the API as files: `users.json`, `teams.json`, `schedules.json`,
`on_call_shifts.json`, `final_shifts/SCHEDULE.json`, `shift_swaps.json`, `escalation_chains.json`,
`escalation_policies.json`, `personal_notification_rules.json`, `integrations.json`, `routes.json`;
pages are `users-2.json` and so on.

Paths and fields are those of its HTTP API (https://github.com/grafana/oncall,
`docs/sources/oncall-api-reference` and `engine/apps/public_api/serializers` at commit 3666186 of
2026-01-05).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from sentinel.errors import NotFound
from sentinel.ingest.oncall_import.answers import Refused, VendorApi, files_of
from sentinel.ingest.oncall_import.values import object_of, objects_of, text_of

__all__ = ["GrafanaAnswers", "from_api", "from_folder"]

_KINDS = (
    "users", "teams", "schedules", "on_call_shifts", "shift_swaps", "escalation_chains",
    "escalation_policies", "personal_notification_rules", "integrations", "routes",
)  # fmt: skip
_NEEDED = ("users", "schedules", "on_call_shifts", "escalation_chains", "escalation_policies")
Objects = list[dict[str, Any]]


class GrafanaAnswers(msgspec.Struct, kw_only=True):
    """What Grafana OnCall answered.

    Attributes:
        lists: objects by the name of their path
        final_shifts: who is on call, by id of the schedule
        since: from when final shifts are asked for; None where a folder does not say
        until: up to when
        missing: kinds that could not be read, and why
    """

    lists: dict[str, Objects] = {}
    final_shifts: dict[str, Objects] = {}
    since: datetime | None = None
    until: datetime | None = None
    missing: dict[str, str] = {}

    def of(self, kind: str) -> Objects:
        """Return the objects of a path."""
        return self.lists.get(kind, [])


def from_folder(folder: Path) -> GrafanaAnswers:
    """Read a folder of answers.

    Args:
        folder: of JSON files

    Returns:
        What it holds.

    Raises:
        ConfigurationError: a file cannot be read
    """
    found = GrafanaAnswers()
    for one in files_of(folder):
        items = objects_of(object_of(one.content).get("results")) or objects_of(one.content)
        if one.kind in _KINDS:
            found.lists.setdefault(one.kind, []).extend(items)
        elif one.kind == "final_shifts":
            found.final_shifts.setdefault(one.last, []).extend(items)
    return found


def from_api(
    api: VendorApi, now: datetime, days: int, say: Callable[[str], None]
) -> GrafanaAnswers:
    """Ask the API.

    Args:
        api: with the token
        now: the present moment
        days: how far ahead final shifts are asked for
        say: called with a line of progress

    Returns:
        What it answered.

    Raises:
        ConfigurationError: it does not answer
        Refused: it may not be asked for what is needed
        NotFound: there is no such path
    """
    since = now.replace(second=0, microsecond=0)
    found = GrafanaAnswers(since=since, until=since + timedelta(days=days))
    for kind in _KINDS:
        try:
            found.lists[kind] = list(api.pages(f"api/v1/{kind}/", "results", _next))
        except (Refused, NotFound) as error:
            if kind in _NEEDED:
                raise
            found.missing[kind] = error.message
        say(f"{kind}: {len(found.of(kind))}")
    for one in found.of("schedules"):
        key = text_of(one.get("id"))
        given = {"start_date": _text(since), "end_date": _text(found.until or since)}
        path = f"api/v1/schedules/{key}/final_shifts"
        try:
            found.final_shifts[key] = list(api.pages(path, "results", _next, **given))
        except (Refused, NotFound) as error:
            found.missing["final_shifts"] = error.message
    return found


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


def _next(answer: Any) -> str | None:
    return text_of(object_of(answer).get("next")) or None
