"""A pack: the policies of one deployment, each of them a rule. Pure.

What a deployment's `rule:` says holds for all of its policies; what a policy says goes before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from pydantic import ValidationError

from sentinel.alerts.run_source import RunSource
from sentinel.errors import PolicyError
from sentinel.event_policies import EventPolicy
from sentinel.rules.rule import Rule
from sentinel.validation_messages import validation_message

__all__ = ["MOST_POLICIES", "Pack", "Spec", "pack_of", "policy_of", "rule_name_of"]

MOST_POLICIES = 1000
"""So many policies are one deployment."""
RESOLVE_AFTER = timedelta(hours=1)
"""A finding closes by itself this long after its last event, where neither policy nor rule says."""
_FOR_READINGS = ("when", "for_", "consecutive", "often", "keep_firing_for", "no_data")
_OTHER = re.compile(r"[^a-z0-9._-]+")
_NO_CLAUSE = "write {field, operator, value}, or {all: […]}, {any: […]}, {not: …}"


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a pack.

    Attributes:
        rule: the deployment's rule, as it was written
        policies: as they were written
        alone: one policy, whose alerts are the deployment's own rule's
        source: the deployment, for links
    """

    rule: dict[str, Any]
    policies: list[dict[str, Any]]
    alone: bool = False
    source: RunSource = RunSource()

    @property
    def digest(self) -> str:
        """Return a hash that changes with all that decides about matches and notifications."""
        text = msgspec.json.encode([self.rule, self.policies, self.alone], order="deterministic")
        return blake2b(text, digest_size=16).hexdigest()


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Policies ready to be used; the places of `policies`, `names` and `rules` belong together.

    Attributes:
        tenant: whose events they match
        name: of the deployment's rule
        names: of each policy's rule
        rules: each policy's rule
    """

    tenant: str
    name: str
    policies: Sequence[EventPolicy]
    names: Sequence[str]
    rules: Sequence[Rule]
    spec: Spec


def rule_name_of(name: str) -> str:
    """Return the name of a policy's rule: `Failed logins (admin)` is failed-logins-admin.

    Args:
        name: the policy's

    Returns:
        Small letters, digits, dots, dashes and underscores, at most 100.

    Raises:
        PolicyError: nothing of it can be part of a rule's name
    """
    made = _OTHER.sub("-", name.strip().lower())[:100].strip("-._")
    if not made:
        raise PolicyError(
            f"policy {name!r} has no letter or digit in its name", hint="Rename it, a-z and 0-9."
        )
    return made


def policy_of(given: Mapping[str, Any], place: str = "policy") -> EventPolicy:
    """Make a policy of its JSON.

    Args:
        given: as a person wrote it
        place: what an error calls it, where it has no name

    Returns:
        The checked policy.

    Raises:
        PolicyError: it cannot be used; names the policy and the field
    """
    try:
        return EventPolicy.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        message = (
            _NO_CLAUSE if first["type"] == "model_type" else validation_message(first, EventPolicy)
        )
        where = _place(first["loc"])
        text = f"{where}: {message}" if where and not message.startswith(where) else message
        named = given.get("name")
        who = f"policy {named!r}" if isinstance(named, str) and named else place
        raise PolicyError(
            f"{who}: {text}", hint="See docs/how-to/events-and-policies.md."
        ) from None


def _place(loc: Sequence[int | str]) -> str:
    """Return the place in the JSON, without the names of kinds that pydantic puts between."""
    parts: list[str] = []
    for number, part in enumerate(loc):
        kind = part == "condition" or (
            part in ("all", "any", "not") and part in loc[number + 1 :][:1]
        )
        if not kind and not (number == 1 and loc[0] == "window"):
            parts.append(str(part))
    return ".".join(parts)


def pack_of(spec: Spec) -> Pack:
    """Make the pack that `spec` describes.

    Args:
        spec: the deployment's rule and its policies as JSON

    Returns:
        The checked policies, each with its own rule.

    Raises:
        PolicyError: a policy, or all of them together, cannot be used
    """
    base = Rule.model_validate(spec.rule)
    if not 1 <= len(spec.policies) <= MOST_POLICIES:
        raise PolicyError(
            f"rule {base.name!r} has {len(spec.policies):,} policies",
            hint=f"A deployment has 1 to {MOST_POLICIES:,} of them; make more deployments.",
        )
    for field in _FOR_READINGS:
        if field in base.model_fields_set:
            raise PolicyError(
                f"rule {base.name!r}: {field.rstrip('_')} is about readings, not about events",
                hint="Leave it out; a policy's `window` says how often and how long.",
            )
    policies: list[EventPolicy] = []
    names: dict[str, str] = {}
    for place, given in enumerate(spec.policies):
        policy = policy_of(given, f"policies.{place}")
        if "tenant" in policy.model_fields_set and policy.tenant != base.tenant:
            raise PolicyError(
                f"policy {policy.name!r} is of tenant {policy.tenant!r}, and its deployment's "
                f"rule of {base.tenant!r}",
                hint="Write `tenant` in the rule; a deployment has one.",
            )
        name = base.name if spec.alone else rule_name_of(policy.name)
        if name in names or (name == base.name and not spec.alone):
            other = f"policy {names[name]!r}" if name in names else "the deployment's own rule"
            raise PolicyError(
                f"policy {policy.name!r} would be the rule {name!r}, and so would {other}",
                hint="Rename one of them.",
            )
        names[name] = policy.name
        policies.append(policy)
    rules = [
        _rule(base, policy, name, alone=spec.alone)
        for policy, name in zip(policies, names, strict=True)
    ]
    return Pack(
        tenant=base.tenant, name=base.name, policies=policies, names=list(names), rules=rules,
        spec=spec,
    )  # fmt: skip


def _rule(base: Rule, policy: EventPolicy, name: str, *, alone: bool) -> Rule:
    """Return the rule whose alerts the policy raises."""
    said = policy.model_fields_set
    grouped = "group_by" in base.model_fields_set
    changes: dict[str, Any] = {
        "name": name,
        "renamed_from": base.renamed_from if alone else None,
        "description": policy.description or (base.description if alone else ""),
        "every": None,
        "severity": policy.severity if "severity" in said or not alone else base.severity,
        "receivers": policy.providers or base.receivers,
        "group_by": base.group_by if grouped else ["rule", *policy.by],
        "resolve_after": policy.resolve_after or base.resolve_after or RESOLVE_AFTER,
        # The policy's texts were filled in by its event; nothing in them is filled in again.
        "annotations": {**base.annotations, "description": "{details.message}"},
        "keep_readings": timedelta(0),
    }
    return base.model_copy(update=changes)
