"""Using the database so that every failure is one kind of error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)

from sentinel.errors import DatabaseUnreachable

__all__ = ["database", "is_unsettled"]

_REFUSED = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""A statement that the database refused, and refuses again; its transaction was rolled back."""


@contextmanager
def database() -> Generator[None]:
    """Turn whatever the database's driver raises into a `DatabaseUnreachable`.

    Yields:
        nothing

    Raises:
        DatabaseUnreachable: the database failed; its transaction was rolled back
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnreachable("the database failed", hint="Try again in a moment.") from error


def is_unsettled(error: Exception) -> bool:
    """Return whether a change may have been made although it failed, as with a lost connection.

    Args:
        error: that the change ended with

    Returns:
        Whether the same change is to be tried again; not where the database refused a statement.
    """
    return isinstance(error, DatabaseUnreachable) and not isinstance(error.__cause__, _REFUSED)
