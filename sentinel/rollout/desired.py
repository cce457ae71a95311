"""The desired state of a deployment, in the format of Prefect's API. Pure.

It is what `prefect deploy` would send for the same entry; a test compares the two on a real
server. Unlike that command, a rollout keeps a deployment's pause, and keeps schedules and
Automations enabled or disabled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
from pydantic import TypeAdapter, ValidationError

from sentinel.errors import RuleError
from sentinel.rollout.files import Entry
from sentinel.timing.schedule import anchor_for

__all__ = ["Desired", "FlowFacts", "desired_of", "is_templated"]

_INTERVAL: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_NEEDS_PREFECT = {
    "build": "build steps",
    "push": "push steps",
    "sla": "service level agreements",
}


class FlowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a flow that its deployments have.

    Attributes:
        name: name of the flow
        version: hash of its code
        description: description in its docstring
        form: JSON schema of its parameters
    """

    name: str
    version: str | None
    description: str | None
    form: dict[str, Any]


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state of a deployment.

    Attributes:
        flow: name of its flow
        body: body of `POST /deployments/`, without the flow's id and the labels; it has a
            schedule's `active` and the deployment's `paused` only if the entry has them
        automations: the Automations of its `triggers`, without the deployment's id
    """

    flow: str
    body: dict[str, Any]
    automations: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """The deployment's name."""
        return str(self.body["name"])


def is_templated(entry: Entry) -> bool:
    """Return whether the entry has templates: of a block, a variable or the environment."""
    text = {name: value for name, value in entry.spec.items() if name not in ("triggers", "pull")}
    return b"{{" in msgspec.json.encode(text, enc_hook=str)


def desired_of(
    entry: Entry, facts: FlowFacts, automations: Sequence[Mapping[str, Any]] = ()
) -> Desired:
    """Return the desired state that `entry` describes.

    Args:
        entry: the entry, without templates
        facts: the properties of its flow
        automations: the Automations of its `triggers`

    Returns:
        The desired state.

    Raises:
        RuleError: the entry is invalid, or needs something that only `prefect deploy` can do
    """
    spec, whole = entry.spec, entry.whole
    for name, word in _NEEDS_PREFECT.items():
        if spec.get(name, whole.get(name)):
            raise RuleError(f"it has {word}", hint="Deploy it with: prefect deploy")
    pull: object = spec.get("pull", whole.get("pull"))
    if not isinstance(pull, list):
        raise RuleError(
            "it has no `pull`, so workers do not know where its code is",
            hint="Write `pull: []` if the workers have the code.",
        )
    pool = _mapping(spec.get("work_pool"))
    if not pool.get("name"):
        raise RuleError("it has no work pool", hint="Write `work_pool: {name: sentinel}`.")
    tags: list[Any] = spec.get("tags") or []
    limit, options = _concurrency(spec.get("concurrency_limit"))
    body: dict[str, Any] = {
        "name": entry.name,
        "version": spec.get("version") or facts.version,
        "description": spec.get("description") or facts.description,
        "tags": [str(tag) for tag in tags],
        "entrypoint": entry.entrypoint,
        "path": None,
        "pull_steps": pull,
        "parameters": _as_json(spec.get("parameters") or {}),
        "parameter_openapi_schema": facts.form,
        "enforce_parameter_schema": _flag(spec.get("enforce_parameter_schema"), default=True),
        "work_pool_name": str(pool["name"]),
        "work_queue_name": pool.get("work_queue_name"),
        "job_variables": _as_json(pool.get("job_variables") or {}),
        "concurrency_limit": limit,
        "concurrency_options": options,
        "schedules": list(_schedules(spec.get("schedules"), entry.name)),
    }
    if spec.get("paused") is not None:
        body["paused"] = bool(spec["paused"])
    return Desired(flow=facts.name, body=body, automations=automations)


def _schedules(given: object, name: str) -> Iterator[dict[str, Any]]:
    for one in cast("list[object]", given) if isinstance(given, list) else []:
        schedule = _mapping(one)
        made: dict[str, Any] = {"schedule": _schedule(schedule, name)}
        if schedule.get("active") is not None:
            made["active"] = bool(schedule["active"])
        if schedule.get("parameters"):
            made["parameters"] = _as_json(schedule["parameters"])
        if schedule.get("slug"):
            made["slug"] = str(schedule["slug"])
        yield made


def _schedule(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Parse one schedule as `prefect deploy` does, into the format that Prefect's API returns."""
    timezone = given.get("timezone")
    if given.get("cron"):
        day_or = given.get("day_or")
        return {
            "cron": str(given["cron"]),
            "timezone": timezone,
            "day_or": True if day_or is None else bool(day_or),
        }
    if given.get("interval"):
        made: dict[str, Any] = {
            "interval": _seconds(given["interval"]),
            "timezone": timezone or "UTC",
        }
        anchor = given.get("anchor_date")
        if anchor:
            made["anchor_date"] = _moment(anchor).isoformat()
        elif made["interval"] > 0:
            # Without one, Prefect begins the schedule anew with each deploy.
            made["anchor_date"] = anchor_for(name, timedelta(seconds=made["interval"])).isoformat()
        return made
    if given.get("rrule"):
        return _rrule(str(given["rrule"]), timezone)
    raise RuleError("a schedule has neither interval, cron nor rrule", hint="Write one of them.")


def _rrule(text: str, timezone: Any) -> dict[str, Any]:
    try:
        written = _mapping(json.loads(text))
    except json.JSONDecodeError:
        written = {"rrule": text}
    return {"rrule": written.get("rrule", text), "timezone": timezone or written.get("timezone")}


def _seconds(given: Any) -> float:
    try:
        return _INTERVAL.validate_python(given).total_seconds()
    except ValidationError:
        raise RuleError(
            f"a schedule's interval {given!r} is not a duration", hint="Write seconds."
        ) from None


def _moment(given: Any) -> datetime:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise RuleError(f"anchor_date {given!r} is not a time", hint="Write ISO 8601.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _concurrency(given: object) -> tuple[int | None, dict[str, Any] | None]:
    if not isinstance(given, Mapping):
        return (int(given) if isinstance(given, (int, str)) and given else None), None
    limit = _mapping(cast("object", given))
    options = {
        name: limit[name]
        for name in ("collision_strategy", "grace_period_seconds")
        if limit.get(name) is not None
    }
    return limit.get("limit"), options or None


def _as_json(value: Any) -> Any:
    """Return `value` as it is after a round trip through JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _flag(value: Any, *, default: bool) -> bool:
    return default if value is None else bool(value)
