"""Which errors are the database's own, so that every transaction fails alike until it recovers."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.errors import DatabaseError

__all__ = ["aborted", "may_run_again", "of_the_database"]

_SQLITE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
}  # fmt: skip
_POSTGRESQL = {"08", "25", "40", "53", "55", "57", "58"}
"""Classes of SQLSTATE: connection, read-only, aborted by another, disk or memory full, lock,
shutdown, I/O."""


_ABORTED = {"40001", "40P01"}
"""SQLSTATEs of a serialization failure and a deadlock."""


def aborted(error: BaseException) -> bool:
    """Return whether another transaction aborted this one, which did nothing and may run again."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlstate", None) in _ABORTED


def may_run_again(error: DBAPIError) -> bool:
    """Return whether a transaction may succeed when it is run once more."""
    return aborted(error) or (isinstance(error, OperationalError) and "locked" in str(error.orig))


def of_the_database(error: BaseException) -> bool:
    """Return whether a transaction failed for a reason that has nothing to do with what it wrote.

    Another transaction then fails too, maybe only after a timeout: the database does not answer, a
    lock is held, the disk is full. What one row can cause, such as a value that is too long for an
    index, is no such reason.

    Args:
        error: of a transaction of `Store`

    Returns:
        True for an error of connection, lock, space or storage.
    """
    if isinstance(error, (DatabaseError, PoolTimeout)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # the driver lost or never had the connection: no server gave a state
        return isinstance(error, (OperationalError, InterfaceError))
    return state[:2] in _POSTGRESQL
