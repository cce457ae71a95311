"""The labels that matchers see of alerts: those of the reading and the rule, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.notifications.grouping import labels_with
from sentinel.notifications.owners import NO_FACTS, Facts, Owners, facts_about
from sentinel.store.database.tables import ALERT, RULE
from sentinel.store.notifications.active_routes import active_tree

__all__ = ["COLUMNS", "RuleLabels"]

COLUMNS = (
    ALERT.c.tenant, ALERT.c.rule, ALERT.c.labels, ALERT.c.category, ALERT.c.team,
    ALERT.c.severity_word, ALERT.c.details["tags"].label("tags"),
    ALERT.c.details["work_pool"].label("work_pool"),
)  # fmt: skip
"""What `RuleLabels` needs of an alert."""


class _Known(NamedTuple):
    """What is known of a rule: its own words, and what Prefect says of its deployment."""

    spec: Mapping[str, Any]
    facts: Facts


class RuleLabels:
    """The labels that matchers see of alerts, each rule read once; the same that routes see.

    Args:
        connection: an open transaction
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rules: dict[tuple[str, str], _Known] = {}
        tree = active_tree(connection)
        self._owners = Owners() if tree is None else tree.owners

    def of(self, row: Row[Any]) -> dict[str, str]:
        """Return the labels of an alert, of which `COLUMNS` were read."""
        key = row.tenant, row.rule
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = self._read(row.tenant, row.rule)
        spec = rule.spec
        labels = labels_with(
            spec.get("labels") or {}, row.labels, rule=row.rule, category=row.category,
            team=spec.get("team") or row.team, tenant=row.tenant, severity=row.severity_word,
        )  # fmt: skip
        facts = facts_about(row.tags, row.work_pool, rule.facts)
        owned = self._owners.of_named(row.rule, spec.get("owner") or "", labels, facts)
        return {**labels, "owner": owned.owner}

    def _read(self, tenant: str, rule: str) -> _Known:
        row = self._connection.execute(_RULE, {"tenant": tenant, "rule": rule}).first()
        if row is None:
            return _Known({}, NO_FACTS)
        return _Known(row.spec or {}, Facts(row.tagged_owner, row.work_pool))


# Built once, since SQLAlchemy compiles a statement once for each object.
_RULE = select(RULE.c.spec, RULE.c.tagged_owner, RULE.c.work_pool).where(
    RULE.c.tenant == bindparam("tenant"), RULE.c.name == bindparam("rule")
)
