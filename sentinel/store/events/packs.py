"""Packs of event policies as rows: rolled out by a run of their deployment, and deleted with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, or_, select

from sentinel.audit.change import Change
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.checks.observation import Observation
from sentinel.errors import PolicyError
from sentinel.evaluation.model import Evaluation
from sentinel.event_policies.pack import Pack, Spec, pack_of
from sentinel.rules.rule import Rule
from sentinel.schema.events import EventPack, PolicyMemory
from sentinel.store.alerts.changed_rules import keep_spec
from sentinel.store.database.bulk import dumped, insert_new
from sentinel.store.database.tables import RULE, table_of
from sentinel.store.events.log import TAIL
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.rows import ensure_row

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel.store import Store

__all__ = ["MEMORY", "PACK", "roll_out", "take_back", "waiting"]

PACK = table_of(EventPack)
MEMORY = table_of(PolicyMemory)


def roll_out(store: Store, spec: Spec) -> Pack:
    """Store the policies of `spec` as the pack of its rule.

    Each policy gets a rule of its own, with its switch; a policy that is left out is retired. A new
    pack begins with the next event.

    Args:
        store: the shared database
        spec: the policies, the deployment's rule and its flow run

    Returns:
        The pack as it is stored.

    Raises:
        PolicyError: the policies are invalid, or a rule of such a name belongs to something else.
    """
    digest = spec.digest
    tenant, name = spec.rule.get("tenant", "default"), spec.rule["name"]
    mine = (PACK.c.tenant == tenant, PACK.c.name == name)
    with store.read() as connection:
        there = connection.execute(select(PACK.c.digest).where(*mine)).scalar()
    pack = pack_of(spec)
    if there == digest:
        return pack
    gone = store.in_transaction(lambda connection: _write(store, connection, pack, digest))
    for left in sorted(gone):
        _retire(store, tenant, left)
    return pack


def _write(store: Store, connection: Connection, pack: Pack, digest: str) -> set[str]:
    """Store the pack; return the rules of policies that are no longer in it."""
    now = store.now()
    rule = Rule.model_validate(pack.spec.rule)
    if rule.renamed_from:
        _rename(connection, pack, rule.renamed_from)
    mine = (PACK.c.tenant == pack.tenant, PACK.c.name == pack.name)
    row = connection.execute(select(PACK).where(*mine).with_for_update()).first()
    _refuse_taken(connection, pack)
    spec = msgspec.to_builtins(pack.spec)
    before: set[str] = set()
    if row is None:
        tail = select(TAIL.c.last).where(TAIL.c.tenant == pack.tenant)
        last = connection.execute(tail).scalar() or 0
        connection.execute(
            PACK.insert().values(
                tenant=pack.tenant, name=pack.name, digest=digest, spec=spec, cursor=last,
                due_at=now, updated_at=now,
            )
        )  # fmt: skip
    else:
        before = set(_names(msgspec.convert(row.spec, Spec)))
        connection.execute(
            PACK.update().where(*mine).values(digest=digest, spec=spec, due_at=now, updated_at=now)
        )
    # The deployment's own rule, with its history under an earlier name.
    own = Evaluation(
        rule=rule, trigger=POLICY_TRIGGER if pack.spec.alone else PACK_TRIGGER, slot=now, at=now,
        observation=Observation(readings=[]), default_category="events", source=pack.spec.source,
    )  # fmt: skip
    ensure_row(store, connection, own, now)
    insert_new(
        connection,
        "rule",
        ("name", "spec", "severity", "trigger"),
        [
            # Inside the single JSON parameter on PostgreSQL, as text on SQLite.
            (
                one.name, dumped(one.dump()) if store.dialect == "sqlite" else one.dump(),
                int(one.rank), POLICY_TRIGGER,
            )
            for one in pack.rules
        ],
        same={
            "tenant": pack.tenant, "category": pack.rules[0].category or "events",
            "source": pack.spec.source.owner, "enabled": True, "switched_by": "",
            "switch_reason": "", "deployment_id": pack.spec.source.deployment_id,
            "flow_id": pack.spec.source.flow_id, "flow_name": pack.spec.source.flow_name,
            "state": "{}", "outcome": "", "seen": 0, "bad": 0, "failures": 0, "error": "",
            "evaluations": 0, "created_at": now, "updated_at": now,
        },
    )  # fmt: skip
    if _keep_policies(connection, pack, now):
        store.wakes.request(connection, now)
    change = Change(
        action="event_pack.set", object_kind="event_pack", object_id=pack.name,
        object_name=pack.name, tenant=pack.tenant,
        before=None if row is None else {"policies": sorted(before), "digest": row.digest},
        after={"policies": sorted(pack.names), "digest": digest},
    )  # fmt: skip
    store.audit.add(connection, change, actor="")
    return before - {pack.name, rule.renamed_from, *pack.names}


def _keep_policies(connection: Connection, pack: Pack, now: datetime) -> bool:
    """Keep each policy's rule as it is now: its own row says whether it is critical.

    Returns:
        Whether a notification decision is due at once.
    """
    if pack.spec.alone:
        return False
    named = {rule.name: rule for rule in pack.rules}
    stored = connection.execute(
        select(RULE.c.name, RULE.c.spec).where(RULE.c.tenant == pack.tenant, RULE.c.name.in_(named))
    )
    others = [(pack.tenant, row.name) for row in stored if row.spec != named[row.name].dump()]
    due = [
        keep_spec(connection, row, named[name], named[name].rank, now)
        for (_, name), row in lock_rules(connection, others).items()
    ]
    return any(due)


def _rename(connection: Connection, pack: Pack, old: str) -> None:
    """Rename the pack that was rolled out as `old`, with the state of its policies."""
    there = select(PACK.c.name).where(PACK.c.tenant == pack.tenant, PACK.c.name == pack.name)
    if connection.execute(there.with_for_update()).first() is not None:
        return
    owner = select(RULE.c.source).where(RULE.c.tenant == pack.tenant, RULE.c.name == old)
    owners = {connection.execute(owner).scalar() or "file", pack.spec.source.owner}
    if owners != {"file"}:
        raise PolicyError(
            f"rule {pack.name!r}: renamed_from takes over the policies of {old!r}, and one of the "
            "two is not from a file",
            hint="Leave renamed_from out: only files rename rules.",
        )
    connection.execute(
        PACK.update().where(PACK.c.tenant == pack.tenant, PACK.c.name == old).values(name=pack.name)
    )
    if pack.spec.alone:
        connection.execute(
            MEMORY.update()
            .where(MEMORY.c.tenant == pack.tenant, MEMORY.c.rule == old)
            .values(rule=pack.name)
        )


def _refuse_taken(connection: Connection, pack: Pack) -> None:
    """Refuse policies whose rule's name belongs to something else."""
    others = connection.execute(
        select(PACK.c.name, PACK.c.spec).where(
            PACK.c.tenant == pack.tenant, PACK.c.name != pack.name
        )
    ).all()
    taken = {name: row.name for row in others for name in _names(msgspec.convert(row.spec, Spec))}
    for name, policy in zip(pack.names, pack.policies, strict=True):
        if name in taken:
            raise PolicyError(
                f"policy {policy.name!r} is the rule {name!r}, which the deployment of "
                f"{taken[name]!r} has already",
                hint="Rename one of them.",
            )
    if pack.spec.alone:
        return
    found = connection.execute(
        select(RULE.c.name, RULE.c.trigger).where(
            RULE.c.tenant == pack.tenant, RULE.c.trigger != POLICY_TRIGGER
        )
    )
    rules = {row.name: row.trigger for row in found}
    for name in pack.names:
        if name in rules:
            raise PolicyError(
                f"a policy would be the rule {name!r}, which exists already, with the "
                f"trigger {rules[name]}",
                hint="Rename the policy.",
            )


