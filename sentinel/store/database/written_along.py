"""What a request has written along with its changes: a note that it has changed something.

The note is committed with the first change of the request, so that a process that dies later leaves
it, and the request is not carried out a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec
from sqlalchemy import Connection, Engine

__all__ = ["stop_writing_along", "without_notes", "write_along", "write_notes"]

Note = Callable[[Connection], None]


class _Along(msgspec.Struct, frozen=True):
    """What is written along, in the transactions of one database only."""

    engine: Engine
    note: Note


_ALONG: ContextVar[_Along | None] = ContextVar("sentinel_written_along", default=None)


def write_along(engine: Engine, note: Note) -> None:
    """Write a note in each writing transaction of the rest of this request.

    Args:
        engine: of the database that has the note; transactions of others are left alone
        note: writes it; called before each commit, on the connection of the transaction
    """
    _ALONG.set(_Along(engine, note))


def stop_writing_along() -> None:
    """Write no more notes in this request."""
    _ALONG.set(None)


@contextmanager
def without_notes() -> Generator[None]:
    """Write no note in the transactions of this block, which change nothing that was asked for.

    Yields:
        Nothing; notes are written again afterwards.
    """
    before = _ALONG.set(None)
    try:
        yield
    finally:
        _ALONG.reset(before)


def write_notes(connection: Connection) -> None:
    """Write the note of the request that is served here, if it has one.

    Args:
        connection: of a writing transaction that is about to be committed
    """
    along = _ALONG.get()
    # An engine with options of its own shares the pool of the one that it was made from.
    if along is not None and along.engine.pool is connection.engine.pool:
        along.note(connection)
