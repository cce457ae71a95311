"""Drafts of rules: whether one can be made."""

from __future__ import annotations

import msgspec

from sentinel.checks.catalog import find
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.errors import RuleError
from sentinel.rollout.rule_draft import Draft, rule_of
from sentinel.rules.rule import Rule

__all__ = ["checked_draft"]


def checked_draft(draft: Draft) -> Rule:
    """Return the rule of a draft, if it can be made.

    Args:
        draft: of the rule

    Returns:
        The rule.

    Raises:
        RuleError: it cannot; says why
    """
    if b"{{" in msgspec.json.encode(draft):
        raise RuleError(
            "a text has {{: Prefect would fill it in, from blocks and the environment",
            hint="Write {name} for a field of the reading, {secret:NAME} for a Secret block.",
        )
    rule = rule_of(draft)
    trigger = find(draft.trigger)
    of_events = trigger.name in (POLICY_TRIGGER, PACK_TRIGGER)
    judged = rule.when or trigger.when or trigger.closed_world or trigger.judges
    if not judged and not of_events:
        raise RuleError(
            f"when: {trigger.name} leaves it to the rule which values are bad",
            hint="Give threshold_value and comparison_operator, or when.",
        )
    return rule
