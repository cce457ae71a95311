"""Requests with an idempotency key: each is worked on once, and its answer is kept for a day.

A request over HTTP claims its key first (`begin`) and keeps its answer at the end (`finish`). A
command whose change is one transaction claims its id and keeps its answer within that transaction
(`claim_for_good`, `keep_answer`), so that there is no moment between the change and the answer.
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
]

_ROW = table_of(AnsweredRequest)
KEPT = timedelta(hours=24)
"""How long an answer is given again."""
WORKED_ON = timedelta(minutes=2)
"""A request that takes longer was lost with its process, and may be sent again."""


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
        status: of its answer; 0 while it is worked on
        answer: the body of its answer
        headers: of its answer
    """

    same: bool
    status: int
    answer: str
    headers: Mapping[str, str]


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
    return None if row is None else _answered(row, claim)


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
    return _answered(connection.execute(select(_ROW).where(*mine)).one(), claim)


def _answered(row: Row[Any], claim: Claim) -> Answered:
    return Answered(
        same=row.digest == claim.digest, status=row.status, answer=row.answer, headers=row.headers
    )


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
    with store.write() as connection:
        connection.execute(
            _ROW.update()
            .where(*_of(claim))
            .values(status=status, answer=answer, headers=dict(headers), until=store.now() + KEPT)
        )


def give_up(store: Store, claim: Claim) -> None:
    """Release a key whose request failed, so that it may be sent again."""
    with store.write() as connection:
        connection.execute(_ROW.delete().where(*_of(claim), _ROW.c.status == 0))


def _of(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        _ROW.c.caller == claim.caller, _ROW.c.path == claim.path, _ROW.c.key == claim.key,
    )  # fmt: skip
