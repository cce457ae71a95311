"""Wakes as rows, so that a lost event costs seconds and a repeated one costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, bindparam, or_, select

from sentinel.notifications.storm import least_between_wakes
from sentinel.notifications.wake import WakeState, should_emit
from sentinel.prefect_client.port import OutEvent
from sentinel.schema.notifications import Wake
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import GROUP, table_of
from sentinel.store.notifications.storms import storms_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ESCALATE", "EVENT", "NOTIFY", "Wakes"]

WAKE = table_of(Wake)

NOTIFY, ESCALATE = "notify", "escalate"
EVENT = "sentinel.wake.requested"
_NAMESPACE = UUID("3c2b9f0e-5a0b-5d8e-8a51-2d1a4f0f7c55")

# Made once: SQLAlchemy compiles each statement object by itself. It locks the row, which whoever
# changes an alert waits for last, and needs no round trip of its own for that.
_RAISED = (
    WAKE.update()
    .where(WAKE.c.name == bindparam("of"))
    .values(requested=WAKE.c.requested + 1, requested_at=bindparam("at"))
    .returning(*WAKE.c)
)


class Wakes:
    """Wakes in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def request(self, connection: Connection, now: datetime, name: str = NOTIFY) -> None:
        """Raise the requested generation, and emit an event where none is outstanding.

        Args:
            connection: the caller's open transaction, in which something became due
            now: the present moment
            name: of the wake
        """
        raised = {"of": name, "at": now}
        row = connection.execute(_RAISED, raised).first()
        if row is None:
            self._lock(connection, name)
            row = connection.execute(_RAISED, raised).one()
        self._emit(connection, name, _state(row), now)

    def tick(
        self, now: datetime, name: str = NOTIFY, due: Callable[[datetime], int] | None = None
    ) -> bool:
        """Emit an event that was postponed or not served.

        What was emitted before and has nothing due any more counts as served instead: others have
        seen to it, and where no worker comes, each further event would leave one more late run.

        Args:
            now: the present moment
            name: of the wake
            due: returns how much is due that nobody has claimed; None emits in any case

        Returns:
            Whether an event was emitted.
        """
        with self._store.read() as connection:
            row = connection.execute(select(WAKE).where(WAKE.c.name == name)).first()
            if row is None or not self._should_emit(connection, name, _state(row), now):
                return False
        # Asked after the request was read: what became due since has a request of its own.
        if due is not None and row.emitted >= row.requested and not due(now):
            self.serve(row.requested, name)
            return False
        with self._store.write() as connection:
            row = self._lock(connection, name)
            return self._emit(connection, name, _state(row), now)

    def requested(self, name: str = NOTIFY) -> int:
        """Return the requested generation; pass it to `serve` after deciding on everything due."""
        with self._store.read() as connection:
            found = connection.execute(select(WAKE.c.requested).where(WAKE.c.name == name))
            return found.scalar() or 0

    def serve(self, generation: int, name: str = NOTIFY) -> bool:
        """Record that everything requested up to `generation` was decided on.

        Args:
            generation: what `requested` returned before the decisions
            name: of the wake

        Returns:
            Whether all requests are served, those since then too.
        """
        with self._store.write() as connection:
            row = self._lock(connection, name)
            served = max(row.served, min(generation, row.requested))
            connection.execute(
                WAKE.update()
                .where(WAKE.c.name == name)
                .values(served=served, served_at=self._store.now())
            )
            return served >= row.requested

    def due_groups_wake(self, now: datetime) -> bool:
        """Request a wake where a group is due and every earlier request was served.

        Args:
            now: the present moment

        Returns:
            Whether a wake was requested.
        """
        with self._store.read() as connection:
            due = connection.execute(
                select(GROUP.c.id)
                .where(GROUP.c.due_at.is_not(None), GROUP.c.due_at <= now)
                .where(or_(GROUP.c.claimed_until.is_(None), GROUP.c.claimed_until <= now))
                .limit(1)
            ).first()
            row = connection.execute(select(WAKE).where(WAKE.c.name == NOTIFY)).first()
        if due is None or (row is not None and row.requested > row.served):
            return False
        with self._store.write() as connection:
            self.request(connection, now)
        return True

    def _lock(self, connection: Connection, name: str) -> Row[Any]:
        query = select(WAKE).where(WAKE.c.name == name).with_for_update()
        row = connection.execute(query).first()
        if row is not None:
            return row
        new = insert_into(self._store.dialect, WAKE).values(
            name=name, requested=0, served=0, emitted=0
        )
        connection.execute(new.on_conflict_do_nothing())
        return connection.execute(query).one()

    def _should_emit(
        self, connection: Connection, name: str, wake: WakeState, now: datetime
    ) -> bool:
        again = self._store.options.wake_again_after
        if not should_emit(wake, now, again):
            return False
        if name != NOTIFY:  # a storm spares people notifications, and no pages
            return True
        storms = list(storms_of(connection).values())
        return should_emit(wake, now, again, least_between_wakes(storms, wake.emitted_at))

    def _emit(self, connection: Connection, name: str, wake: WakeState, now: datetime) -> bool:
        if not self._should_emit(connection, name, wake, now):
            return False
        event = OutEvent(
            id=str(uuid5(_NAMESPACE, f"{name} {wake.requested} {now.isoformat()}")),
            occurred=now,
            event=EVENT,
            resource={"prefect.resource.id": f"sentinel.wake.{name}"},
            payload={"generation": wake.requested},
        )
        self._store.outbox.add(connection, [event])
        connection.execute(
            WAKE.update().where(WAKE.c.name == name).values(emitted=wake.requested, emitted_at=now)
        )
        return True


def _state(row: Row[Any]) -> WakeState:
    return WakeState(
        requested=row.requested,
        served=row.served,
        emitted=row.emitted,
        emitted_at=row.emitted_at,
    )
