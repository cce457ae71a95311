"""Requests with an idempotency key: each is worked on once, and its answer is kept for a day.

A request over HTTP claims its key first (`begin`) and keeps its answer at the end (`finish`). The
first transaction in between that changes anything notes it (`note_changes`): where the process dies
before the answer is kept, the request is not carried out a second time, and whoever sends it again
is told that it may have been; so it is where the request failed after it. A command whose change is
one transaction claims its id and keeps its answer within that transaction (`claim_for_good`,
`keep_answer`), so that there is no moment between the change and the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, select

from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.database.written_along import stop_writing_along, write_along

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "KEPT",
    "Answered",
    "Claim",
    "answered",
    "begin",
    "claim_for_good",
    "finish",
    "give_up",
    "keep_answer",
    "note_changes",
]

_ROW = table_of(AnsweredRequest)
KEPT = timedelta(hours=24)
"""How long an answer is given again."""
WORKED_ON = timedelta(minutes=2)
"""A request that takes longer was lost with its process. It may be sent again where it has changed
nothing."""
_CHANGED = 1
"""The status of a request that has changed something and whose answer is not kept yet."""
_FAILED = 2
"""The status of a request that failed after it had changed something."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A request that carries a key: who sent it, to which path, and a hash of what it says."""

    caller: str
    path: str
    key: str
    digest: str


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier request of the same key.

    Attributes:
        same: whether it said the same
        status: of its answer; 0 while there is none
        answer: the body of its answer
        headers: of its answer
        lost: whether it failed, or its process ended, after it had changed something and before
            it was answered
    """

    same: bool
    status: int
    answer: str
    headers: Mapping[str, str]
    lost: bool = False


def begin(store: Store, claim: Claim) -> Answered | None:
    """Claim a key, so that nobody else works on it.

    Args:
        store: the shared database
        claim: the request

    Returns:
        None where this request is to be worked on; else the earlier one of its key.
    """
    until = store.now() + WORKED_ON
    return store.in_transaction(lambda connection: _claim(store, connection, claim, until))


def note_changes(store: Store, claim: Claim) -> None:
    """Note with the first change of this request that there is one, until it ends.

    Args:
        store: the shared database
        claim: the request, whose key is claimed
    """
    begun = (*_of(claim), _ROW.c.status == 0)
    note = _ROW.update().where(*begun).values(status=_CHANGED, until=store.now() + KEPT)

    def write(connection: Connection) -> None:
        connection.execute(note)

    write_along(store.engine, write)


def claim_for_good(store: Store, connection: Connection, claim: Claim) -> Answered | None:
    """Claim a key in the transaction that does what was asked; `keep_answer` follows in it.

    Args:
        store: the shared database
        connection: an open writing transaction; where another one claims the same key, it waits
        claim: the command

    Returns:
        None where this command is to be carried out; else the earlier one of its key.
    """
    return _claim(store, connection, claim, store.now() + KEPT)


def keep_answer(store: Store, connection: Connection, claim: Claim, answer: str) -> None:
    """Keep the answer of a command in the transaction that carries it out.

    Args:
        store: the shared database
        connection: the transaction
        claim: the command, whose key is claimed
        answer: given to the same command from then on
    """
    values = {"status": 200, "answer": answer, "until": store.now() + KEPT}
    connection.execute(_ROW.update().where(*_of(claim)).values(values))


def answered(store: Store, claim: Claim) -> Answered | None:
    """Return the earlier request of a key; None where there is none, or a day ago."""
    with store.glance() as connection:
        row = connection.execute(
            select(_ROW).where(*_of(claim), _ROW.c.until > store.now())
        ).first()
    return None if row is None else _answered(row, claim, store.now())


def _claim(store: Store, connection: Connection, claim: Claim, until: datetime) -> Answered | None:
    mine = _of(claim)
    connection.execute(_ROW.delete().where(*mine, _ROW.c.until <= store.now()))
    fresh = insert_into(store.dialect, _ROW).values(
        caller=claim.caller, path=claim.path, key=claim.key, digest=claim.digest, status=0,
        answer="", headers={}, until=until,
    )  # fmt: skip
    taken = fresh.on_conflict_do_nothing().returning(_ROW.c.key)
    if connection.execute(taken).first() is not None:
        return None
    row = connection.execute(select(_ROW).where(*mine)).one()
    return _answered(row, claim, store.now())


def _answered(row: Row[Any], claim: Claim, now: datetime) -> Answered:
    changed = row.status in (_CHANGED, _FAILED)
    ended = row.status == _FAILED or now >= row.until - KEPT + WORKED_ON
    return Answered(
        same=row.digest == claim.digest, status=0 if changed else row.status, answer=row.answer,
        headers=row.headers, lost=changed and ended,
    )  # fmt: skip


def finish(
    store: Store, claim: Claim, *, status: int, answer: str, headers: Mapping[str, str]
) -> None:
    """Keep the answer of a request that was worked on.

    Args:
        store: the shared database
        claim: the request
        status: of the answer
        answer: its body
        headers: of it that are given again
    """
    stop_writing_along()
    with store.write() as connection:
        connection.execute(
            _ROW.update()
            .where(*_of(claim))
            .values(status=status, answer=answer, headers=dict(headers), until=store.now() + KEPT)
        )


def give_up(store: Store, claim: Claim, *, refused: bool = True) -> None:
    """Release a key whose request failed, so that it may be sent again, or keep that it failed.

    Args:
        store: the shared database
        claim: the request
        refused: whether it was refused, so that nothing of it was done; else its key is released
            only where nothing was changed, and elsewhere says that something may have been
    """
    stop_writing_along()
    unanswered = _ROW.c.status.in_([0, _CHANGED]) if refused else _ROW.c.status == 0
    with store.write() as connection:
        connection.execute(_ROW.delete().where(*_of(claim), unanswered))
        changed = (*_of(claim), _ROW.c.status == _CHANGED)
        connection.execute(_ROW.update().where(*changed).values(status=_FAILED))


def _of(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        _ROW.c.caller == claim.caller, _ROW.c.path == claim.path, _ROW.c.key == claim.key,
    )  # fmt: skip
