"""Whether more alerts are active than the instance is sized for, for the page Health and doctor."""

from __future__ import annotations

from sentinel.engine.component import Component
from sentinel.evaluation.active_limit import ALWAYS, WARN_FROM
from sentinel.store import Store
from sentinel.store.alerts.active_limit import active_alerts

__all__ = ["limit_state"]

_NAME = "active alerts"
_HINT = "End what opens so many: docs/how-to/archive-alerts.md#limits"


def limit_state(store: Store) -> Component:
    """Return how many alerts are active, of those that the instance is sized for.

    Args:
        store: the shared database

    Returns:
        A warning from 80 percent on; wrong at the limit, where rules fold what is not critical.
    """
    most = store.options.most_active_alerts
    active = active_alerts(store, most)
    if active >= most:
        return Component(
            name=_NAME, state="wrong", hint=_HINT,
            says=f"{most:,} or more, the limit: a rule with more than {ALWAYS} counts further ones "
            'in one alert, but for critical ones; search sentinel_check:"over the limit"',
        )  # fmt: skip
    says = f"{active:,} of at most {most:,}"
    if active >= WARN_FROM * most:
        return Component(name=_NAME, state="warning", says=says, hint=_HINT)
    return Component(name=_NAME, state="ok", says=says)
