"""The labels that matchers see of alerts: those of the reading and the rule, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.notifications.grouping import labels_with
from sentinel.store.database.tables import ALERT, RULE

__all__ = ["COLUMNS", "RuleLabels"]

COLUMNS = (
    ALERT.c.tenant, ALERT.c.rule, ALERT.c.labels, ALERT.c.category, ALERT.c.team,
    ALERT.c.severity_word,
)  # fmt: skip
"""What `RuleLabels` needs of an alert."""


class RuleLabels:
    """The labels that matchers see of alerts, each rule read once.

    Args:
        connection: an open transaction
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rules: dict[tuple[str, str], Mapping[str, Any]] = {}

    def of(self, row: Row[Any]) -> dict[str, str]:
        """Return the labels of an alert, of which `COLUMNS` were read."""
        key = row.tenant, row.rule
        spec = self._rules.get(key)
        if spec is None:
            asked = {"tenant": row.tenant, "rule": row.rule}
            spec = self._rules[key] = self._connection.execute(_SPEC, asked).scalar() or {}
        return labels_with(
            spec.get("labels") or {}, row.labels, rule=row.rule, category=row.category,
            team=spec.get("team") or row.team, tenant=row.tenant, owner=spec.get("owner") or "",
            severity=row.severity_word,
        )  # fmt: skip


# Built once, since SQLAlchemy compiles a statement once for each object.
_SPEC = select(RULE.c.spec).where(
    RULE.c.tenant == bindparam("tenant"), RULE.c.name == bindparam("rule")
)
