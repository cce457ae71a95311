"""A rule that is being made or changed by a program: what it checks, its fields, its deployment.

A draft is what a deployment file says of a rule, without the file: `entry_of_draft` makes the entry
that a rollout takes, and `draft_of` reads a deployment back. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import ValidationError

from sentinel.duration import parse_duration
from sentinel.errors import RuleError
from sentinel.rollout.files import Entry
from sentinel.rules.rule import Rule
from sentinel.timing.schedule import anchor_for
from sentinel.validation_messages import validation_message

__all__ = ["PREFIX", "Draft", "draft_of", "entry_of_draft", "etag_of", "rule_of"]

PREFIX = "flows.rules."
DEFAULT_PERIOD = "60s"
DEFAULT_POOL = "sentinel"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's deployment says.

    Attributes:
        trigger: name of the check
        parameters: of the check
        rule: the fields of the rule that differ from their defaults, as people write them
        tags: of the deployment
        work_pool: where its runs start
        scheduled: whether its schedule is active
    """

    trigger: str
    parameters: dict[str, Any] = {}
    rule: dict[str, Any] = {}
    tags: tuple[str, ...] = ("sentinel",)
    work_pool: str = DEFAULT_POOL
    scheduled: bool = True

    @property
    def name(self) -> str:
        """The name of the rule and its deployment."""
        return str(self.rule.get("name") or "")


def rule_of(draft: Draft) -> Rule:
    """Return the rule, if its fields are usable.

    Args:
        draft: of the rule

    Returns:
        The rule.

    Raises:
        RuleError: a field is not usable; names it
    """
    try:
        return Rule.model_validate({"every": DEFAULT_PERIOD, **draft.rule})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = validation_message(first, Rule)
        raise RuleError(f"{where}: {message}" if where else message) from None


def entry_of_draft(draft: Draft) -> Entry:
    """Return the entry of a deployment file that the draft is.

    Args:
        draft: of the rule

    Returns:
        The entry, of no file.

    Raises:
        RuleError: a field of the rule is not usable
    """
    rule = rule_of(draft)
    seconds = (rule.every or timedelta(minutes=1)).total_seconds()
    schedule: dict[str, Any] = {
        "slug": "every",
        "interval": int(seconds) if seconds == int(seconds) else seconds,
        "anchor_date": anchor_for(rule.name, timedelta(seconds=seconds)).isoformat(),
        "timezone": "UTC",
    }
    if not draft.scheduled:
        schedule["active"] = False
    spec: dict[str, Any] = {
        "name": rule.name,
        "description": rule.description or None,
        "tags": list(draft.tags),
        "entrypoint": f"{PREFIX}{draft.trigger}",
        "pull": [],
        "work_pool": {"name": draft.work_pool},
        "parameters": {**draft.parameters, "rule": rule.dump()},
        "schedules": [schedule],
    }
    return Entry(file="the request", origin="", place=1, name=rule.name, spec=spec, whole={})


def draft_of(deployment: Mapping[str, Any]) -> Draft:
    """Return what a rule's deployment says, as Prefect's API returns it.

    Args:
        deployment: of a rule

    Returns:
        The draft from which the same deployment would be made.
    """
    parameters: dict[str, Any] = dict(deployment.get("parameters") or {})
    rule: dict[str, Any] = dict(parameters.pop("rule", None) or {})
    schedules: list[dict[str, Any]] = deployment.get("schedules") or []
    tags: list[object] = deployment.get("tags") or []
    return Draft(
        trigger=str(deployment.get("entrypoint") or "").removeprefix(PREFIX),
        parameters=parameters,
        rule=rule,
        tags=tuple(map(str, tags)),
        work_pool=str(deployment.get("work_pool_name") or DEFAULT_POOL),
        scheduled=all(bool(one.get("active", True)) for one in schedules),
    )


def etag_of(draft: Draft, *, enabled: bool) -> str:
    """Return a tag that changes with everything that a person may edit, in HTTP's quotes."""
    text = msgspec.json.encode([msgspec.to_builtins(draft), enabled], order="deterministic")
    return f'"{hashlib.sha256(text).hexdigest()[:32]}"'


def length_of(minutes: float) -> timedelta:
    """Return a length that was given in minutes."""
    return parse_duration(f"{minutes * 60:f}s")
