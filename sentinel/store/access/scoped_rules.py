"""Rules within a scope: what the pages show of them, their switch and their silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import func, select

from sentinel.errors import NotFound
from sentinel.schema.rules import RuleRow
from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import RULE, model_of
from sentinel.store.rules.health import AlertCounts, alert_counts
from sentinel.store.rules.listed import ListedRule, listed_rules
from sentinel.store.rules.rows import LISTED

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel.access import Scope
    from sentinel.store import Store
    from sentinel.store.metrics.windows import Windows

Rows: TypeAlias = "list[RuleRow]"
Listed: TypeAlias = "list[ListedRule]"

__all__ = ["ScopedRules"]


class ScopedRules:
    """The rules that are in a scope; the others are as if they did not exist.

    Args:
        store: the shared database
        scope: what may be seen and changed
    """

    def __init__(self, store: Store, scope: Scope) -> None:
        self._store = store
        self._scope = scope

    def list(self) -> Rows:
        """Return the rules by tenant and name; those of self-watch come last."""
        query = select(RULE).where(*rule_in(self._scope)).order_by(*LISTED)
        with self._store.read() as connection:
            return [model_of(RuleRow, row) for row in connection.execute(query)]

    def listed(self) -> Listed:
        """Return the rules in the same order, as a list shows them: a thousand cost little."""
        return listed_rules(self._store, self._scope)

    def get(self, name: str, tenant: str) -> RuleRow:
        """Return one rule.

        Args:
            name: of the rule
            tenant: whose it is

        Returns:
            The row, as the last evaluation left it.

        Raises:
            NotFound: there is no such rule, or it is not in scope
        """
        row = self._store.rules.get(name, tenant)
        if not self._scope.holds(tenant, row.spec.get("team", "")):
            raise NotFound(f"there is no rule {name!r}", hint="List rules: sentinel rule list")
        return row

    def counted(self) -> tuple[int, int]:
        """Return how many rules are enabled, and how many there are."""
        query = select(func.count().filter(RULE.c.enabled), func.count()).select_from(RULE)
        with self._store.read() as connection:
            enabled, of_all = connection.execute(query.where(*rule_in(self._scope))).one()
        return enabled, of_all

    def evaluations(self) -> int:
        """Return how many evaluations the rules had."""
        query = select(func.sum(RULE.c.evaluations)).where(*rule_in(self._scope))
        with self._store.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def alert_counts(self) -> dict[tuple[str, str], AlertCounts]:
        """Count the alerts of each rule that are not resolved; see `alert_counts`."""
        return alert_counts(self._store, self._scope)

    def readings(self, row: RuleRow | ListedRule) -> Windows:
        """Return what reads the stored readings of a rule; NotFound where it is not in scope."""
        self.get(row.name, row.tenant)
        return self._store.metrics.reader(row.tenant)

    def enable(self, name: str, *, actor: str, tenant: str) -> bool:
        """Switch a rule on; see `Rules.enable`."""
        return self._store.rules.enable(name, actor=actor, tenant=tenant, scope=self._scope)

    def disable(self, name: str, *, actor: str, reason: str, tenant: str) -> int:
        """Switch a rule off; see `Rules.disable`."""
        return self._store.rules.disable(
            name, actor=actor, reason=reason, tenant=tenant, scope=self._scope
        )

    def silence(self, rule: str, until: datetime, *, actor: str, reason: str, tenant: str) -> int:
        """Silence a rule; see `Silences.begin`."""
        return self._store.silences.begin(
            rule, until, actor=actor, reason=reason, tenant=tenant, scope=self._scope
        )

    def end_silence(self, rule: str, *, actor: str, tenant: str) -> int:
        """End the silence of a rule; see `Silences.end`."""
        return self._store.silences.end(rule, actor=actor, tenant=tenant, scope=self._scope)
