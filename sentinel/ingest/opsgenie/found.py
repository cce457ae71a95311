"""The alerts that a search of Opsgenie's finds, within a scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sentinel.errors import SampleError
from sentinel.ingest.opsgenie.alert import OPSGENIE, labels_of_alias, severity_of_priority, shown
from sentinel.ingest.opsgenie.query import Known, read_query
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.queries import MOST_PER_PAGE

if TYPE_CHECKING:
    from sentinel.store.access.within import Within

__all__ = ["MOST_FOUND", "Order", "Sort", "find"]

MOST_FOUND = 20_000
"""So many alerts are looked at, at most; it is also Opsgenie's bound for `offset` and `limit`."""
Sort = Literal[
    "createdAt", "updatedAt", "lastOccurredAt", "tinyId", "alias", "message", "status",
    "acknowledged", "isSeen", "snoozed", "snoozedUntil", "count", "source", "owner", "priority",
]  # fmt: skip
Order = Literal["asc", "desc"]
_LIVE = ("open", "escalated", "acknowledged", "suppressed")
_ROUNDED = timedelta(milliseconds=1)
"""Moments are shown, and so compared, without what is below a millisecond."""


def find(
    within: Within, query: str, *, need: int, sort: Sort, order: Order
) -> list[dict[str, Any]]:
    """Return the alerts that a query finds.

    Args:
        within: the store, confined to what may be seen
        query: in Opsgenie's language; empty for all alerts
        need: so many are enough
        sort: the field by which they are in order
        order: desc for the greatest first

    Returns:
        At least `need` alerts, or all there are, each with the fields of an `AlertView`.

    Raises:
        SampleError: the query cannot be read, or more alerts than `MOST_FOUND` would have to be
            looked at
    """
    wanted = read_query(query)
    newest_first = sort == "createdAt" and order == "desc"
    found: list[dict[str, Any]] = []
    for looked, one in enumerate(_rows(within, narrowed_by(wanted.known))):
        if looked == MOST_FOUND:
            raise SampleError(
                f"more than {MOST_FOUND:,} alerts would have to be looked at",
                field="query",
                hint="Narrow it by status, priority or createdAt.",
            )
        if wanted.holds(shown(one, whole=True)):
            found.append(one)
        if newest_first and len(found) >= need:
            return found
    if not newest_first:
        found.sort(key=lambda one: _key(one, sort), reverse=order == "desc")
    return found


def narrowed_by(known: Known) -> AlertFilter:
    """Return the filter of what the database can answer of a query."""
    statuses = {None: (*_LIVE, "resolved"), True: ("resolved",), False: _LIVE}
    return AlertFilter(
        status=statuses[known.closed],
        severity=tuple(severity_of_priority(one) for one in known.priorities),
        rule=OPSGENIE if known.alias else "",
        labels=tuple(labels_of_alias(known.alias).items()) if known.alias else (),
        since=None if known.since is None else known.since - _ROUNDED,
    )


def _rows(within: Within, chosen: AlertFilter) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page = within.alerts_page(chosen, limit=MOST_PER_PAGE, after=after, order="history")
        yield from page.items
        after = page.next
        if after is None:
            return


def _key(alert: Mapping[str, Any], sort: Sort) -> tuple[Any, str]:
    value = shown(alert).get(sort, "")
    if sort == "priority":
        value = -alert["rank"]  # P1 is the least
    elif sort == "tinyId":
        value = int(value)
    elif isinstance(value, str):
        value = value.casefold()
    return value, alert["id"]
