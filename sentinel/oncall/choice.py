"""Which escalation policy a group has: its rule's own, its route's, or its team's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.escalation_policy import EscalationPolicy

__all__ = ["Chosen", "policy_of"]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The escalation policy of a group.

    Attributes:
        name: of the policy; empty for a rule's own
        policy: its steps
        why: where it comes from, in words
    """

    name: str
    policy: EscalationPolicy
    why: str


def policy_of(given: Mapping[str, Any], document: OnCallDocument) -> Chosen | None:
    """Return the escalation policy of a group.

    Args:
        given: as `Membership.policy` has it: `escalation_rules` of its rule, `escalation` of its
            route (empty for none at all), `team` of its alerts; each may be missing
        document: the active on-call document

    Returns:
        The rule's own, else the route's, else the team's; None where the group is not escalated.
        A name that the document lacks, which it had when the routes were applied, counts as none.
    """
    own = given.get("escalation_rules")
    if own:
        return Chosen(
            name="", policy=EscalationPolicy.of_rule(own), why="escalation_rules of the rule"
        )
    name = given.get("escalation")
    why = "escalation of the route"
    if name is None:
        team = document.teams.get(given.get("team") or "")
        name = None if team is None else team.escalation
        why = f"escalation of the team {given.get('team')}"
    policy = document.escalation_policies.get(name or "")
    return None if policy is None else Chosen(name=str(name), policy=policy, why=why)
