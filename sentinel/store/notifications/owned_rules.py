"""Whose the rules are, as routes see it, and which are nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from pydantic import ValidationError
from sqlalchemy import select

from sentinel.notifications.owners import Facts, Owners
from sentinel.rules.rule import Rule
from sentinel.store.database.tables import RULE
from sentinel.store.notifications.active_routes import active_tree

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OwnedRule", "owned_rules"]


class OwnedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its owner.

    Attributes:
        tenant: of the rule
        rule: its name
        owner: empty for nobody
        by: what says so: rule, label, tag, or a pattern of the routes' `owners`
        team: of the rule, empty for none
        work_pool: where it ran last
    """

    tenant: str
    rule: str
    owner: str
    by: str
    team: str
    work_pool: str


def owned_rules(store: Store, *, unowned: bool = False) -> list[OwnedRule]:
    """Return the rules with their owners.

    Args:
        store: the shared database
        unowned: only those that nobody owns

    Returns:
        By tenant and name. A rule whose alerts name an owner of their own is nobody's here.
    """
    columns = (
        RULE.c.tenant, RULE.c.name, RULE.c.spec, RULE.c.tagged_owner, RULE.c.work_pool,
    )  # fmt: skip
    with store.read() as connection:
        tree = active_tree(connection)
        rows = connection.execute(select(*columns).order_by(RULE.c.tenant, RULE.c.name)).all()
    owners = Owners() if tree is None else tree.owners
    found: list[OwnedRule] = []
    for row in rows:
        try:
            rule = Rule.model_validate(row.spec)
        except ValidationError:  # of an older version
            rule = Rule(name="gone").model_copy(update={"name": row.name})
        owned = owners.of(rule, rule.labels, Facts(row.tagged_owner, row.work_pool))
        if not (unowned and owned.owner):
            found.append(
                OwnedRule(
                    tenant=row.tenant, rule=row.name, owner=owned.owner, by=owned.by,
                    team=rule.team, work_pool=row.work_pool,
                )
            )  # fmt: skip
    return found
