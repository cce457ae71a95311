"""The tenants and teams that rules have, for forms that say where a role holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.store.database.scoped import rule_in
from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    from sentinel.store.access.within import Within

__all__ = ["known_places"]

_MOST = 500


def known_places(within: Within) -> tuple[list[str], list[str]]:
    """Return the tenants and the teams of rules in scope, by name, at most 500 of each.

    Args:
        within: the store, where somebody may do something

    Returns:
        Tenants and teams.
    """
    found: list[list[str]] = []
    with within.store.read() as connection:
        for column in (RULE.c.tenant, RULE.c.spec["team"].as_string()):
            named = select(column).where(*rule_in(within.scope), column != "").distinct()
            found.append(list(connection.execute(named.order_by(column).limit(_MOST)).scalars()))
    return found[0], found[1]
