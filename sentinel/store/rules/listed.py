"""Rules as a list of them is shown: without what only their next evaluation needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import RULE
from sentinel.store.rules.rows import LISTED

if TYPE_CHECKING:
    from sentinel.access import Scope
    from sentinel.store import Store

__all__ = ["ListedRule", "listed_rules"]


class ListedRule(msgspec.Struct, frozen=True):
    """A rule as last evaluated, and its switch; the fields are columns of `RuleRow`."""

    tenant: str
    name: str
    spec: Mapping[str, Any]
    trigger: str
    pack: str
    category: str
    severity: int
    source: str
    enabled: bool
    paused: bool
    closed_world: bool
    switched_by: str
    switched_at: datetime | None
    switch_reason: str
    deployment_id: str | None
    slot: datetime | None
    evaluated_at: datetime | None
    saw_at: datetime | None
    held_until: datetime | None
    flow_run_id: str | None
    outcome: str
    seen: int
    bad: int
    failures: int
    error: str
    evaluations: int
    check_seconds: float | None
    created_at: datetime


_COLUMNS = [RULE.c[name] for name in ListedRule.__struct_fields__]


def listed_rules(store: Store, scope: Scope) -> list[ListedRule]:
    """Return the rules of a scope.

    Args:
        store: the shared database
        scope: of whoever asks

    Returns:
        The rules by tenant and name; those of self-watch come last.
    """
    query = select(*_COLUMNS).where(*rule_in(scope)).order_by(*LISTED)
    with store.read() as connection:
        return [ListedRule(*row) for row in connection.execute(query)]