def take_back(store: Store, tenant: str, name: str) -> None:
    """Delete a pack whose deployment is gone, and retire the rules of its policies."""
    mine = (PACK.c.tenant == tenant, PACK.c.name == name)
    with store.read() as connection:
        row = connection.execute(select(PACK).where(*mine)).first()
    if row is None:
        return
    for left in sorted(_names(msgspec.convert(row.spec, Spec))):
        _retire(store, tenant, left)
    with store.write() as connection:
        connection.execute(PACK.delete().where(*mine))
        change = Change(
            action="event_pack.removed", object_kind="event_pack", object_id=name,
            object_name=name, tenant=tenant, before={"digest": row.digest},
        )  # fmt: skip
        store.audit.add(connection, change, actor="")


def _retire(store: Store, tenant: str, name: str) -> None:
    store.rules.retire(name, actor="its deployment", tenant=tenant)
    with store.write() as connection:
        connection.execute(MEMORY.delete().where(MEMORY.c.tenant == tenant, MEMORY.c.rule == name))


def specs_by_name(store: Store, tenant: str) -> dict[str, Spec]:
    """Return the specs of all packs of `tenant`, by the name of their rule."""
    query = select(PACK.c.name, PACK.c.spec).where(PACK.c.tenant == tenant)
    with store.read() as connection:
        rows = connection.execute(query).all()
    return {row.name: msgspec.convert(row.spec, Spec) for row in rows}


def _names(spec: Spec) -> list[str]:
    return list(pack_of(spec).names)


def waiting(store: Store, now: datetime) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the tenants of all packs, and the packs with events or times to evaluate.

    Args:
        store: the shared database
        now: the present moment

    Returns:
        The tenant of each pack, and pairs of tenant and name.
    """
    query = select(
        PACK.c.tenant,
        PACK.c.name,
        or_(TAIL.c.last > PACK.c.cursor, PACK.c.due_at <= now).label("due"),
    ).select_from(PACK.outerjoin(TAIL, TAIL.c.tenant == PACK.c.tenant))
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [row.tenant for row in rows], [(row.tenant, row.name) for row in rows if row.due]
