"""The rules of packs as rows: which of them are evaluated now, and which have left their pack."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.clock import utc
from sentinel.errors import RuleError
from sentinel.evaluation.model import Gate
from sentinel.rules.rule import Rule
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import RULE
from sentinel.store.rules.rows import refusal

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PackGates", "begin_pack", "members_in", "retire_left"]


class PackGates(msgspec.Struct, frozen=True, kw_only=True):
    """Which rules of a pack are evaluated by a run.

    Attributes:
        gates: by name of the rule; a rule that belongs to something else has none
        taken: why each of those is left out, by name
    """

    gates: Mapping[str, Gate]
    taken: Mapping[str, RuleError]


def begin_pack(
    store: Store, pack: Rule, rules: Sequence[Rule], *, deployment_id: str | None,
    slot: datetime, now: datetime,
) -> PackGates:  # fmt: skip
    """Decide which rules of a pack a run evaluates, and return what their last one left.

    Args:
        store: the shared database
        pack: the rule of the deployment
        rules: the members that the run asks for
        deployment_id: of the run
        slot: the scheduled time of the run
        now: the present moment

    Returns:
        The decisions.
    """
    columns = [
        RULE.c[name]
        for name in ("name", "pack", "deployment_id", "enabled", "slot", "evaluated_at", "state")
    ]
    asked = sorted({name for rule in rules for name in (rule.name, rule.renamed_from) if name})
    rows: dict[str, Row[Any]] = {}
    with store.read() as connection:
        for some in chunks(asked):
            query = select(*columns).where(RULE.c.tenant == pack.tenant, RULE.c.name.in_(some))
            rows.update({row.name: row for row in connection.execute(query)})
    gates: dict[str, Gate] = {}
    taken: dict[str, RuleError] = {}
    for rule in rules:
        row = rows.get(rule.name)
        if row is None and rule.renamed_from:
            row = rows.get(rule.renamed_from)
        elif row is not None and row.pack not in (pack.name, pack.renamed_from):
            other = f"the pack {row.pack!r} has" if row.pack else "a deployment of its own has"
            if row.deployment_id not in (None, deployment_id):
                taken[rule.name] = RuleError(
                    f"the rule {rule.name!r} is not evaluated by this pack: {other} it already",
                    hint="Rename one, or delete it there; `renamed_from` takes its history over.",
                )
                continue
        why = refusal(row, rule, utc(slot), utc(now))
        gates[rule.name] = Gate(
            go=not why,
            reason=why or "ok",
            state={} if row is None else dict(row.state or {}),
            last_seen=None if row is None else row.evaluated_at,
        )
    return PackGates(gates=gates, taken=taken)


def members_in(connection: Connection, tenant: str, pack: str) -> list[str]:
    """Return the names of the rules that are evaluated by a pack, sorted."""
    query = select(RULE.c.name).where(RULE.c.tenant == tenant, RULE.c.pack == pack)
    return sorted(connection.execute(query).scalars())


def retire_left(store: Store, tenant: str, pack: str, names: Collection[str]) -> list[str]:
    """Delete the rules that were of a pack and are no longer, with their alerts closed.

    Args:
        store: the shared database
        tenant: whose the pack is
        pack: name of its rule
        names: of its rules as they are now

    Returns:
        The names of those that were deleted.
    """
    with store.read() as connection:
        left = [name for name in members_in(connection, tenant, pack) if name not in names]
    for name in left:
        store.rules.retire(name, actor="its deployment", tenant=tenant)
    return left
