"""The rules of alerts as routes see them, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, bindparam, select

from sentinel.alerts.run_source import RunSource
from sentinel.notifications.grouping import Membership
from sentinel.notifications.routing import (
    OWN_RECEIVERS,
    RouteTree,
    facts_of,
    memberships,
    route_labels,
)
from sentinel.rules.rule import Rule
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, RULE

__all__ = ["ROUTED", "RuleModels", "rule_models"]

ROUTED = (
    ALERT.c.id, ALERT.c.title, ALERT.c.tenant, ALERT.c.rule, ALERT.c.labels, ALERT.c.category,
    ALERT.c.team, ALERT.c.severity_word, ALERT.c.source, ALERT.c.details,
)  # fmt: skip
"""What `RuleModels` needs of an alert."""
_COLUMNS = RULE.c.tenant, RULE.c.name, RULE.c.spec, RULE.c.tagged_owner, RULE.c.work_pool


class RuleModels:
    """Rules by tenant and name, and the ways of their alerts.

    Args:
        rules: with what Prefect says of their owners
    """

    def __init__(self, rules: Mapping[tuple[str, str], tuple[Rule, RunSource]]) -> None:
        self._rules = rules

    def memberships(self, tree: RouteTree | None, row: Row[Any]) -> tuple[Membership, ...]:
        """Return the groups of an alert by some routes.

        Args:
            tree: the routes; None for none
            row: of which `ROUTED` was read

        Returns:
            One for each way.
        """
        rule, source = self._of(row)
        return memberships(
            tree, rule, row.labels, row.category, row.source == "check", row.team,
            row.severity_word, facts_of(row.details, source),
        )  # fmt: skip

    def labels(self, tree: RouteTree, row: Row[Any]) -> dict[str, str]:
        """Return the labels that routes and matchers see of an alert, by `memberships`' arguments.

        Args:
            tree: the routes, by whose list the owner is
            row: of which `ROUTED` was read

        Returns:
            The labels.
        """
        rule, source = self._of(row)
        return route_labels(
            tree, rule, row.labels, row.category, row.team, row.severity_word,
            facts_of(row.details, source),
        )  # fmt: skip

    def _of(self, row: Row[Any]) -> tuple[Rule, RunSource]:
        return self._rules.get((row.tenant, row.rule)) or (_unknown(row), RunSource())


def rule_models(connection: Connection, names: Collection[str] | None = None) -> RuleModels:
    """Return rules as models.

    Args:
        connection: an open transaction
        names: of the rules; None for all

    Returns:
        The rules; those of an older version that cannot be read are as plain ones.
    """
    found: dict[tuple[str, str], tuple[Rule, RunSource]] = {}
    if names is None:
        rows = list(connection.execute(_ALL))
    else:
        rows = [
            row
            for piece in chunks(sorted(names))
            for row in connection.execute(_SOME, {"names": piece})
        ]
    for row in rows:
        source = RunSource(tagged_owner=row.tagged_owner, work_pool=row.work_pool)
        try:
            found[row.tenant, row.name] = Rule.model_validate(row.spec), source
        except ValidationError:
            continue
    return RuleModels(found)


def _unknown(row: Row[Any]) -> Rule:
    """Return a rule for the alerts of one that is no longer there."""
    plain = Rule(name="gone", receivers=OWN_RECEIVERS, tenant=row.tenant)
    return plain.model_copy(update={"name": row.rule})


# Built once, since SQLAlchemy compiles a statement once for each object.
_ALL = select(*_COLUMNS)
_SOME = _ALL.where(RULE.c.name.in_(bindparam("names", expanding=True)))
