"""Deployments written as entries of a `prefect.yaml`, so that they can be deployed again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sentinel.errors import NotFound
from sentinel.expression import yaml_document
from sentinel.printable import printable_json
from sentinel.rollout.plan import Live

__all__ = ["entry_of", "exported", "written"]

_RULES = "flows.rules."
_LEFT_OUT = ("id", "created", "updated", "deployment_id", "active")


def entry_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a file for a deployment as Prefect's API returns it."""
    pool: dict[str, Any] = {"name": deployment.get("work_pool_name")}
    if deployment.get("work_queue_name") not in (None, "", "default"):
        pool["work_queue_name"] = deployment["work_queue_name"]
    if deployment.get("job_variables"):
        pool["job_variables"] = deployment["job_variables"]
    made: dict[str, Any] = {
        "name": deployment["name"],
        "description": deployment.get("description"),
        "tags": list(deployment.get("tags") or ()),
        "entrypoint": deployment["entrypoint"],
        "pull": [],
        "work_pool": pool,
        "parameters": deployment.get("parameters") or {},
        "schedules": [_schedule(one) for one in deployment.get("schedules") or ()],
    }
    limit = deployment.get("concurrency_limit")
    if limit is None and isinstance(deployment.get("global_concurrency_limit"), Mapping):
        limit = deployment["global_concurrency_limit"].get("limit")
    options: Mapping[str, Any] = deployment.get("concurrency_options") or {}
    if limit is not None:
        made["concurrency_limit"] = {"limit": limit, **options} if options else limit
    if deployment.get("paused"):
        made["paused"] = True
    return {name: value for name, value in made.items() if value not in (None, [])} | {
        "pull": [],
        "schedules": made["schedules"],
    }


def exported(live: Sequence[Live], names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the entries of a file for deployments that are rules, by name.

    Args:
        live: deployments
        names: of rules that must be among them

    Returns:
        The entries.

    Raises:
        NotFound: a named rule is not among them; names it
    """
    entries = [
        entry_of(one.deployment)
        for one in sorted(live, key=lambda one: (one.name, one.id))
        if str(one.deployment.get("entrypoint") or "").startswith(_RULES)
    ]
    missing = sorted(set(names) - {one["name"] for one in entries})
    if missing:
        raise NotFound(
            f"Prefect has no deployment of the rule {', '.join(missing)}",
            hint="List rules: sentinel rule list. Deploy them: sentinel deploy",
        )
    return entries


def _schedule(given: Mapping[str, Any]) -> dict[str, Any]:
    schedule: Mapping[str, Any] = given.get("schedule") or {}
    made: dict[str, Any] = {
        name: value
        for name, value in schedule.items()
        if value is not None and name not in _LEFT_OUT
    }
    if isinstance(made.get("interval"), float) and made["interval"].is_integer():
        made["interval"] = int(made["interval"])
    if given.get("slug"):
        made["slug"] = given["slug"]
    if given.get("parameters"):
        made["parameters"] = given["parameters"]
    if given.get("active") is False:
        made["active"] = False
    return made


def written(entries: Sequence[Mapping[str, Any]], form: Literal["yaml", "json"]) -> str:
    """Return the text of a file with these entries.

    Args:
        entries: as `entry_of` returns them
        form: of the file

    Returns:
        The text, with a line end.
    """
    whole = {"name": "sentinel", "deployments": list(entries)}
    if form == "json":
        text = msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
        return printable_json(text) + "\n"
    return yaml_document.written(whole)
