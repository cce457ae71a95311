"""Connections to PostgreSQL, kept from one test's store to the next.

A new one opens a hundred tables in 50 ms of the server's processor, and every test makes stores.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import URL

__all__ = ["KeptConnections", "kept_connections"]

_AS_NEW = (
    "CLOSE ALL; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES;"
    " DISCARD TEMP; SELECT pg_stat_force_next_flush()"
)
"""Leaves plans and what is known of tables, which is what a new connection lacks. Last, the server
counts the rows that were inserted, as it does for whoever leaves: `KeptPostgres` looks there."""

_MOST = 15
"""As many as a store has at most."""


class KeptConnections:
    """Connections of this process to one database, as one user, that no store has at the moment.

    Those of other databases, of other users and of a store that was never closed are not kept.
    """

    def __init__(self) -> None:
        self._where: dict[str, Any] = {}
        self._idle: list[tuple[dict[str, Any], psycopg.Connection[Any]]] = []
        self._given: dict[int, tuple[dict[str, Any], psycopg.Connection[Any]]] = {}
        self._process = os.getpid()
        self._lock = threading.Lock()

    def of(self, url: URL) -> None:
        """From now on keep those that are opened by `url`, and give none to others."""
        self._where = {
            "host": url.host, "port": url.port, "user": url.username, "password": url.password,
            "dbname": url.database,
        }  # fmt: skip

    def backends(self) -> list[int]:
        """The server's processes that serve what is kept."""
        with self._lock:
            # Whoever holds one still, belongs to an earlier test.
            self._given.clear()
            return [connection.info.backend_pid for _, connection in self._idle]

    def connect(self, arguments: dict[str, Any]) -> psycopg.Connection[Any] | None:
        """Open a connection, or give one that is kept; None where none of its kind may be kept.

        Args:
            arguments: of `psycopg.connect`
        """
        named = {name: arguments.get(name) for name in self._where}
        if not self._where or named != self._where or os.getpid() != self._process:
            return None
        # `context` is what SQLAlchemy's dialect makes of types, the same for each engine's own.
        apart = {*named, "context"}
        more = {name: what for name, what in arguments.items() if name not in apart}
        with self._lock:
            connection = self._kept(more)
        if connection is None:
            connection = psycopg.connect(**arguments)
        with self._lock:
            self._given[id(connection)] = (more, connection)
        return connection

    def _kept(self, more: dict[str, Any]) -> psycopg.Connection[Any] | None:
        for place in reversed(range(len(self._idle))):
            if self._idle[place][0] == more:
                _, connection = self._idle.pop(place)
                if not _ended(connection):
                    return connection
                connection.close()
        return None

    def close(self, connection: Any, closes: Callable[[Any], None]) -> None:
        """Keep a connection that a store is done with, or close it.

        Args:
            connection: of any kind
            closes: closes it
        """
        with self._lock:
            given = self._given.pop(id(connection), None)
        if (
            given is None
            or given[1] is not connection
            or os.getpid() != self._process
            or not _is_as_new(connection)
        ):
            closes(connection)
            return
        with self._lock:
            if len(self._idle) < _MOST:
                self._idle.append(given)
                return
        closes(connection)

    def close_all(self) -> None:
        """Keep none any more."""
        self._where = {}
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()


def _ended(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server ended it: there is then something to read, if only the end."""
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLIN)
    return bool(ready.poll(0))


def _is_as_new(connection: psycopg.Connection[Any]) -> bool:
    """Make a connection as if it had just been opened; whether that succeeded."""
    if connection.closed or connection.info.transaction_status is TransactionStatus.ACTIVE:
        return False
    try:
        connection.rollback()
        connection.isolation_level = connection.read_only = connection.deferrable = None
        connection.autocommit = True
        for statement in _AS_NEW.split("; "):
            connection.execute(statement, prepare=False)
        connection.autocommit = False
    except psycopg.Error:
        return False
    return True


kept_connections = KeptConnections()
"""Of the process's one `KeptPostgres`."""
