"""What is offered to somebody who resolves an alert whose condition still holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sentinel.checks.event_port import POLICY_TRIGGER
from sentinel.duration import format_duration
from sentinel.errors import NotFound

if TYPE_CHECKING:
    from sentinel.alerts.view import AlertView
    from sentinel.schema.rules import RuleRow
    from sentinel.store import Store

__all__ = ["offer", "still_bad"]


def offer(store: Store) -> str:
    """What is said to whoever resolved one of `still_bad`.

    Args:
        store: whose settings say for how long a person's resolve stands
    """
    held = format_duration(store.options.hold_after_manual_resolve)
    return (
        f"It was still bad at the last look; if it stays so, it opens again in {held}. "
        "To hear nothing of it for a while, suppress it."
    )


def still_bad(store: Store, alerts: Iterable[AlertView]) -> list[str]:
    """The ids of those whose rule has not looked again since they were last bad.

    Findings that end by their own time are none: nothing says whether they still hold.

    Args:
        store: where the rules are
        alerts: as they are before anybody resolves them
    """
    found: list[str] = []
    rules: dict[tuple[str, str], RuleRow | None] = {}
    for alert in alerts:
        if alert.resolved_at is not None:
            continue
        of = (alert.tenant, alert.rule)
        if of not in rules:
            # Asked once for all alerts of a storm.
            rules[of] = _rule(store, *of)
        rule = rules[of]
        if rule is None or rule.trigger == POLICY_TRIGGER or rule.spec.get("resolve_after"):
            continue
        if rule.evaluated_at is None or alert.last_bad_at >= rule.evaluated_at:
            found.append(alert.id)
    return found


def _rule(store: Store, tenant: str, name: str) -> RuleRow | None:
    try:
        return store.rules.get(name, tenant)
    except NotFound:
        return None
