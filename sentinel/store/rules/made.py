"""Rows of rules that are made before they were evaluated, and the words that they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["add_deployed", "add_rule", "drop_unevaluated", "fresh_rule", "given_words", "source_of"]


def fresh_rule(
    rule: Rule, trigger: str, category: str, source: str, now: datetime
) -> dict[str, Any]:
    """Return the columns of a rule that nobody has evaluated or switched.

    Args:
        rule: as it is written
        trigger: name of its check
        category: of its alerts
        source: its owner: file, ui or api
        now: the present moment

    Returns:
        Values by column.
    """
    return {
        "tenant": rule.tenant, "name": rule.name, "spec": rule.dump(), "trigger": trigger,
        "category": category, "severity": int(rule.rank), "source": source, "enabled": True,
        "switched_by": "", "switch_reason": "", "state": {}, "outcome": "", "seen": 0, "bad": 0,
        "failures": 0, "error": "", "evaluations": 0, "created_at": now, "updated_at": now,
    }  # fmt: skip


def add_rule(
    store: Store,
    rule: Rule,
    trigger: str,
    category: str,
    *,
    enabled: bool,
    actor: str,
    source: str,
    given: Mapping[str, Any],
    severity: Severity | None = None,
) -> bool:
    """Add the row of a new rule.

    Args:
        store: the shared database
        rule: as it is written
        trigger: name of its check
        category: of its alerts
        enabled: whether it is switched on
        actor: who makes it
        source: its owner
        given: the words that it was made of
        severity: the worst of the rule and its policies; the rule's own by default

    Returns:
        Whether it was added; False where there is a rule of this name.
    """
    now = store.now()
    row = fresh_rule(rule, trigger, category, source, now) | {"given": dict(given)}
    if severity is not None:
        row["severity"] = int(severity)
    if not enabled:
        row |= {"enabled": False, "switched_by": actor, "switched_at": now,
                "switch_reason": "created disabled"}  # fmt: skip

    def work(connection: Connection) -> bool:
        new = insert_into(store.dialect, RULE).values(row).on_conflict_do_nothing()
        added = connection.execute(new.returning(RULE.c.name)).first() is not None
        if added:
            _record(store, connection, "rule.created", rule.tenant, rule.name, actor, after={
                "rule": rule.dump(), "trigger": trigger, "enabled": enabled,
            })  # fmt: skip
            store.changed(connection)
        return added

    return store.in_transaction(work)


def add_deployed(
    store: Store, rule: Rule, trigger: str, category: str, *, severity: Severity,
    deployment_id: str, paused: bool,
) -> bool:  # fmt: skip
    """Add the row of a rule that a file deployed, so that it is listed before it is evaluated.

    Args:
        store: the shared database
        rule: as it is written; nothing is changed of one that has a row
        trigger: name of its check
        category: of its alerts
        severity: the worst of the rule and its policies
        deployment_id: id of its deployment in Prefect
        paused: whether that is paused, or all of its schedules are switched off

    Returns:
        Whether it was added.
    """
    row = fresh_rule(rule, trigger, category, "file", store.now()) | {
        "severity": int(severity), "deployment_id": deployment_id, "paused": paused,
    }  # fmt: skip

    def work(connection: Connection) -> bool:
        new = insert_into(store.dialect, RULE).values(row).on_conflict_do_nothing()
        added = connection.execute(new.returning(RULE.c.name)).first() is not None
        if added:
            store.changed(connection)
        return added

    return store.in_transaction(work)


def drop_unevaluated(store: Store, tenant: str, name: str, *, source: str, actor: str) -> bool:
    """Delete the row of a rule that was made and never evaluated: nothing refers to it.

    The rows of a pack's policies are kept: they are evaluated by the pack's deployment, whose id
    they have from the beginning.

    Args:
        store: the shared database
        tenant: whose rule
        name: of the rule
        source: the owner that made it; rows of other owners are kept
        actor: who takes it back

    Returns:
        Whether there was such a row.
    """
    mine = (
        RULE.c.tenant == tenant, RULE.c.name == name, RULE.c.source == source,
        RULE.c.deployment_id.is_(None), RULE.c.evaluations == 0, RULE.c.slot.is_(None),
        RULE.c.evaluated_at.is_(None),
    )  # fmt: skip

    def work(connection: Connection) -> bool:
        gone = bool(connection.execute(RULE.delete().where(*mine)).rowcount)
        if gone:
            before = {"evaluated": False}
            _record(store, connection, "rule.dropped", tenant, name, actor, before=before)
            store.changed(connection)
        return gone

    return store.in_transaction(work)


def _record(
    store: Store,
    connection: Connection,
    action: str,
    tenant: str,
    name: str,
    actor: str,
    **more: Any,
) -> None:
    change = Change(
        action=action, object_kind="rule", object_id=name, object_name=name, tenant=tenant, **more
    )
    store.audit.add(connection, change, actor=actor)


def given_words(store: Store, tenant: str, name: str) -> dict[str, Any]:
    """Return the words that a rule was made of.

    Args:
        store: the shared database
        tenant: whose rule
        name: of the rule

    Returns:
        Values by the names that the words have; empty where the rule has no row yet.
    """
    mine = (RULE.c.tenant == tenant, RULE.c.name == name)
    with store.read() as connection:
        return dict(connection.execute(select(RULE.c.given).where(*mine)).scalar() or {})


def source_of(store: Store, tenant: str, name: str) -> str:
    """Return the owner of a rule.

    Args:
        store: the shared database
        tenant: whose rule
        name: of the rule

    Returns:
        file, ui or api; empty where the rule has no row.
    """
    mine = (RULE.c.tenant == tenant, RULE.c.name == name)
    with store.read() as connection:
        return str(connection.execute(select(RULE.c.source).where(*mine)).scalar() or "")
