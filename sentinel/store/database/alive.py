"""Whether a pooled connection still works, asked of the server only where there is reason to.

SQLAlchemy's own ping sends a query each time that a connection leaves the pool, which costs as much
as a short query itself. A server that ends a connection says so on it, as a message and the end of
the stream: a connection with nothing to read was not ended. What idled for long is asked all the
same, since whatever lies in between may have forgotten it in silence.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

__all__ = ["IDLE_SECONDS", "answers", "check_when_taken"]

IDLE_SECONDS = 20.0
"""After so long in the pool, the server is asked."""
_SINCE = "sentinel_idle_since"


def check_when_taken(engine: Engine) -> None:
    """Have the pool of an engine give no connection that the server has ended.

    Args:
        engine: of PostgreSQL, which does not ping by itself
    """

    def given_back(_connection: Any, record: Any) -> None:
        record.info[_SINCE] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get(_SINCE)
        if since is None:  # it was just made
            return
        idle = time.monotonic() - since
        if (idle > IDLE_SECONDS or _something_came(connection)) and not answers(connection):
            raise InvalidatePoolError

    event.listen(engine, "checkin", given_back)
    event.listen(engine, "checkout", taken)


def _something_came(connection: psycopg.Connection[Any]) -> bool:
    """Return whether there is anything to read, were it the end, or the connection is closed."""
    if connection.closed:
        return True
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLIN)
    return bool(ready.poll(0))


def answers(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the server answers on a connection that is in no transaction."""
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error:
        return False
    return True
