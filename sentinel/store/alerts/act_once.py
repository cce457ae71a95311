"""Commands with an id: what they do to alerts and what is kept of it are one transaction.

A process that dies after the commit has therefore left the answer, and the same command in another
process finds it there instead of acting a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sentinel.alerts.actions import ActionResult
from sentinel.errors import Conflict
from sentinel.store.alerts.act_locks import Taken
from sentinel.store.alerts.apply_action import act_all
from sentinel.store.alerts.asked import Asked
from sentinel.store.answered_requests import Claim, claim_for_good, keep_answer

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Record", "Replaced", "act_once"]

Record = Callable[[list[ActionResult]], str]
"""Makes what is kept of the results."""
Replaced = tuple[Claim, str] | None
"""An earlier command, and what is kept of it from now on."""


def act_once(
    store: Store,
    claim: Claim,
    asked: Sequence[Asked],
    record: Record,
    *,
    replacing: Replaced = None,
) -> str | None:
    """Do what a person asked in one transaction, unless it was done before.

    Args:
        store: the shared database
        claim: the command
        asked: what it asks for; see `apply_action.act_all`
        record: returns what is kept of the results, in their order
        replacing: what is kept of an earlier command from then on; None to leave all as it is

    Returns:
        None where it was done now; else what was kept when it was.

    Raises:
        Conflict: another command has this id; nothing was done
        ConfigurationError: a text has a NUL character, or there are too many alerts
        DatabaseUnreachable: the database does not answer; nothing was written
    """
    for one in asked:
        one.check()

    def work(connection: Connection) -> str | None:
        before = claim_for_good(store, connection, claim)
        if before is not None and not before.same:
            raise Conflict(
                "another command was sent with this id", hint="Make a new id for each command."
            )
        if before is not None:
            return before.answer
        done = act_all(store, connection, asked)  # it waits for every lock, so that none is taken
        results = [each for one in done if not isinstance(one, Taken) for each in one]
        keep_answer(store, connection, claim, record(results))
        if replacing is not None:
            keep_answer(store, connection, *replacing)
        return None

    return store.in_transaction(work)
