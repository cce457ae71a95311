"""Rules that people changed, kept in their rows before they are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.store.database.tables import RULE
from sentinel.store.notifications.relabelled import look_again
from sentinel.store.rules.evaluated import is_relabelled, is_reshaped, texts_in, texts_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["keep_changed", "keep_spec"]


def keep_changed(
    store: Store, rule: Rule, severity: Severity, *, given: Mapping[str, Any] | None = None
) -> None:
    """Keep a rule as its deployment has it now, which its next evaluation may be long to tell.

    What asks whether the rule is critical, and whether it is still the same, asks its row.

    Args:
        store: the shared database
        rule: as its deployment has it; nothing is kept of one without a row
        severity: the worst of the rule and its policies
        given: the words that it was made of, to be given back; None to leave them
    """
    with store.write() as connection:
        row = lock_rules(connection, [(rule.tenant, rule.name)]).get((rule.tenant, rule.name))
        now = store.now()
        if row is not None and keep_spec(connection, row, rule, severity, now, given=given):
            store.wakes.request(connection, now)


def keep_spec(
    connection: Connection, row: Row[Any], rule: Rule, severity: Severity, now: datetime, *,
    given: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Keep a rule in its row, which is locked; see `keep_changed`.

    Args:
        connection: the transaction that holds the lock
        row: of the rule
        rule: as it is from now on
        severity: the worst of the rule and its policies
        now: the present moment
        given: the words that it was made of; None to leave them

    Returns:
        Whether a notification decision is due at once, since an alert may be muted no more.
    """
    values: dict[str, Any] = {
        "spec": rule.dump(), "severity": int(severity), "updated_at": now,
    }  # fmt: skip
    if given is not None:
        values["given"] = dict(given)
    if is_reshaped(row.spec, values["spec"]):
        values["shaped_at"] = now
    if texts_of(rule) != texts_in(row.spec or {}):
        values["texts_since"] = now
    mine = (RULE.c.tenant == rule.tenant, RULE.c.name == rule.name)
    connection.execute(RULE.update().where(*mine).values(**values))
    if not is_relabelled(row, values):
        return False
    return look_again(connection, [(rule.tenant, rule.name)], (), now)
