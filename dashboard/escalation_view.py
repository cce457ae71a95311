"""What the escalations page shows: what escalates now, policies with who would be paged, a test.

Nothing of Streamlit is used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice

import msgspec

from dashboard.database_errors import database
from sentinel.oncall.escalation import Paged, planned
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.severity import Severity
from sentinel.store.access.within import Within
from sentinel.store.escalations.running import Running, running
from sentinel.store.escalations.watching import Stuck, stuck
from sentinel.store.oncall.stored import read_oncall_now
from sentinel.store.oncall.trials import ways_escalated

__all__ = ["EscalationsView", "PolicyView", "Tried", "read_view", "try_escalation"]

MOST_STEPS = 12
"""So many steps of a policy are drawn; repeats come on top of them."""


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A policy, and whom it would page from now on.

    Attributes:
        name: of the policy
        policy: its steps
        steps: what each would do for a critical group, if nobody acknowledged
        teams: whose policy it is
    """

    name: str
    policy: EscalationPolicy
    steps: list[Paged]
    teams: list[str]


class EscalationsView(msgspec.Struct, frozen=True, kw_only=True):
    """Escalations at one moment.

    Attributes:
        at: the moment
        running: those that are not over, the earliest next step first
        stuck: those that do not go on
        policies: of the on-call document, by name
    """

    at: datetime
    running: list[Running]
    stuck: list[Stuck]
    policies: list[PolicyView]


def read_view(within: Within) -> EscalationsView:
    """Read escalations and policies.

    Args:
        within: the store, within the scope of whoever looks

    Returns:
        What the page shows.

    Raises:
        OutOfScope: less than everything is in scope: on-call is of all tenants
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        at = store.now()
        found, late = running(store, at), stuck(store, at)
        with store.read() as connection:
            oncall = read_oncall_now(connection, at)
    document = oncall.document
    policies = [
        PolicyView(
            name=name, policy=policy,
            steps=list(
                islice(
                    planned(policy, Severity.CRITICAL, at, document, oncall.overrides_of),
                    min(len(policy.steps), MOST_STEPS),
                )
            ),
            teams=sorted(team for team, one in document.teams.items() if one.escalation == name),
        )
        for name, policy in sorted(document.escalation_policies.items())
    ]  # fmt: skip
    return EscalationsView(at=at, running=found, stuck=late, policies=policies)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an alert would page in one group: by which policy and why, beside which receivers."""

    why: str
    receivers: list[str]
    steps: list[Paged]


def try_escalation(
    within: Within, labels: Mapping[str, str], severity: Severity, at: datetime
) -> list[Tried]:
    """Return whom an alert with some labels would page, if nobody acknowledged.

    Args:
        within: the store, within the scope of whoever looks
        labels: of the alert
        severity: of its group
        at: of the first page, timezone-aware

    Returns:
        One for each group that the alert would join and that escalates.

    Raises:
        OutOfScope: less than everything is in scope
        DatabaseError: the database cannot be used
    """
    store = within.instance
    with database():
        ways = ways_escalated(store, labels, at)
        with store.read() as connection:
            oncall = read_oncall_now(connection, at)
    return [
        Tried(
            why=", ".join(filter(None, (chosen.name, chosen.why))),
            receivers=list(way.receivers),
            steps=list(
                islice(
                    planned(chosen.policy, severity, at, oncall.document, oncall.overrides_of),
                    MOST_STEPS,
                )
            ),
        )
        for way, chosen in ways
        if chosen is not None
    ]
