"""One event policy as a rule."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel import Context, Reading, trigger
from triggers._events import PolicyJson, matched


@trigger(category="events", keeps_readings=False, backtest=False)
def event_policy(ctx: Context, policy: PolicyJson) -> Iterator[Reading]:
    """Events that match a policy: audit logs, webhooks, anything that is a JSON object.

    The relay matches events as they arrive; a run of this rule matches what the relay has not,
    and rolls out an edited policy. The alerts are this rule's. Each closes by itself, an hour
    after its last event unless the rule has a `resolve_after`.

    Args:
        ctx: the events of the rule's tenant
        policy: what to match and what to say, as JSON: name, rules, match_all, severity,
            message_template, summary_template, by, throttle_minutes, max_alerts_per_hour,
            active_hours, suppress, providers, source (log for log lines), window

    Returns:
        No reading in a run of the deployment, which stores the alerts itself; in a rehearsal a
        firing reading for each alert that there would be.
    """
    return matched(ctx, [policy], alone=True)
