"""What the store knows of the health of rules, and which of them are paused in Prefect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select

from sentinel.access import EVERYTHING, Scope
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER, POSTED_TRIGGER
from sentinel.duration import parse_duration
from sentinel.rules.health import RuleFacts
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["BY_EVENT", "FACTS", "NONE", "AlertCounts", "alert_counts", "facts_of", "note_paused"]

FACTS = (
    "enabled", "paused", "trigger", "closed_world", "slot", "spec", "failures", "error", "seen",
    "bad", "held_until", "saw_at",
)  # fmt: skip
"""The columns of a rule's row that `facts_of` reads."""

BY_EVENT = (POLICY_TRIGGER, PACK_TRIGGER, POSTED_TRIGGER)
"""Triggers of rules that events evaluate as they arrive, so that no evaluation is ever due."""

_TIMEOUT: timedelta = Rule.model_fields["timeout"].default


class AlertCounts(msgspec.Struct, frozen=True):
    """How many alerts of a rule are open or acknowledged, and how many are pending."""

    live: int = 0
    pending: int = 0


NONE = AlertCounts()


def alert_counts(store: Store, scope: Scope = EVERYTHING) -> dict[tuple[str, str], AlertCounts]:
    """Count the alerts of all rules that are not resolved.

    Args:
        store: the shared database
        scope: of whoever asks

    Returns:
        The counts by tenant and rule; a rule that has none is left out.
    """
    query = (
        select(ALERT.c.tenant, ALERT.c.rule, ALERT.c.status, func.count())
        # Both conditions, so that both databases use the index of live alerts.
        .where(NOT_RESOLVED, ALERT.c.status.in_(LIVE), *alert_in(scope))
        .group_by(ALERT.c.tenant, ALERT.c.rule, ALERT.c.status)
    )
    found: dict[tuple[str, str], AlertCounts] = {}
    with store.read() as connection:
        for tenant, rule, status, number in connection.execute(query):
            before = found.get((tenant, rule), NONE)
            pending = status == "pending"
            found[tenant, rule] = AlertCounts(
                before.live + (0 if pending else number), before.pending + number * pending
            )
    return found


def facts_of(row: Mapping[str, Any], counts: AlertCounts) -> RuleFacts:
    """Return what decides the health of a rule.

    Args:
        row: the columns `FACTS` of its row
        counts: its alerts that are not resolved

    Returns:
        For `health_of` and `explain`.
    """
    spec: Mapping[str, Any] = row["spec"]
    every = spec.get("every")
    return RuleFacts(
        enabled=row["enabled"],
        paused=row["paused"],
        by_event=row["trigger"] in BY_EVENT,
        closed_world=row["closed_world"],
        slot=row["slot"],
        every=parse_duration(every) if every else None,
        timeout=parse_duration(spec.get("timeout", _TIMEOUT)),
        failures=row["failures"],
        error=row["error"],
        seen=row["seen"],
        bad=row["bad"],
        saw=row["saw_at"] is not None,
        live=counts.live,
        pending=counts.pending,
        held_until=row["held_until"],
    )


def note_paused(store: Store, deployments: Collection[str]) -> int:
    """Note which rules are paused in Prefect.

    Args:
        store: the shared database
        deployments: ids of all deployments that are paused, or whose schedules are all off

    Returns:
        How many rules changed.
    """
    with store.read() as connection:
        rows = connection.execute(
            select(RULE.c.tenant, RULE.c.name, RULE.c.deployment_id, RULE.c.paused)
        ).all()
    changed = [row for row in rows if row.paused != (row.deployment_id in deployments)]
    if not changed:
        return 0
    with store.write() as connection:
        for row in sorted(changed):
            connection.execute(
                RULE.update()
                .where(RULE.c.tenant == row.tenant, RULE.c.name == row.name)
                .values(paused=not row.paused, updated_at=store.now())
            )
        store.changed(connection)
    return len(changed)
