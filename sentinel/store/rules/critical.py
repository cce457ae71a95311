"""Which rules are critical, by their rows: a pack's severities are those of its policies."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from sentinel.rules.approval import is_critical
from sentinel.schema.events import EventPack
from sentinel.severity import Severity
from sentinel.store.database.tables import RULE, table_of

__all__ = ["critical_among"]

_PACK = table_of(EventPack)


def critical_among(connection: Connection, names: Collection[str]) -> set[tuple[str, str]]:
    """Return the critical ones of the rules of these names.

    A rule counts as its last evaluation had it, and as a change or a deploy has left it since.

    Args:
        connection: an open one
        names: of rules

    Returns:
        Pairs of tenant and name.
    """
    rules = connection.execute(
        select(RULE.c.tenant, RULE.c.name, RULE.c.spec, RULE.c.severity).where(
            RULE.c.name.in_(names)
        )
    )
    packs = connection.execute(
        select(_PACK.c.tenant, _PACK.c.name, _PACK.c.spec).where(_PACK.c.name.in_(names))
    )
    return {
        (row.tenant, row.name)
        for row in rules
        if row.severity >= Severity.CRITICAL or is_critical(row.spec or {})
    } | {(row.tenant, row.name) for row in packs if is_critical({}, row.spec or {})}
