"""What tells a reader that an earlier answer still holds: the change number, and the rules' rows.

An answer that was read under one change number holds until the number rises or a suppression ends,
which changes the status that people see without a write. An evaluation that changes nothing that
people are notified of leaves the number as it is and writes its rule's row, so that answers about
rules have a version of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, func, select

from sentinel.store.database.tables import CHANGE, RULE, SILENCE, SUPPRESSION

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["RulesVersion", "Version", "read_rules_version", "read_version"]


class Version(msgspec.Struct, frozen=True):
    """The state of what people see.

    Attributes:
        number: the change number
        at: when it was read, by the store's clock
        ends: when the next suppression or silence ends; None where there is none
    """

    number: int
    at: datetime
    ends: datetime | None


class RulesVersion(msgspec.Struct, frozen=True):
    """The state of the rules' rows: rises with each evaluation, rollout and switch."""

    rules: int
    evaluations: int
    updated_at: datetime | None


# Made once: SQLAlchemy compiles each statement object by itself.
_VERSION = select(
    select(CHANGE.c.number).where(CHANGE.c.name == "alerts").scalar_subquery().label("number"),
    select(func.min(SUPPRESSION.c.until))
    .where(SUPPRESSION.c.until > bindparam("now"))
    .scalar_subquery()
    .label("ends"),
    select(func.min(SILENCE.c.until))
    .where(SILENCE.c.until > bindparam("now"), SILENCE.c.ended_at.is_(None))
    .scalar_subquery()
    .label("silenced"),
)
_RULES = select(
    func.count().label("rules"),
    func.sum(RULE.c.evaluations).label("evaluations"),
    func.max(RULE.c.updated_at).label("updated_at"),
).select_from(RULE)


def read_version(store: Store) -> Version:
    """Return the version of what people see, at this moment."""
    now = store.now()
    with store.glance() as connection:
        number, *found = connection.execute(_VERSION, {"now": now}).one()
    ends: list[datetime] = [end for end in found if end is not None]
    return Version(number or 0, now, min(ends, default=None))


def read_rules_version(store: Store) -> RulesVersion:
    """Return the version of the rules' rows, at this moment."""
    with store.glance() as connection:
        rules, evaluations, updated_at = connection.execute(_RULES).one()
    return RulesVersion(rules, int(evaluations or 0), updated_at)
