"""Names and final states of the flow runs that alerts come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, bindparam, func, select, text

from sentinel.store.database.tables import ALERT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_RUNS", "EndedRun", "open_runs", "record_ended"]

MOST_RUNS = 1000
"""Runs that one pass follows."""
# As the condition of the partial index is written, which SQLite compares as text.
_OPEN = text("flow_run_id IS NOT NULL AND flow_run_state IS NULL")


class EndedRun(msgspec.Struct, frozen=True):
    """A flow run that has ended: its id, its last name (None: as known) and its state's name."""

    id: str
    name: str | None
    state: str


def open_runs(store: Store) -> list[str]:
    """Return the runs that alerts come from and whose end is unknown.

    Args:
        store: the shared database

    Returns:
        The ids of at most `MOST_RUNS`, chosen at random where there are more, so that each has
        its turn although others run or are paused for long.
    """
    query = select(ALERT.c.flow_run_id).where(_OPEN).group_by(ALERT.c.flow_run_id)
    query = query.order_by(func.random()).limit(MOST_RUNS)
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def record_ended(store: Store, ended: Sequence[EndedRun]) -> None:
    """Keep the last name and the final state of runs on the alerts that come from them."""
    if not ended:
        return
    ends = ALERT.update().where(ALERT.c.flow_run_id == bindparam("run_"), _OPEN)
    ends = ends.values(flow_run_state=bindparam("state_"))
    named = [
        {"run_": one.id, "state_": one.state, "name_": one.name}
        for one in ended
        if one.name is not None
    ]
    others = [{"run_": one.id, "state_": one.state} for one in ended if one.name is None]

    def work(connection: Connection) -> None:
        if named:
            connection.execute(ends.values(flow_run_name=bindparam("name_")), named)
        if others:
            connection.execute(ends, others)
        store.changed(connection)

    store.in_transaction(work)
