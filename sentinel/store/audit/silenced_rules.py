"""Silences by matchers that may mute alerts of critical rules, for the events of self-watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.errors import ConfigurationError
from sentinel.labels.alertmanager import matchers_of
from sentinel.labels.matchers import Matcher
from sentinel.store.database.tables import RULE
from sentinel.store.rules.critical import critical_among

__all__ = ["may_mute_critical"]

_CRITICAL_WORDS = ("critical", "emergency")


def may_mute_critical(connection: Connection, row: RowMapping, after: Mapping[str, Any]) -> bool:
    """Return whether a silence may mute an alert of a critical rule.

    Labels of readings are not known beforehand, so that a matcher of another label counts as met.

    Args:
        connection: the transaction that chains the row
        row: of the audit trail: a silence that was created or extended
        after: its fields

    Returns:
        True for one of the tenant of self-watch, too.
    """
    if row["tenant"] == SECURITY_TENANT:
        return True
    sets = [_read(text) for text in after.get("matchers") or ()]
    rules = connection.execute(_RULES, {"tenant": row["tenant"]}).all()
    near = [
        one for one in rules if any(_may_match(each, one.name, one.spec or {}) for each in sets)
    ]
    critical = critical_among(connection, {one.name for one in near})
    return any((row["tenant"], one.name) in critical for one in near)


def _read(text: str) -> Sequence[Matcher]:
    try:
        return matchers_of(text)
    except ConfigurationError:  # of a newer version, say; then any rule may be meant
        return ()


def _may_match(matchers: Sequence[Matcher], rule: str, spec: Mapping[str, Any]) -> bool:
    known = {"rule": rule, "tenant": str(spec.get("tenant") or "default")}
    known |= {name: str(spec[name]) for name in ("team", "owner", "category") if spec.get(name)}
    for one in matchers:
        if one.label == "severity":
            if not any(one({"severity": word}) for word in _CRITICAL_WORDS):
                return False
        elif one.label in known and not one(known):
            return False
    return True


_RULES = select(RULE.c.name, RULE.c.spec).where(RULE.c.tenant == bindparam("tenant"))
