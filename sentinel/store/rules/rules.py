"""Rules as rows: their switch, the check that lets an evaluation in, and their renaming."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlmodel import col

from sentinel.access import EVERYTHING, Scope
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.audit.change import Change
from sentinel.clock import utc
from sentinel.errors import NotFound
from sentinel.evaluation.model import Gate
from sentinel.rules.approval import ChangeWaits
from sentinel.rules.rule import Rule
from sentinel.schema.conditions import RuleMemory
from sentinel.schema.rules import RuleRow
from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import (
    RULE,
    SILENCE,
    model_of,
)
from sentinel.store.rules.asking import Asked, ask
from sentinel.store.rules.critical import critical_among
from sentinel.store.rules.lock import holds_rule, lock_rules
from sentinel.store.rules.packs import members_in
from sentinel.store.rules.rows import LISTED, memory_of, refusal

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Rules", "switch_state"]


def switch_state(row: Row[Any]) -> dict[str, Any]:
    """Return the state of a rule that a change of its switch is approved for."""
    given: dict[str, Any] = row.given or {}
    words = {"given": given} if given else {}
    return {"rule": dict(row.spec or {}), "enabled": bool(row.enabled), **words}


Fields = list[dict[str, Any]]
"""Rows by column."""
CloseRule = Callable[[Connection, str, str, str], int]
"""Ends the live alerts of a rule: takes a writing transaction, tenant, rule and actor."""

# The same for a rule of a tenant that whoever asks may not see.
_KNOWN = (
    "A rule is known here once it has run, and by its tenant: those of self-watch are of "
    f"{SECURITY_TENANT}; see: sentinel rule list"
)


class Rules:
    """Rules in the shared database.

    Args:
        store: the shared database
        close_rule: ends the live alerts of a rule that is switched off or deleted, in the
            transaction of the switch, and returns how many it ended
    """

    def __init__(self, store: Store, close_rule: CloseRule) -> None:
        self._store = store
        self._close_rule = close_rule

    def list(self, tenant: str | None = None) -> list[RuleRow]:
        """Return all rules, or those of one tenant, by name; those of self-watch come last."""
        query = select(RULE).order_by(*LISTED)
        if tenant is not None:
            query = query.where(RULE.c.tenant == tenant)
        with self._store.read() as connection:
            return [model_of(RuleRow, row) for row in connection.execute(query)]

    def fields(
        self, columns: Mapping[str, str], tenant: str | None, scope: Scope = EVERYTHING
    ) -> Fields:
        """Return some columns of the rules in scope, or of those of one tenant, by name.

        Args:
            columns: the name of each column, by the name that it has in the result
            tenant: whose rules; None for everybody's
            scope: of whoever asks

        Returns:
            One dictionary per rule.
        """
        chosen = (RULE.c[column].label(name) for name, column in columns.items())
        query = select(*chosen).where(*rule_in(scope)).order_by(*LISTED)
        if tenant is not None:
            query = query.where(RULE.c.tenant == tenant)
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def get(self, name: str, tenant: str = "default") -> RuleRow:
        """Return one rule.

        Args:
            name: of the rule
            tenant: whose it is

        Returns:
            The row, as the last evaluation left it.

        Raises:
            NotFound: there is no rule of that name.
        """
        with self._store.read() as connection:
            row = connection.execute(
                select(RULE).where(RULE.c.tenant == tenant, RULE.c.name == name)
            ).first()
        if row is None:
            raise NotFound(f"there is no rule {name!r}", hint=_KNOWN)
        return model_of(RuleRow, row)

    def begin(self, rule: Rule, *, slot: datetime, now: datetime) -> Gate:
        """Decide whether a run should evaluate its rule at all.

        Args:
            rule: as the deployment has it
            slot: the scheduled time of the run
            now: the present moment

        Returns:
            The decision with its reason, and the state that the last evaluation left.
        """
        with self._store.read() as connection:
            query = select(RULE).where(RULE.c.tenant == rule.tenant)
            row = connection.execute(query.where(RULE.c.name == rule.name)).first()
            if row is None and rule.renamed_from:
                row = connection.execute(query.where(RULE.c.name == rule.renamed_from)).first()
        why = refusal(row, rule, utc(slot), utc(now))
        if row is None:
            return Gate(go=True, reason="ok")
        return Gate(
            go=not why, reason=why or "ok", state=dict(row.state or {}), last_seen=row.evaluated_at
        )

    def enable(
        self, name: str, *, actor: str, tenant: str = "default", scope: Scope = EVERYTHING
    ) -> bool:
        """Switch a rule on.

        Args:
            name: of the rule
            actor: who does it
            tenant: whose the rule is
            scope: a rule that is not in it is as unknown

        Returns:
            Whether it was off.

        Raises:
            NotFound: there is no rule of that name.
            ChangeWaits: a second person has to approve it first
        """
        return bool(self._switched(name, tenant, scope, on=True, actor=actor, reason=""))

    def disable(
        self, name: str, *, actor: str, reason: str = "", tenant: str = "default",
        scope: Scope = EVERYTHING,
    ) -> int:  # fmt: skip
        """Switch a rule off until someone switches it on; deploys do not change the switch.

        Its alerts close in the same transaction, as "rule disabled", never as recovered; of the
        rule of a pack, those of the rules in it, which nothing evaluates any more.

        Args:
            name: of the rule
            actor: who does it
            reason: a person's, for the others
            tenant: whose the rule is
            scope: as for `enable`

        Returns:
            How many alerts were closed.

        Raises:
            NotFound: there is no rule of that name.
            ChangeWaits: a second person has to approve it first
        """
        return self._switched(name, tenant, scope, on=False, actor=actor, reason=reason)

    def _switched(
        self, name: str, tenant: str, scope: Scope, *, on: bool, actor: str, reason: str
    ) -> int:
        def work(connection: Connection) -> int | ChangeWaits:
            row = self._locked(connection, tenant, name, scope)
            if row.enabled != on:
                now = switch_state(row)
                asked = Asked(
                    kind="enable" if on else "disable", tenant=tenant, rule=name, spec=row.spec,
                    critical=(tenant, name) in critical_among(connection, [name]), before=now,
                    after={**now, "enabled": on}, reason=reason,
                )  # fmt: skip
                if (waits := ask(self._store, connection, asked, actor=actor)) is not None:
                    return waits
            done = self.switch(connection, tenant, name, on=on, actor=actor, reason=reason)
            # Last in the order in which all writers lock (docs/adr/0003).
            self._store.changed(connection)
            return done

        found = self._store.in_transaction(work)
        if isinstance(found, ChangeWaits):
            raise found
        return found

    def switch(
        self,
        connection: Connection,
        tenant: str,
        name: str,
        *,
        on: bool,
        actor: str,
        reason: str,
        approved_by: str = "",
    ) -> int:
        """Switch a rule whose lock is held, without asking whether a second person is needed.

        Args:
            connection: the transaction that holds the lock
            tenant: whose the rule is
            name: of the rule
            on: whether it is to run
            actor: who does it
            reason: a person's, for the others
            approved_by: the second person, where one was needed

        Returns:
            Whether it was off, or how many alerts were closed.
        """
        changed = self._switch(
            connection, tenant, name, on=on, actor=actor, reason=reason, approved_by=approved_by
        )
        if on:
            return int(changed)
        return self._close(connection, tenant, [name, *members_in(connection, tenant, name)], actor)

    def retire(self, name: str, *, actor: str, tenant: str = "default") -> int:
        """Delete a rule whose deployment is gone; a new rule may take its name.

        Its alerts close in the same transaction, as "rule disabled", never as recovered, and
        stay in the history. The rules of a pack are deleted with the pack's own.

        Args:
            name: of the rule
            actor: who does it
            tenant: whose the rule is

        Returns:
            How many alerts were closed; 0 where no such rule ever ran.
        """

        def work(connection: Connection) -> int:
            names = [name, *members_in(connection, tenant, name)]
            found = lock_rules(connection, [(tenant, one) for one in names])
            there = [one for one in names if (tenant, one) in found]
            if not there:
                return 0
            critical = critical_among(connection, there)
            closed = self._close(connection, tenant, there, actor)
            for one in there:
                mine = (RULE.c.tenant == tenant, RULE.c.name == one)
                connection.execute(RULE.delete().where(*mine))
                # A new rule of that name must not continue from the state of this one.
                connection.execute(
                    SILENCE.delete().where(SILENCE.c.tenant == tenant, SILENCE.c.rule == one)
                )
                connection.execute(delete(RuleMemory).where(*memory_of(tenant, one)))
                was = {"exists": True} | ({"critical": True} if (tenant, one) in critical else {})
                self._record(connection, "rule.retired", tenant, one, actor, before=was)
            self._store.changed(connection)
            return closed

        return self._store.in_transaction(work)

    def _close(self, connection: Connection, tenant: str, names: Sequence[str], actor: str) -> int:
        """End the live alerts of rules; those of a pack are locked first, with it."""
        if len(names) > 1:
            lock_rules(connection, [(tenant, one) for one in names])
        return sum(self._close_rule(connection, tenant, one, actor) for one in names)

    def _locked(self, connection: Connection, tenant: str, name: str, scope: Scope) -> Row[Any]:
        row = lock_rules(connection, [(tenant, name)]).get((tenant, name))
        if row is None or not holds_rule(scope, row):
            raise NotFound(f"there is no rule {name!r}", hint=_KNOWN)
        return row

    def _switch(
        self,
        connection: Connection,
        tenant: str,
        name: str,
        *,
        on: bool,
        actor: str,
        reason: str,
        approved_by: str,
    ) -> bool:
        now = self._store.now()
        done = connection.execute(
            update(RuleRow)
            .where(
                col(RuleRow.tenant) == tenant,
                col(RuleRow.name) == name,
                col(RuleRow.enabled) != on,
            )
            .values(
                enabled=on,
                switched_by=actor,
                switched_at=now,
                switch_reason=reason,
                updated_at=now,
            )
        )
        if done.rowcount:
            second = {"approved_by": approved_by} if approved_by else {}
            self._record(
                connection, "rule.enabled" if on else "rule.disabled", tenant, name, actor,
                before={"enabled": not on}, after={"enabled": on} | second, note=reason,
                people=("approved_by",),
            )  # fmt: skip
        return bool(done.rowcount)

    def _record(
        self, connection: Connection, action: str, tenant: str, name: str, actor: str, **more: Any
    ) -> None:
        change = Change(
            action=action,
            object_kind="rule",
            object_id=name,
            object_name=name,
            tenant=tenant,
            **more,
        )
        self._store.audit.add(connection, change, actor=actor)
