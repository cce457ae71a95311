"""Long lists in pieces, for statements that take one parameter per item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["CHUNK", "chunks"]

T = TypeVar("T")
CHUNK = 500
"""Items of a piece."""


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield consecutive slices of `items`, in order, each of at most `size` items.

    A database limits the parameters of one statement: SQLite to 32,766, PostgreSQL to 65,535
    (https://www.sqlite.org/limits.html, `SQLITE_MAX_VARIABLE_NUMBER`). 500 keeps statements
    that give several parameters per item well below both.

    Args:
        items: anything that can be sliced; an empty one yields nothing
        size: the most items per slice, at least 1

    Yields:
        The slices; all but the last have exactly `size` items.

    Raises:
        ValueError: `size` is less than 1.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    for start in range(0, len(items), size):
        yield items[start : start + size]
