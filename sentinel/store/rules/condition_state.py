"""The state of conditions and limits between evaluations and notifications, as rows.

See `sentinel.evaluation.evaluator` and `sentinel.timing.rate_limit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.evaluation.evaluator import Memory, remembers
from sentinel.notifications.decision import Notified, Policy
from sentinel.rules.rule import Rule
from sentinel.schema.conditions import HeldBack, RuleMemory
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import DELIVERY, table_of

__all__ = [
    "count_held",
    "held_before",
    "load_memories",
    "load_memory",
    "save_memory",
    "with_recent",
]

MEMORY = table_of(RuleMemory)
HELD = table_of(HeldBack)


def load_memory(connection: Connection, rule: Rule) -> Memory:
    """Return the state that the rule's last evaluation left; the caller holds the rule's lock."""
    if not remembers(rule):
        return Memory()
    found = connection.execute(
        select(MEMORY.c.memory).where(MEMORY.c.tenant == rule.tenant, MEMORY.c.rule == rule.name)
    ).scalar()
    return msgspec.convert(found, Memory) if found else Memory()


def load_memories(connection: Connection, rules: Sequence[Rule]) -> dict[str, Memory]:
    """Return the same for several rules of one tenant, by name; empty where there is none."""
    found = {rule.name: Memory() for rule in rules}
    asked = [rule for rule in rules if remembers(rule)]
    for some in chunks(asked):
        query = select(MEMORY.c.rule, MEMORY.c.memory).where(
            MEMORY.c.tenant == some[0].tenant, MEMORY.c.rule.in_([one.name for one in some])
        )
        for row in connection.execute(query):
            found[row.rule] = msgspec.convert(row.memory, Memory)
    return found


def save_memory(
    connection: Connection, rule: Rule, before: Memory, after: Memory, now: datetime
) -> None:
    """Store the state for the next evaluation, where it changed.

    Args:
        connection: the evaluation's transaction, which holds the rule's lock
        rule: whose state it is
        before: as `load_memory` returned it
        after: as the evaluation left it
        now: the present moment
    """
    if not remembers(rule) or before == after:
        return
    values = {"memory": msgspec.to_builtins(after), "updated_at": now}
    mine = (MEMORY.c.tenant == rule.tenant, MEMORY.c.rule == rule.name)
    if not connection.execute(MEMORY.update().where(*mine).values(**values)).rowcount:
        connection.execute(MEMORY.insert().values(tenant=rule.tenant, rule=rule.name, **values))


def with_recent(
    connection: Connection, group_id: str, receiver: str, channel: str, last: Notified,
    policy: Policy, now: datetime,
) -> Notified:  # fmt: skip
    """Return `last` with the channel's notifications of the last hour, where a limit needs them."""
    if policy.limit.per_hour is None:
        return last
    sent = connection.execute(
        select(DELIVERY.c.ended_at).where(
            DELIVERY.c.group_id == group_id,
            DELIVERY.c.receiver == receiver,
            DELIVERY.c.channel == channel,
            DELIVERY.c.state == "sent",
            DELIVERY.c.ended_at > now - timedelta(hours=1),
        )
    ).scalars()
    return msgspec.structs.replace(last, recent=tuple(sorted(sent)))


def held_before(
    connection: Connection, group_id: str, receiver: str, channel: str, last: Notified
) -> int:
    """Return how many notifications limits held back from the channel since its last one."""
    if last.at is None:
        return 0
    found = connection.execute(
        select(HELD.c.held).where(*_of(group_id, receiver, channel), HELD.c.since == last.at)
    ).scalar()
    return found or 0


def count_held(
    connection: Connection, group: AlertGroup, receiver: str, channel: str, last: Notified
) -> None:
    """Count that a limit held this state of the group back; each state counts once."""
    if last.at is None:
        return
    mine = _of(group.id, receiver, channel)
    row = connection.execute(select(HELD).where(*mine)).first()
    fresh = row is None or row.since != last.at
    if row is not None and not fresh and row.seq >= group.seq:
        return
    held = 1 if row is None or fresh else row.held + 1
    values = {"since": last.at, "seq": group.seq, "held": held}
    if row is None:
        keys = {"group_id": group.id, "receiver": receiver, "channel": channel}
        connection.execute(HELD.insert().values(**keys, **values))
    else:
        connection.execute(HELD.update().where(*mine).values(**values))


def _of(group_id: str, receiver: str, channel: str) -> tuple[Any, ...]:
    return (
        HELD.c.group_id == group_id, HELD.c.receiver == receiver, HELD.c.channel == channel,
    )  # fmt: skip
