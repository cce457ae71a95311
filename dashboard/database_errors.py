"""Asking the database, so that what goes wrong is one kind of error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import DatabaseUnreachable

__all__ = ["database"]


@contextmanager
def database() -> Generator[None]:
    """Make whatever the database's driver raises a `DatabaseUnreachable`.

    Raises:
        DatabaseUnreachable: the database did not do it
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnreachable(
            "the database did not do it", hint="Try again in a moment."
        ) from error
