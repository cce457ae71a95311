"""Queries of alerts: pages, one alert, its timeline, counts. Nothing here writes.

A page is a walk over *segments*, each of which one index answers in its order; the cursor
names the segment and the last row seen, so that depth costs nothing (keyset paging) and what
arrives while a person reads moves no row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Result,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import SHOWN_COLUMNS, AlertView, TimelineView, alert_fields
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store.alerts.filter import (
    LIVE,
    AlertFilter,
    narrowed,
    shown_conditions,
    statuses,
)
from sentinel.store.alerts.fulltext import counted, found, phrases
from sentinel.store.alerts.live_counts import CAP, Counts, count_all
from sentinel.store.alerts.page_cursor import (
    CURSOR_HINT,
    NOT_A_CURSOR,
    Cursor,
    Order,
    read_cursor,
    write_cursor,
)
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "CAP",
    "LISTED",
    "MOST_PER_PAGE",
    "AlertFilter",
    "AlertPage",
    "Alerts",
    "Counts",
    "FieldsPage",
    "Order",
]

MOST_PER_PAGE = 500
_ID = re.compile("[0-9a-f]{32}")
LISTED = "See which there are: sentinel alert list, or GET /api/v1/alerts/alerts"


_SHOWN = tuple(ALERT.c[name] for name in SHOWN_COLUMNS)
# Made once: SQLAlchemy compiles each statement object by itself.
_SOME = select(*_SHOWN).where(ALERT.c.id.in_(bindparam("ids", expanding=True)))


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some alerts, and where the next ones begin: None at the end."""

    items: list[AlertView]
    next: str | None = None


class FieldsPage(msgspec.Struct, frozen=True, kw_only=True):
    """As `AlertPage`, with each alert as `alert_fields` gives it, for whoever only passes it on."""

    items: list[dict[str, Any]]
    next: str | None = None


class _Segment(msgspec.Struct, frozen=True):
    """Rows of one condition, newest first; `worst_first` puts severity before that."""

    where: ColumnElement[bool]
    at: ColumnElement[datetime]
    worst_first: bool


