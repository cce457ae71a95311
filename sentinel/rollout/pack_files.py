"""Deployment files of rule packs whose rules were translated from another system's. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError
from sentinel.rollout.policy_files import MOST_LETTERS, escaped
from sentinel.rollout.rule_draft import Draft, entry_of_draft
from sentinel.rules.pack import MOST_MEMBERS

__all__ = ["Packed", "pack_files"]

_PARTS = 16


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a pack.

    Attributes:
        every: its period
        parameters: of the trigger
        rule: fields of the rule, its name among them
    """

    every: timedelta
    parameters: Mapping[str, Any]
    rule: Mapping[str, Any]


def pack_files(
    name: str,
    rules: Iterable[Packed],
    *,
    trigger: str,
    project: str,
    tenant: str = "default",
    receivers: Sequence[str] = (),
) -> dict[str, str]:
    """Return the deployment files that roll out some rules of one trigger.

    Rules of one period are one deployment, named after it. More than 500 are spread over sixteen,
    by a hash of their names, so that a rule stays in its deployment when others come and go.

    Args:
        name: the beginning of the deployments' names
        rules: with their periods
        trigger: of all rules
        project: the system that they come from; with the name it tells files apart
        tenant: whose metrics they read
        receivers: whom they notify; those of routes where none is given

    Returns:
        JSON of each file, by its name; none where there is no rule.

    Raises:
        ConfigurationError: a deployment would be too large, or its name cannot be one
    """
    periods: dict[timedelta, list[Packed]] = {}
    for one in rules:
        periods.setdefault(one.every, []).append(one)
    files: dict[str, str] = {}
    for every, members in sorted(periods.items()):
        base = f"{name}-{format_duration(every)}"
        groups: dict[str, list[Packed]] = {}
        whole = len(members) <= MOST_MEMBERS
        for one in members:
            part = base if whole else f"{base}-{_part(str(one.rule['name']))}"
            groups.setdefault(part, []).append(one)
        for deployment, some in sorted(groups.items()):
            text = _file(deployment, some, every, trigger, project, tenant, receivers)
            if len(some) > MOST_MEMBERS or len(text) > MOST_LETTERS:
                raise ConfigurationError(
                    f"deployment {deployment!r} would have {len(some):,} rules and {len(text):,} "
                    f"characters; {MOST_MEMBERS:,} and {MOST_LETTERS:,} are allowed",
                    hint="Import folders one by one, each with a --name of its own.",
                )
            files[f"{deployment}.json"] = text
    return files


def _file(
    deployment: str, members: Sequence[Packed], every: timedelta, trigger: str, project: str,
    tenant: str, receivers: Sequence[str],
) -> str:  # fmt: skip
    draft = Draft(
        trigger="rule_pack",
        parameters={
            "trigger": trigger,
            "members": [
                {
                    "name": one.rule["name"],
                    "parameters": dict(one.parameters),
                    "rule": {key: value for key, value in one.rule.items() if key != "name"},
                }
                for one in members
            ],
        },
        rule={
            "name": deployment, "every": format_duration(every),
            **({"tenant": tenant} if tenant != "default" else {}),
            **({"receivers": list(receivers)} if receivers else {}),
        },
    )  # fmt: skip
    content = {"name": project, "deployments": [entry_of_draft(draft).spec]}
    return escaped(msgspec.json.encode(content).decode())


def _part(name: str) -> str:
    return f"{hashlib.sha256(name.encode()).digest()[0] % _PARTS:x}"
