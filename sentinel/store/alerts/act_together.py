"""What several people ask at once, in one transaction, with those who ask while it waits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sentinel.alerts.actions import ActionResult
from sentinel.store.alerts.act_locks import Late, NoTurn, Taken, take_turn
from sentinel.store.alerts.apply_action import act_all
from sentinel.store.alerts.asked import Asked

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["act_together"]


def act_together(
    store: Store, asked: Sequence[Asked], *, wait: bool = True, late: Late | None = None
) -> list[list[ActionResult] | Taken]:
    """Do what several people asked, in one transaction; see `apply_action.act_all`.

    Args:
        store: the shared database
        asked: what they asked
        wait: for rules that other transactions have locked; else for the turn alone, which the
            processes take one after the other, see `take_turn`
        late: returns what was asked while this one waited for its turn or its locks, which is
            then done with it; an action whose rule is not free is left undone

    Returns:
        What came of each, in the order of `asked` and of what came late, or whose lock it lacked.
    """
    first = tuple(asked)
    for one in first:
        one.check()
    joined: list[Asked] = []
    called: list[Late] = []

    def more() -> Sequence[Asked]:
        if late is not None:
            called.append(late)
            joined.extend(late())
            for one in joined:
                one.check()
        return joined

    def work(connection: Connection, turn: bool = not wait) -> list[list[ActionResult] | Taken]:
        if turn:
            take_turn(connection)
            # With the turn and before any lock, so that all are read and locked at once.
            if late is not None and not called:
                more()
        # Where the database aborts the transaction, those who joined it are in the next from the
        # beginning, and nobody joins that one: `late` keeps what it returned, were it nothing.
        return act_all(
            store, connection, [*first, *joined], wait=wait,
            late=None if late is None or called else more,
        )  # fmt: skip

    try:
        return store.in_transaction(work)
    except NoTurn:
        # Whoever has it hangs, or its process does: nobody else waits for that.
        return store.in_transaction(partial(work, turn=False))