class Alerts:
    """Alerts in the shared database, to read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self,
        filter: AlertFilter | None = None,  # noqa: A002 - the field's word
        *,
        limit: int = 50,
        after: str | None = None,
        order: Order = "history",
    ) -> AlertPage:
        """Return one page of alerts.

        Args:
            filter: which; without a status, all that ever opened, or in live order all that
                are open, escalated, acknowledged or suppressed
            limit: at most this many, 1 to 500
            after: the `next` of the page before
            order: `history` is newest first (a search, by when it began); `live` is
                unacknowledged first, then acknowledged, then suppressed, each by severity and
                then newest first

        Returns:
            The alerts, and the cursor of the next page.

        Raises:
            ConfigurationError: a word, the limit or the cursor is not valid
        """
        page = self._page(filter, limit, after, order)
        return AlertPage(
            items=[AlertView.model_construct(None, **fields) for fields in page.items],
            next=page.next,
        )

    def fields_page(
        self,
        filter: AlertFilter | None = None,  # noqa: A002 - as in page
        *,
        limit: int = 50,
        after: str | None = None,
        order: Order = "history",
    ) -> FieldsPage:
        """Return one page of alerts as dictionaries; arguments and errors are those of `page`."""
        return self._page(filter, limit, after, order)

    def _page(
        self,
        filter: AlertFilter | None,  # noqa: A002 - as in page
        limit: int,
        after: str | None,
        order: Order,
    ) -> FieldsPage:
        chosen = filter or AlertFilter()
        if not 1 <= limit <= MOST_PER_PAGE:
            raise ConfigurationError(f"limit must be between 1 and {MOST_PER_PAGE}, got {limit}")
        now = self._store.now()
        by_rule = self._store.dialect == "sqlite"
        if order == "history" and (asked := phrases(chosen, rule=by_rule)):
            return self._search(chosen, asked, limit, after, now)
        conditions = narrowed(chosen, now)
        segments = _live(chosen, now) if order == "live" else _history(chosen, now)
        cursor = read_cursor(after, order, len(segments)) if after else None
        first = cursor.segment if cursor else 0
        rows: list[Any] = []
        last = first
        following: str | None = None
        with self._store.glance() as connection:
            for number in range(first, len(segments)):
                start = cursor if cursor and number == first else None
                wanted = limit + 1 - len(rows)
                found = _rows(connection, segments[number], conditions, start, wanted)
                kept = found[: limit - len(rows)]
                rows.extend(kept)
                last = number if kept else last
                if len(found) > len(kept):
                    following = write_cursor(order, last, rows[-1])
                    break
        return FieldsPage(items=[alert_fields(row, now) for row in rows], next=following)

    def _search(
        self,
        chosen: AlertFilter,
        asked: list[tuple[list[str], bool]],
        limit: int,
        after: str | None,
        now: datetime,
    ) -> FieldsPage:
        if after is not None and not _ID.fullmatch(after):
            raise ConfigurationError(NOT_A_CURSOR, hint=CURSOR_HINT)
        conditions = self._search_conditions(chosen, now)
        with self._store.read() as connection:
            rows = found(connection, asked, conditions, after, limit + 1)
        return FieldsPage(
            items=[alert_fields(row, now) for row in rows[:limit]],
            next=rows[limit - 1]["id"] if len(rows) > limit else None,
        )

    def count(self, filter: AlertFilter, *, cap: int = CAP) -> int:  # noqa: A002 - as in page
        """Count the alerts that match in history order.

        Args:
            filter: which; see `page`
            cap: stop counting here

        Returns:
            The number, or `cap` + 1 if there are more.

        Raises:
            ConfigurationError: a word of the filter is not valid
        """
        now = self._store.now()
        asked = phrases(filter)
        with self._store.read() as connection:
            if asked:
                conditions = self._search_conditions(filter, now)
                return counted(connection, asked, conditions, cap + 1)
            conditions = narrowed(filter, now)
            total = 0
            for segment in _history(filter, now):
                inner = select(literal(1)).where(segment.where, *conditions).limit(cap + 1 - total)
                query = select(func.count()).select_from(inner.subquery())
                total += connection.execute(query).scalar() or 0
            return total

    def _search_conditions(self, chosen: AlertFilter, now: datetime) -> list[ColumnElement[bool]]:
        # The full-text index has matched the words already.
        conditions = narrowed(msgspec.structs.replace(chosen, words=()), now)
        shown = shown_conditions(now)
        if wanted := statuses(chosen.status):
            conditions.append(or_(*(shown[name] for name in wanted)))
        if "pending" not in wanted:
            conditions.append(ALERT.c.opened_at.is_not(None))
        return conditions

    def get(self, alert_id: str) -> AlertView:
        """Return one alert.

        Args:
            alert_id: 32 hex digits

        Returns:
            The alert as it is now.

        Raises:
            NotFound: there is no alert of that id
        """
        if "\x00" in alert_id:  # which PostgreSQL does not even compare
            raise NotFound(f"there is no alert {alert_id!r}", hint=LISTED)
        with self._store.read() as connection:
            row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no alert {alert_id!r}", hint=LISTED)
        return AlertView.of(dict(row), self._store.now())

    def some(self, ids: Sequence[str]) -> dict[str, AlertView]:
        """Return the alerts of `ids`, at most some thousands, by id; unknown ids are left out."""
        now = self._store.now()
        found: dict[str, AlertView] = {}
        with self._store.glance() as connection:
            for piece in chunks(ids, MOST_PER_PAGE):
                for row in _as_dicts(connection.execute(_SOME, {"ids": piece})):
                    found[row["id"]] = AlertView.of(row, now)
        return found

    def find(self, prefix: str) -> AlertView:
        """Return the alert whose id begins with `prefix`, which a person typed.

        Args:
            prefix: hex digits, upper or lower case

        Returns:
            The alert as it is now.

        Raises:
            NotFound: no id begins so
            Conflict: several ids do
        """
        wanted = prefix.strip().lower()
        if not wanted or not all(letter in "0123456789abcdef" for letter in wanted):
            raise NotFound(
                f"{prefix!r} is no id of an alert",
                hint="Ids are hex digits; see: sentinel alert list",
            )
        # A range and not LIKE: both dialects answer it from the primary key.
        query = (
            select(ALERT)
            .where(ALERT.c.id >= wanted, ALERT.c.id < wanted + "g")
            .order_by(ALERT.c.id)
            .limit(4)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).mappings().all()
        if not rows:
            raise NotFound(f"there is no alert {prefix!r}", hint=LISTED)
        if len(rows) > 1:
            raise Conflict(
                f"{prefix!r} begins the ids of several alerts",
                hint="Give more of it: " + ", ".join(str(row["id"]) for row in rows[:3]) + " …",
            )
        return AlertView.of(dict(rows[0]), self._store.now())

    def timeline(self, alert_id: str, *, limit: int = 1000) -> list[TimelineView]:
        """Return the newest `limit` timeline entries of one alert, oldest first."""
        query = (
            select(TIMELINE)
            .where(TIMELINE.c.alert_id == alert_id)
            .order_by(TIMELINE.c.id.desc())
            .limit(limit)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [TimelineView.of(dict(row)) for row in reversed(rows)]

    def by_run(self, flow_run_id: str, *, limit: int = 100) -> list[AlertView]:
        """Return the alerts that a flow run was the last to change, highest severity first."""
        query = (
            select(ALERT)
            .where(ALERT.c.flow_run_id == flow_run_id)
            .order_by(ALERT.c.severity.desc(), ALERT.c.id.desc())
            .limit(limit)
        )
        now = self._store.now()
        with self._store.read() as connection:
            return [AlertView.of(dict(row), now) for row in connection.execute(query).mappings()]

    def counts(self, tenant: str = "", scope: Scope = EVERYTHING) -> Counts:
        """Count the alerts in scope of each status and severity; see `Counts`."""
        with self._store.read() as connection:
            return count_all(connection, self._store.now(), tenant, scope)


def _live(chosen: AlertFilter, now: datetime) -> list[_Segment]:
    shown = shown_conditions(now)
    wanted = set(statuses(chosen.status)) or {"open", "escalated", "acknowledged", "suppressed"}
    segments: list[_Segment] = []
    for together in (("open", "escalated"), ("acknowledged",), ("suppressed",)):
        named = [shown[name] for name in together if name in wanted]
        if named:
            segments.append(_Segment(and_(LIVE, or_(*named)), ALERT.c.opened_at, True))
    if "pending" in wanted:
        segments.append(_Segment(shown["pending"], ALERT.c.first_bad_at, True))
    if "resolved" in wanted:
        segments.append(_Segment(shown["resolved"], ALERT.c.opened_at, True))
    return segments


def _history(chosen: AlertFilter, now: datetime) -> list[_Segment]:
    wanted = statuses(chosen.status)
    if not wanted:
        return [_Segment(ALERT.c.opened_at.is_not(None), ALERT.c.opened_at, False)]
    shown = shown_conditions(now)
    segments: list[_Segment] = []
    if "pending" in wanted:  # these have not opened, so they come first, by when they began
        segments.append(_Segment(shown["pending"], ALERT.c.first_bad_at, False))
    rest = [shown[name] for name in dict.fromkeys(wanted) if name != "pending"]
    if rest:
        opened = and_(ALERT.c.opened_at.is_not(None), or_(*rest))
        segments.append(_Segment(opened, ALERT.c.opened_at, False))
    return segments


def _rows(
    connection: Connection,
    segment: _Segment,
    conditions: list[ColumnElement[bool]],
    start: Cursor | None,
    wanted: int,
) -> list[dict[str, Any]]:
    keys: list[ColumnElement[Any]] = [segment.at, ALERT.c.id]
    if segment.worst_first:
        keys.insert(0, ALERT.c.severity)
    query = select(*_SHOWN).where(segment.where, *conditions)
    if start is not None:
        values: list[Any] = [start.at, start.id]
        if segment.worst_first:
            values.insert(0, start.severity)
        bound = [literal(value, key.type) for value, key in zip(values, keys, strict=True)]
        query = query.where(tuple_(*keys) < tuple_(*bound))
    # In the statement itself: with a parameter, PostgreSQL plans the query anew each time.
    most = bindparam(None, wanted, type_=Integer, literal_execute=True)
    query = query.order_by(*(key.desc() for key in keys)).limit(most)
    return _as_dicts(connection.execute(query))


def _as_dicts(result: Result[Any]) -> list[dict[str, Any]]:
    names = list(result.keys())
    # A mapping of SQLAlchemy's, made a dict, takes five times as long.
    return [dict(zip(names, row, strict=True)) for row in result.all()]
