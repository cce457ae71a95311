"""Which escalation policy an alert with some labels would have, by the active documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sentinel.notifications.route_trial import Trial, Tried, tried
from sentinel.oncall.choice import Chosen, policy_of
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ways_escalated", "with_escalations"]


def with_escalations(store: Store, found: Tried) -> Tried:
    """Return the ways of an alert, each with its escalation policy in words.

    Args:
        store: the shared database
        found: as `tried` returns it

    Returns:
        The same; `escalation` of a way is `default, escalation of the route`, or empty for none.
    """
    document = OnCallDocuments(store).active()
    ways: list[Trial] = []
    for way in found.ways:
        chosen = policy_of(way.escalated_by, document)
        said = "" if chosen is None else ", ".join(filter(None, (chosen.name, chosen.why)))
        ways.append(msgspec.structs.replace(way, escalation=said))
    return msgspec.structs.replace(found, ways=ways)


def ways_escalated(
    store: Store, labels: Mapping[str, str], at: datetime
) -> list[tuple[Trial, Chosen | None]]:
    """Return the groups that an alert would join, each with its escalation policy.

    Args:
        store: the shared database
        labels: of the alert; `rule` may name one that exists
        at: when it opens, timezone-aware

    Returns:
        One for each way; None for a group that is not escalated.
    """
    routes = Routes(store)
    rule, facts = routes.rule_named(labels)
    found = tried(routes.tree(), rule, labels, at, 1, facts)
    document = OnCallDocuments(store).active()
    return [(way, policy_of(way.escalated_by, document)) for way in found.ways]
