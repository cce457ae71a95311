"""Requests with an idempotency key: each is worked on once, and its answer is kept for a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["KEPT", "Answered", "Claim", "begin", "finish", "give_up"]

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
    now = store.now()

    def work(connection: Connection) -> Answered | None:
        mine = _of(claim)
        connection.execute(_ROW.delete().where(*mine, _ROW.c.until <= now))
        fresh = insert_into(store.dialect, _ROW).values(
            caller=claim.caller, path=claim.path, key=claim.key, digest=claim.digest, status=0,
            answer="", headers={}, until=now + WORKED_ON,
        )  # fmt: skip
        taken = fresh.on_conflict_do_nothing().returning(_ROW.c.key)
        if connection.execute(taken).first() is not None:
            return None
        row = connection.execute(select(_ROW).where(*mine)).one()
        return Answered(
            same=row.digest == claim.digest, status=row.status, answer=row.answer,
            headers=row.headers,
        )  # fmt: skip

    return store.in_transaction(work)


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
