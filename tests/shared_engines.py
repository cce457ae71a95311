"""What SQLAlchemy knows of a dialect and of statements, kept from one test's engine to the next.

Every test has a database of its own and so an engine of its own, which would compile each statement
anew: a third of the time of a test of the store.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

from sentinel.store.database import engine
from tests.kept_connections import kept_connections

__all__ = ["share_engines"]

_STATEMENTS = 5_000
"""Largest number of compiled statements, of all dialects."""


def share_engines() -> None:
    """From now on all stores of this process share dialects and compiled statements."""
    engine.create_engine = _sharing(engine.create_engine)


def _sharing(create: Callable[..., Engine]) -> Callable[..., Engine]:
    dialects: dict[str, Dialect] = {}
    known: set[str] = set()
    compiled = LRUCache[Any, Any](_STATEMENTS)

    def connected(_dialect: object, _record: object, _args: object, named: dict[str, Any]) -> Any:
        return kept_connections.connect(named)

    def created(*args: Any, **more: Any) -> Engine:
        made = create(*args, **more)
        own = made.dialect
        if own.name == "postgresql":
            event.listen(made, "do_connect", connected)
            if own.name not in dialects:
                keeps = partial(kept_connections.close, closes=own.do_close)
                setattr(own, "do_close", keeps)  # noqa: B010 - a method, of this object alone
        shared = dialects.setdefault(own.name, own)
        asks = type(own).initialize

        def initialize(connection: Connection) -> None:
            # What the server is: asked of the first that answers.
            if own.name not in known:
                asks(shared, connection)
                known.add(own.name)

        # What the engine does with its first connection goes to the dialect that was made for it.
        setattr(own, "initialize", initialize)  # noqa: B010 - a method, of this object alone
        made.dialect = made.pool._dialect = shared  # pyright: ignore[reportPrivateUsage] - no other way
        made._compiled_cache = compiled  # pyright: ignore[reportPrivateUsage] - no other way
        return made

    return created
