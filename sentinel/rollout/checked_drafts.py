"""Drafts of rules: whether one can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sentinel.checks.catalog import find
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.errors import RuleError
from sentinel.oncall.known_names import unknown_in_escalation
from sentinel.rollout.rule_draft import Draft, rule_of
from sentinel.rules.rule import Rule
from sentinel.store.oncall.documents import OnCallDocuments

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["checked_draft"]


def checked_draft(draft: Draft, store: Store | None = None) -> Rule:
    """Return the rule of a draft, if it can be made.

    Args:
        draft: of the rule
        store: that must have the receivers and the schedule of its escalation; None to ask nobody

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
    if store is not None and rule.escalation_rules is not None:
        schedules = OnCallDocuments(store).active().schedules
        unknown = list(
            unknown_in_escalation(rule.escalation_rules, store.receivers.all(), schedules)
        )
        if unknown:
            raise RuleError("; ".join(unknown), hint="Nothing was stored.")
    return rule
