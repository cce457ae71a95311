"""What limits count, in the shared database: exact, however many processes and machines ask.

On PostgreSQL a decision is one statement, by the clock of the database: it locks the rows of all
limits that apply, in the order of their ids, works out what is left, and charges all of them or
none. On SQLite it is a transaction that holds the only lock of the file, in which the pure code of
`sentinel.api_usage` decides. Both answer the same, which the tests prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Connection, Row, delete, select

from sentinel.api_usage.counting import Settled, State, kept_for, period_of, settled
from sentinel.api_usage.decision import Ask, Decision, Verdict, decided, judged, verdict_of
from sentinel.api_usage.limit import Kind, Limit
from sentinel.clock import SystemClock
from sentinel.metrics.moments import micros
from sentinel.schema.api_usage import ApiLimitState
from sentinel.store.api_usage.limit_statement import DECIDE, INSERT
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LimitStates", "quota_starts"]

_STATE = table_of(ApiLimitState)
_Entries = tuple[tuple[int, int], ...]
_TRIES = 5


class LimitStates:
    """Decides by what the shared database counted.

    Args:
        store: the shared database; on PostgreSQL its clock counts only where it is no system clock
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own_clock = not isinstance(store.clock, SystemClock)
        self._insert = insert_into(store.dialect, _STATE)

    def decide(self, asks: Sequence[Ask]) -> Decision:
        """Decide on a request, and charge all limits that apply or none.

        Args:
            asks: of the limits that apply, each of another state

        Returns:
            The decision.

        Raises:
            DatabaseUnreachable: the database does not answer; nothing was charged
            DBAPIError: it refused or ended the statement; nothing was charged
        """
        if not asks:
            return Decision(allowed=True)
        if self._store.dialect == "sqlite":
            return self._on_sqlite(asks)
        return self._on_postgresql(asks)

    def peek(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Return what each limit would say, and charge nothing.

        Args:
            asks: of the limits that apply

        Returns:
            A verdict for each, by this machine's clock.

        Raises:
            DatabaseUnreachable: the database does not answer
        """
        query = select(_STATE).where(_STATE.c.id.in_([one.id for one in asks]))
        with self._store.glance() as connection:
            rows = {row.id: _state(row) for row in connection.execute(query)}
        now = micros(self._store.now())
        found = [settled(one.limit, rows.get(one.id, State()), now) for one in asks]
        return [
            verdict_of(ask, one, one.available >= ask.least, charge=False)
            for ask, one in zip(asks, found, strict=True)
        ]

    def forget(self) -> int:
        """Delete states of which nothing counts any more; gives their number."""
        over = _STATE.c.expires_at < micros(self._store.now())
        with self._store.write() as connection:
            return connection.execute(delete(_STATE).where(over)).rowcount

    def _on_sqlite(self, asks: Sequence[Ask]) -> Decision:
        with self._store.write() as connection:
            now = micros(self._store.now())  # after the lock, so that no later one came before
            query = select(_STATE).where(_STATE.c.id.in_([one.id for one in asks]))
            rows = {row.id: row for row in connection.execute(query)}
            states = [_state(rows[one.id]) if one.id in rows else State() for one in asks]
            decision, kept = judged(asks, states, now)
            for ask, state in zip(asks, kept, strict=True):
                if state is not None:
                    self._keep(connection, ask, state, now)
        return decision

    def _keep(self, connection: Connection, ask: Ask, state: State, now: int) -> None:
        values = {
            "at": state.at, "used": state.used, "previous": state.before,
            "entries": msgspec.json.encode(state.entries).decode(),
            "expires_at": now + kept_for(ask.limit),
        }  # fmt: skip
        connection.execute(
            self._insert.values(id=ask.id, **values).on_conflict_do_update(
                index_elements=["id"], set_=values
            )
        )

    def _on_postgresql(self, asks: Sequence[Ask]) -> Decision:
        machine = micros(self._store.now())
        given = _parameters(asks, machine, machine if self._own_clock else None)
        with self._store.glance() as connection:
            for _ in range(_TRIES):
                rows = connection.exec_driver_sql(DECIDE, given).all()
                if len(rows) == len(asks):
                    found = {row.id: _settled(row) for row in rows}
                    return decided(asks, [found[one.id] for one in asks])
                # A first request, or what no longer counted was just deleted.
                connection.exec_driver_sql(INSERT, given)
        raise AssertionError("states of limits were deleted again and again while they were asked")


def _parameters(asks: Sequence[Ask], machine: int, now: int | None) -> dict[str, Any]:
    limits = [one.limit for one in asks]
    starts = [quota_starts(one, machine) for one in limits]
    columns: dict[str, Iterable[object]] = {
        "ids": [one.id for one in asks],
        "kinds": [one.kind.value for one in limits],
        "amounts": [one.amount for one in limits],
        "periods": [one.period for one in limits],
        "capacities": [one.capacity for one in limits],
        "firsts": [one[0] for one in starts],
        "seconds": [one[1] for one in starts],
        "thirds": [one[2] for one in starts],
        "dry": ["t" if one.dry_run else "f" for one in limits],
        "least": [one.least for one in asks],
        "most": [one.most for one in asks],
        "credits": [one.credit for one in asks],
        "credits_at": [one.credit_at for one in asks],
        "kept": [kept_for(one) for one in limits],
    }
    # As texts of arrays: hashes, words of ours and numbers need no quotes, and the driver takes
    # longer to look at fourteen lists than PostgreSQL to read them.
    arrays = {name: f"{{{','.join(map(str, one))}}}" for name, one in columns.items()}
    return {"now": now, **arrays, "count": len(asks)}


def quota_starts(limit: Limit, now: int) -> tuple[int, int, int]:
    """Return where days or months of a quota begin: the one before, this one and the next.

    The clock of a store may differ from this machine's, but has no local calendar: it chooses.

    Args:
        limit: any; what is no quota has none of these
        now: by this machine, in microseconds since 1970

    Returns:
        Microseconds since 1970.
    """
    if limit.kind is not Kind.QUOTA:
        return (0, 0, 0)
    start, end = period_of(limit, now)
    return (period_of(limit, start - 1)[0], start, end)


def _state(row: Row[Any]) -> State:
    return State(row.at, row.used, row.previous, msgspec.json.decode(row.entries, type=_Entries))


def _settled(row: Row[Any]) -> Settled:
    entries = cast("_Entries", tuple((at, units) for at, units in row.entries))
    state = State(row.start, row.used, row.previous, entries)
    return Settled(state, row.now, row.available, row.set_back)
