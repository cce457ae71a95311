"""The row of a rule that is evaluated: made where there is none, and taken over when renamed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, select, update
from sqlmodel import col

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.alerts.reasons import Reason
from sentinel.clock import utc
from sentinel.evaluation.judge import CHECK
from sentinel.evaluation.model import Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.schema.audit import AuditRow
from sentinel.schema.columns import new_id
from sentinel.schema.conditions import RuleMemory
from sentinel.store.database.bulk import dumped, update_many
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, RULE, SILENCE, SUPPRESSION, TIMELINE, table_of
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.made import fresh_rule
from sentinel.timing.schedule import slot_judged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LISTED", "ensure_row", "memory_of", "refusal"]

LISTED = (RULE.c.tenant == SECURITY_TENANT, RULE.c.tenant, RULE.c.name)
"""The order of lists of rules: people's own come before those of self-watch."""


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


def ensure_row(
    store: Store, connection: Connection, evaluation: Evaluation, now: datetime
) -> Row[Any] | None:
    """Ensure that the rule has a row, take over the history of a renamed one, and lock the row.

    Args:
        store: the shared database
        connection: a transaction, which writes
        evaluation: of the rule
        now: the present moment

    Returns:
        The row; None where the rule was deleted after the scheduled time of the evaluation, whose
        run was under way: it must not bring the rule and its alerts back.
    """
    rule = evaluation.rule
    key = (rule.tenant, rule.name)
    found = lock_rules(connection, [key])
    if key in found:
        return found[key]
    of = {"tenant": rule.tenant, "name": rule.name}
    deleted_at: datetime | None = connection.execute(_DELETED, of).scalar()
    if deleted_at is not None and utc(evaluation.slot) < deleted_at:
        return None
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


AUDIT = table_of(AuditRow)
_DELETED = (
    select(AUDIT.c.at)
    .where(
        AUDIT.c.object_kind == "rule", AUDIT.c.object_id == bindparam("name"),
        AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.action == "rule.retired",
    )
    .order_by(AUDIT.c.id.desc())
    .limit(1)
)  # fmt: skip
"""When a rule was deleted last, by the audit trail."""


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
    connection.execute(delete(RuleMemory).where(*memory_of(rule.tenant, old)))
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


def memory_of(tenant: str, name: str) -> tuple[ColumnElement[bool], ...]:
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
