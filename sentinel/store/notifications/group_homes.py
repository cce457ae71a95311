"""The groups that alerts fire into: found, or else reopened or made.

Whoever reopens or makes one has locked every group of theirs that there is, in the order of the
ids, before: two evaluations that share groups wait for each other and cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.notifications.grouping import Membership
from sentinel.schema.columns import new_id
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import GROUP
from sentinel.store.notifications.group_statements import LIVE_BY_KEY

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Fired", "GroupHomes"]


class Fired(msgspec.Struct, frozen=True):
    """An alert that opened (`fresh`: its row is new) or reopened, and the group it belongs to.

    `by_hand` where a person took its resolve back: only receivers that were notified of the
    resolve are notified again.
    """

    alert_id: str
    title: str
    severity: int
    membership: Membership
    fresh: bool
    by_hand: bool = False


class GroupHomes:
    """Finds the live groups of alerts that fired.

    Args:
        store: whose transaction it is
        connection: the open transaction
        others: the ids of further groups that the transaction changes
        lock: locks groups until the transaction ends, in the order of their ids
    """

    def __init__(
        self, store: Store, connection: Connection, others: Collection[str],
        lock: Callable[[set[str]], object],
    ) -> None:  # fmt: skip
        self._store = store
        self._connection = connection
        self._others = others
        self._lock = lock

    def of(self, fired: Iterable[Fired], now: datetime) -> dict[str, Row[Any]]:
        """Return the live group of every key that an alert fired in, made or reopened if needed.

        Args:
            fired: the alerts
            now: the moment of the transaction

        Returns:
            `id` and `key` by key.
        """
        wanted = {one.membership.key: one for one in fired}
        homes = self._find_live(wanted)
        # Again where another rule reopens a group, or makes one, and resolves it meanwhile.
        while missing := [key for key in sorted(wanted) if key not in homes]:
            ended = self._ended_lately(missing, now)
            known = {*self._others, *ended, *(row.id for row in homes.values())}
            if known:
                self._lock(known)
            if ended:
                self._reopen(ended, now)
                homes |= self._find_live(missing)
            if new := [wanted[key] for key in missing if key not in homes]:
                self._make(new, now)
                homes |= self._find_live(missing)
        return homes

    def _find_live(self, keys: Iterable[str]) -> dict[str, Row[Any]]:
        found: dict[str, Row[Any]] = {}
        for piece in chunks(sorted(keys)):
            found.update(
                {row.key: row for row in self._connection.execute(LIVE_BY_KEY, {"keys": piece})}
            )
        return found

    def _ended_lately(self, keys: Sequence[str], now: datetime) -> list[str]:
        """Return the ids of the groups that are reopened instead of being made anew, in order."""
        since = now - self._store.options.reopen_within
        ids: list[str] = []
        for piece in chunks(keys):
            query = (
                select(func.max(GROUP.c.id))
                .where(GROUP.c.key.in_(piece), GROUP.c.status == "resolved")
                .where(GROUP.c.resolved_at >= since)
                .group_by(GROUP.c.key)
            )
            ids.extend(self._connection.execute(query).scalars())
        return sorted(ids)

    def _reopen(self, ids: Sequence[str], now: datetime) -> None:
        for id_ in ids:
            self._connection.execute(
                GROUP.update()
                .where(GROUP.c.id == id_, GROUP.c.status == "resolved")
                .values(status="reopening", opened_at=now, updated_at=now)
            )

    def _make(self, wanted: Sequence[Fired], now: datetime) -> None:
        rows = [
            {
                "id": new_id(),
                "tenant": fired.membership.tenant,
                "route": fired.membership.route,
                "key": fired.membership.key,
                "labels": dict(fired.membership.labels),
                "receivers": list(fired.membership.receivers),
                "policy": dict(fired.membership.policy),
                "status": "opening",
                "severity": fired.severity,
                "title": fired.title,
                "opened_at": now,
                "seq": 0,
                "raised_seq": 0,
                "updated_at": now,
                "firing": 0,
                "acknowledged": 0,
                "suppressed": 0,
                "resolution": "",
                "claimed_by": "",
            }
            for fired in wanted
        ]
        # Another rule may insert the same group at this moment; the unique index keeps one.
        self._connection.execute(
            insert_into(self._store.dialect, GROUP).on_conflict_do_nothing(), rows
        )
