"""The snooze that is offered where a person resolves an alert whose condition still holds."""

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

__all__ = ["offer", "still_firing"]


def offer(store: Store) -> str:
    """Return the sentence that offers to suppress an alert that is `still_firing`.

    Args:
        store: whose options say how long a manual resolve holds

    Returns:
        Two sentences for people, without a command or a button.
    """
    held = format_duration(store.options.hold_after_manual_resolve)
    return (
        f"It still fired at the last evaluation, and reopens in {held} if it still does. "
        "Suppress it to stop its notifications for a while."
    )


def still_firing(store: Store, alerts: Iterable[AlertView]) -> list[str]:
    """Return the ids of the alerts that still fired at the last evaluation of their rule.

    Alerts of event policies and of rules with `resolve_after` are left out, since no evaluation
    says whether they still hold.

    Args:
        store: the shared database
        alerts: as they are before anybody resolves them

    Returns:
        Ids of alerts that are not resolved, in the order of `alerts`.
    """
    found: list[str] = []
    rules: dict[tuple[str, str], RuleRow | None] = {}
    for alert in alerts:
        if alert.resolved_at is not None:
            continue
        of = (alert.tenant, alert.rule)
        if of not in rules:
            # One query for all alerts of a storm.
            rules[of] = _rule(store, *of)
        rule = rules[of]
        if rule is None or rule.trigger == POLICY_TRIGGER or rule.spec.get("resolve_after"):
            continue
        if rule.slot is None or alert.last_bad_at >= rule.slot:
            found.append(alert.id)
    return found


def _rule(store: Store, tenant: str, name: str) -> RuleRow | None:
    try:
        return store.rules.get(name, tenant)
    except NotFound:
        return None
