"""The labels that matchers see of alerts: those of the reading and the rule, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.notifications.grouping import labels_with
from sentinel.notifications.owners import NO_FACTS, Facts, Owners, facts_about
from sentinel.store.database.tables import ALERT, RULE
from sentinel.store.notifications.active_routes import active_tree

__all__ = ["COLUMNS", "OfRule", "RuleLabels"]

COLUMNS = (
    ALERT.c.tenant, ALERT.c.rule, ALERT.c.labels, ALERT.c.category, ALERT.c.team,
    ALERT.c.severity_word, ALERT.c.details["tags"].label("tags"),
    ALERT.c.details["work_pool"].label("work_pool"),
)  # fmt: skip
"""What `RuleLabels` needs of an alert."""


_NAMES = ("labels", "team", "owner")
_NOBODY = Owners()


class OfRule(NamedTuple):
    """What labels have of a rule: its labels, team and owner, and what Prefect says of it."""

    spec: Mapping[str, Any]
    facts: Facts


class RuleLabels:
    """The labels that matchers see of alerts, each rule read once; the same that routes see.

    Args:
        connection: an open transaction
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rules: dict[tuple[str, str], OfRule] = {}
        tree = active_tree(connection)
        self.owners = _NOBODY if tree is None else tree.owners

    def of(self, row: Row[Any]) -> dict[str, str]:
        """Return the labels of an alert, of which `COLUMNS` were read."""
        rule = self.rule(row.tenant, row.rule)
        spec = rule.spec
        labels = labels_with(
            spec.get("labels") or {}, row.labels, rule=row.rule, category=row.category,
            team=spec.get("team") or row.team, tenant=row.tenant, severity=row.severity_word,
        )  # fmt: skip
        facts = facts_about(row.tags, row.work_pool, rule.facts)
        owned = self.owners.of_named(row.rule, spec.get("owner") or "", labels, facts)
        return {**labels, "owner": owned.owner}

    def rule(self, tenant: str, name: str) -> OfRule:
        """Return what the labels of alerts have of their rule."""
        known = self._rules.get((tenant, name))
        if known is None:
            known = self._rules[tenant, name] = self._read(tenant, name)
        return known

    def _read(self, tenant: str, rule: str) -> OfRule:
        row = self._connection.execute(_RULE, {"tenant": tenant, "rule": rule}).first()
        if row is None:
            return OfRule({}, NO_FACTS)
        spec = {name: row.spec[name] for name in _NAMES if row.spec.get(name)} if row.spec else {}
        return OfRule(spec, Facts(row.tagged_owner, row.work_pool))


# Built once, since SQLAlchemy compiles a statement once for each object.
_RULE = select(RULE.c.spec, RULE.c.tagged_owner, RULE.c.work_pool).where(
    RULE.c.tenant == bindparam("tenant"), RULE.c.name == bindparam("rule")
)
