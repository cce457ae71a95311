"""Members of a group that fire again before any channel was notified that they had resolved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select

from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import MEMBER, NOTIFICATION_LOG

__all__ = ["take_back_unheard"]


def take_back_unheard(
    connection: Connection,
    groups: Mapping[str, Row[Any]],
    pairs: Iterable[tuple[str, str]],
    now: datetime,
) -> set[tuple[str, str]]:
    """Have members fire again as if they had never resolved, where no channel was notified of it.

    A channel that was notified, or may have been, must be notified again; that is left to the
    caller.

    Args:
        connection: an open writing transaction
        groups: by id, their rows locked
        pairs: group and alert
        now: the present moment

    Returns:
        The pairs that are done with.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for group_id, alert_id in pairs:
        until = groups[group_id].claimed_until
        if until is None or until <= now:  # else a channel is being notified at this moment
            wanted[group_id].append(alert_id)
    notified = exists().where(
        NOTIFICATION_LOG.c.group_id == MEMBER.c.group_id,
        or_(
            and_(
                NOTIFICATION_LOG.c.notified_at.is_not(None),
                NOTIFICATION_LOG.c.notified_seq >= MEMBER.c.resolved_seq,
            ),
            NOTIFICATION_LOG.c.attempts > 0,
        ),
    )
    done: set[tuple[str, str]] = set()
    for group_id, every in wanted.items():
        for piece in chunks(every):
            query = select(MEMBER.c.alert_id).where(
                MEMBER.c.group_id == group_id, MEMBER.c.alert_id.in_(piece), ~notified,
                MEMBER.c.resolved_seq.is_not(None),
            )  # fmt: skip
            unheard = list(connection.execute(query).scalars())
            if unheard:
                connection.execute(
                    MEMBER.update()
                    .where(MEMBER.c.group_id == group_id, MEMBER.c.alert_id.in_(unheard))
                    .values(resolved_seq=None, quiet=False)
                )
            done |= {(group_id, alert_id) for alert_id in unheard}
    return done
