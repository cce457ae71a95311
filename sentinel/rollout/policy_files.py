"""Deployment files of event policies that were translated from another system's rules. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.event_policies.pack import MOST_POLICIES
from sentinel.rollout.rule_draft import Draft, entry_of_draft

__all__ = ["MOST_LETTERS", "escaped", "policy_files"]

MOST_LETTERS = 1_500_000
"""Characters of the policies of one deployment; a file that is sent may have 2,000,000."""
_PARTS = 16
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON has as they stand, and that YAML refuses or takes for the end of a line."""


def policy_files(
    name: str,
    policies: Sequence[Mapping[str, Any]],
    *,
    project: str,
    tenant: str = "default",
    receivers: Sequence[str] = (),
) -> dict[str, str]:
    """Return the deployment files that roll out some event policies.

    Up to 1,000 policies are one deployment. More are spread over sixteen, by a hash of their names,
    so that a policy stays in its deployment when others come and go.

    Args:
        name: of the deployment; of several, the beginning of their names
        policies: as JSON
        project: the system that they come from; with the name it tells files apart
        tenant: whose events they match
        receivers: whom they notify; those of routes where none is given

    Returns:
        JSON of each file, by its name; none where there is no policy.

    Raises:
        ConfigurationError: a deployment would be too large, or its name cannot be one
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    whole = len(policies) <= MOST_POLICIES and len(msgspec.json.encode(policies)) <= MOST_LETTERS
    for one in policies:
        groups.setdefault(name if whole else f"{name}-{_part(str(one['name']))}", []).append(one)
    files: dict[str, str] = {}
    for deployment, members in sorted(groups.items()):
        draft = Draft(
            trigger="event_pack",
            parameters={"policies": members},
            rule={
                "name": deployment, "every": "60s",
                **({"tenant": tenant} if tenant != "default" else {}),
                **({"receivers": list(receivers)} if receivers else {}),
            },
        )  # fmt: skip
        content = {"name": project, "deployments": [entry_of_draft(draft).spec]}
        text = escaped(msgspec.json.encode(content).decode())
        if len(members) > MOST_POLICIES or len(text) > MOST_LETTERS:
            raise ConfigurationError(
                f"{len(policies):,} rules are too many for one import: deployment {deployment!r} "
                f"would have {len(members):,} of them and {len(text):,} characters",
                hint="Import folders one by one, each with a --name of its own.",
            )
        files[f"{deployment}.json"] = text
    return files


def escaped(text: str) -> str:
    """Return JSON with the characters escaped that YAML refuses or takes for the end of a line."""
    return _NOT_IN_YAML.sub(_escaped, text)


def _part(name: str) -> str:
    return f"{hashlib.sha256(name.encode()).digest()[0] % _PARTS:x}"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
