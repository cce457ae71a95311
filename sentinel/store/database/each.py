"""Do something for each of several things, of which one that fails must not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["sum_of_each"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def sum_of_each(things: Iterable[T], work: Callable[[T], int], what: str) -> int:
    """Do `work` for each thing and return the sum of what it returns.

    Args:
        things: for which it is done, in this order
        work: may raise
        what: what it does, for the log: `the digest of`

    Returns:
        The sum.

    Raises:
        Exception: that of the first thing that failed, once it is done for all; each is logged
    """
    first: Exception | None = None
    total = 0
    for one in things:
        try:
            total += work(one)
        except Exception as error:
            log.exception("%s %s failed; the others go on", what, one)
            first = first or error
    if first is not None:
        raise first
    return total
