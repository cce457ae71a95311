"""Rules as rows: their switch, the check that lets an evaluation in, and their renaming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlmodel import col

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.reasons import Reason
from sentinel.audit.change import Change
from sentinel.clock import utc
from sentinel.errors import NotFound
from sentinel.evaluation.judge import CHECK
from sentinel.evaluation.model import Evaluation, Gate
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.schema.columns import new_id
from sentinel.schema.conditions import RuleMemory
from sentinel.schema.rules import RuleRow
from sentinel.store.database.bulk import dumped, update_many
from sentinel.store.database.insert import insert_into
from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import (
    ALERT,
    RULE,
    SILENCE,
    SUPPRESSION,
    TIMELINE,
    model_of,
)
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.made import fresh_rule
from sentinel.timing.schedule import slot_judged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Rules", "ensure_row", "refusal"]


def refusal(row: Row[Any] | None, rule: Rule, slot: datetime, at: datetime) -> str:
    """Return why an evaluation is refused.

    Args:
        row: the rule's row, None for a rule that never ran
        rule: as the evaluation has it
        slot: the scheduled time of the evaluation
        at: when it was made

    Returns:
        An empty text where it counts. `disabled`: the rule is switched off. `stale`: this slot or
        a later one was applied. `collapsed`: the run is later than its period, and the newest slot
        that was due was applied, so that after an outage the late runs of a rule count once.
    """
    if row is None:
        return ""
    if not row.enabled:
        return "disabled"
    judged = slot_judged(slot, at, every=rule.every, last=row.slot)
    if row.slot is not None and (judged if rule.every else slot) <= row.slot:
        return "collapsed" if judged > slot else "stale"
    if row.evaluated_at is not None and at < row.evaluated_at:
        return "stale"
    return ""


Fields = list[dict[str, Any]]
"""Rows by column."""
CloseRule = Callable[[Connection, str, str, str], int]
"""Ends the live alerts of a rule: takes a writing transaction, tenant, rule and actor."""


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
        """Return all rules, or those of one tenant, by name."""
        query = select(RULE).order_by(RULE.c.tenant, RULE.c.name)
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
        query = select(*chosen).where(*rule_in(scope)).order_by(RULE.c.tenant, RULE.c.name)
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
            raise NotFound(
                f"there is no rule {name!r}",
                hint="A rule is known here once it has run; see: sentinel rule list",
            )
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

    def enable(self, name: str, *, actor: str, tenant: str = "default") -> bool:
        """Switch a rule on.

        Args:
            name: of the rule
            actor: who does it
            tenant: whose the rule is

        Returns:
            Whether it was off.

        Raises:
            NotFound: there is no rule of that name.
        """

        def work(connection: Connection) -> bool:
            self._locked(connection, tenant, name)
            switched = self._switch(connection, tenant, name, on=True, actor=actor, reason="")
            self._store.changed(connection)
            return switched

        return self._store.in_transaction(work)

    def disable(self, name: str, *, actor: str, reason: str = "", tenant: str = "default") -> int:
        """Switch a rule off until someone switches it on; deploys do not change the switch.

        Its alerts close in the same transaction, as "rule disabled", never as recovered.

        Args:
            name: of the rule
            actor: who does it
            reason: a person's, for the others
            tenant: whose the rule is

        Returns:
            How many alerts were closed.

        Raises:
            NotFound: there is no rule of that name.
        """

        def work(connection: Connection) -> int:
            self._locked(connection, tenant, name)
            self._switch(connection, tenant, name, on=False, actor=actor, reason=reason)
            closed = self._close_rule(connection, tenant, name, actor)
            # Last in the order in which all writers lock (docs/adr/0003).
            self._store.changed(connection)
            return closed

        return self._store.in_transaction(work)

    def retire(self, name: str, *, actor: str, tenant: str = "default") -> int:
        """Delete a rule whose deployment is gone; a new rule may take its name.

        Its alerts close in the same transaction, as "rule disabled", never as recovered, and
        stay in the history.

        Args:
            name: of the rule
            actor: who does it
            tenant: whose the rule is

        Returns:
            How many alerts were closed; 0 where no such rule ever ran.
        """

        def work(connection: Connection) -> int:
            if not lock_rules(connection, [(tenant, name)]):
                return 0
            closed = self._close_rule(connection, tenant, name, actor)
            mine = (RULE.c.tenant == tenant, RULE.c.name == name)
            connection.execute(RULE.delete().where(*mine))
            # A new rule of that name must not continue from the state of this one.
            connection.execute(
                SILENCE.delete().where(SILENCE.c.tenant == tenant, SILENCE.c.rule == name)
            )
            connection.execute(delete(RuleMemory).where(*_memory_of(tenant, name)))
            self._record(connection, "rule.retired", tenant, name, actor, before={"exists": True})
            self._store.changed(connection)
            return closed

        return self._store.in_transaction(work)

    def _locked(self, connection: Connection, tenant: str, name: str) -> None:
        if not lock_rules(connection, [(tenant, name)]):
            raise NotFound(
                f"there is no rule {name!r}",
                hint="A rule is known here once it has run; see: sentinel rule list",
            )

    def _switch(
        self, connection: Connection, tenant: str, name: str, *, on: bool, actor: str, reason: str
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
            self._record(
                connection, "rule.enabled" if on else "rule.disabled", tenant, name, actor,
                before={"enabled": not on}, after={"enabled": on}, note=reason,
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


def ensure_row(
    store: Store, connection: Connection, evaluation: Evaluation, now: datetime
) -> Row[Any]:
    """Ensure that the rule has a row, take over the history of a renamed one, and lock the row."""
    rule = evaluation.rule
    key = (rule.tenant, rule.name)
    found = lock_rules(connection, [key])
    if key in found:
        return found[key]
    if rule.renamed_from:
        _adopt(connection, rule, rule.renamed_from, now)
    connection.execute(
        insert_into(store.dialect, RULE)
        .values(
            fresh_rule(
                rule,
                evaluation.trigger,
                rule.category or evaluation.default_category,
                evaluation.source.owner,
                now,
            )
        )
        .on_conflict_do_nothing()
    )
    return lock_rules(connection, [key])[key]


def _adopt(connection: Connection, rule: Rule, old: str, now: datetime) -> None:
    """Give the row and the alerts of the name `old` to `rule`, with new fingerprints."""
    row = lock_rules(connection, [(rule.tenant, old)]).get((rule.tenant, old))
    if row is None:
        return
    connection.execute(
        update(RULE)
        .where(RULE.c.tenant == rule.tenant, RULE.c.name == old)
        .values(name=rule.name, updated_at=now)
    )
    # Conditions count by fingerprint, and fingerprints change with the name.
    connection.execute(delete(RuleMemory).where(*_memory_of(rule.tenant, old)))
    spec: dict[str, Any] = row.spec or {}
    static: dict[str, str] = spec.get("labels", {})
    alerts = connection.execute(
        select(ALERT.c.id, ALERT.c.fingerprint, ALERT.c.labels, ALERT.c.status, ALERT.c.severity,
               ALERT.c.source, ALERT.c.version)
        .where(ALERT.c.tenant == rule.tenant, ALERT.c.rule == old)
    ).all()  # fmt: skip
    entries: list[dict[str, Any]] = []
    renamed: list[tuple[Any, ...]] = []
    prints: dict[str, str] = {}
    for alert in alerts:
        own = _identity(rule.tenant, old, alert.labels, static, alert.fingerprint)
        labels = dict(alert.labels)
        if alert.source == "check":  # its label is the rule's name
            own = labels = {CHECK: rule.name}
        print_ = fingerprint(rule.tenant, rule.name, own)
        renamed.append((alert.id, dumped(labels), print_))
        prints[alert.fingerprint] = print_
        if alert.status in LIVE[1:]:
            entries.append(
                {
                    "id": new_id(), "alert_id": alert.id, "at": now, "kind": "renamed",
                    "reason": str(Reason.RULE_RENAMED), "actor": "", "comment": f"was {old}",
                    "status": alert.status, "severity": alert.severity, "version": alert.version,
                }
            )  # fmt: skip
    columns = (("labels", "json"), ("fingerprint", "text"))
    update_many(connection, "alert", columns, renamed, same={"rule": rule.name})
    mine = (SUPPRESSION.c.tenant == rule.tenant, SUPPRESSION.c.rule == old)
    for muted in connection.execute(select(SUPPRESSION.c.fingerprint).where(*mine)).all():
        connection.execute(
            update(SUPPRESSION)
            .where(SUPPRESSION.c.fingerprint == muted.fingerprint)
            .values(rule=rule.name, fingerprint=prints.get(muted.fingerprint, muted.fingerprint))
        )
    silenced = (SILENCE.c.tenant == rule.tenant, SILENCE.c.rule == old)
    connection.execute(update(SILENCE).where(*silenced).values(rule=rule.name))
    if entries:
        connection.execute(TIMELINE.insert(), entries)


def _memory_of(tenant: str, name: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that select the state of a rule's conditions."""
    return col(RuleMemory.tenant) == tenant, col(RuleMemory.rule) == name


def _identity(
    tenant: str, rule: str, labels: dict[str, str], static: dict[str, str], print_: str
) -> dict[str, str]:
    """Return the reading's own labels out of `labels`, checked against their fingerprint."""
    own = {k: v for k, v in labels.items() if k not in static or static[k] != v}
    if fingerprint(tenant, rule, own) == print_:
        return own
    # Where the reading and the rule give a label the same value, the label identifies.
    return dict(labels)
