"""Pages of lists that are read whole, since they are short: receivers, channels, keys, providers.

Without `limit` the answer is the whole list, as it was before there were pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from fastapi import Query

__all__ = ["NEXT", "PageLimit", "page_of"]

T = TypeVar("T")

PageLimit = Annotated[
    int | None, Query(ge=1, le=500, description="Items of a page; left out: all of them.")
]
NEXT = "Of the next page; null at the end."


def page_of(
    items: Iterable[T], place: Callable[[T], Any], limit: int | None, after: Any = None
) -> tuple[list[T], T | None]:
    """Return a page of a list.

    A database may order by the rules of a language; a place compares characters, so that what is
    added or removed between two pages lets no other item be left out or shown twice.

    Args:
        items: all of them
        place: where an item stands; no two have the same
        limit: most items; None for all
        after: the place that the page before ended at; None for the first page

    Returns:
        The items of the page, and the one that the next page begins after; None at the end.
    """
    found = sorted(items, key=place)
    if after is not None:
        found = [one for one in found if place(one) > after]
    if limit is None or len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1]
