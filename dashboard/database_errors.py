"""Using the database so that every failure is one kind of error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import DatabaseUnreachable

__all__ = ["database"]


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
