"""Questions about alerts: pages, one alert, its timeline, counts. Nothing here writes.

A page is a walk over *segments*, each of which one index answers in its order; the cursor
names the segment and the last row seen, so that depth costs nothing (keyset paging) and what
arrives while a person reads moves no row.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, text, tuple_

from sentinel.alert import SHOWN, AlertView, TimelineView
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.severity import Severity, severity_of
from sentinel.store.tables import ALERT, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CAP", "AlertFilter", "AlertPage", "Alerts", "Counts", "Order"]

CAP = 10_000
"""Counts stop here: one more means "10,000+"."""
MOST_PER_PAGE = 500
Order = Literal["live", "history"]

_NOT_OVER = text("status <> 'resolved'")
# Said as literal text, not as a parameter: SQLite uses a partial index only when it can see
# its condition in the query.


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts; what is empty does not matter.

    Attributes:
        status: shown statuses; `active` is another word for open
        severity: words; aliases mean what they mean
        q: text in the title, description or rule, upper or lower case
        since, until: opened at or after, and before
    """

    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    rule: str = ""
    category: str = ""
    team: str = ""
    assignee: str | None = None
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tenant: str = ""


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some alerts, and where the next ones begin: None at the end."""

    items: list[AlertView]
    next: str | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts, each number at most `CAP` + 1, which means "more than that".

    `by_severity` counts live alerts by our own five words, `by_status` by shown status;
    `active` is open, escalated and acknowledged together.
    """

    active: int
    unacknowledged: int
    by_severity: dict[str, int]
    by_status: dict[str, int]


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    order: Order
    segment: int
    severity: int
    at: datetime
    id: str


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
        """Some alerts in order.

        Args:
            filter: which; without a status, all that ever opened, or in live order all that
                are open, escalated, acknowledged or suppressed
            limit: at most this many, 1 to 500
            after: the `next` of the page before
            order: `history` is newest first; `live` is unacknowledged first, then
                acknowledged, then suppressed, each by severity and then newest first

        Raises:
            ConfigurationError: a word, the limit or the cursor means nothing
        """
        chosen = filter or AlertFilter()
        if not 1 <= limit <= MOST_PER_PAGE:
            raise ConfigurationError(f"limit must be between 1 and {MOST_PER_PAGE}, got {limit}")
        now = self._store.now()
        narrowed = _narrowed(chosen)
        segments = _live(chosen, now) if order == "live" else _history(chosen, now)
        cursor = _read_cursor(after, order, len(segments)) if after else None
        first = cursor.segment if cursor else 0
        rows: list[Any] = []
        last = first
        with self._store.read() as connection:
            for number in range(first, len(segments)):
                start = cursor if cursor and number == first else None
                wanted = limit + 1 - len(rows)
                found = _rows(connection, segments[number], narrowed, start, wanted)
                kept = found[: limit - len(rows)]
                rows.extend(kept)
                last = number if kept else last
                if len(found) > len(kept):
                    return AlertPage(
                        items=[AlertView.of(row, now) for row in rows],
                        next=_write_cursor(order, last, rows[-1]),
                    )
        return AlertPage(items=[AlertView.of(row, now) for row in rows])

    def get(self, alert_id: str) -> AlertView:
        """One alert.

        Raises:
            NotFound: there is none of that id
        """
        if "\x00" in alert_id:  # which PostgreSQL does not even compare
            raise _unknown(alert_id)
        with self._store.read() as connection:
            row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).mappings().first()
        if row is None:
            raise _unknown(alert_id)
        return AlertView.of(dict(row), self._store.now())

    def find(self, prefix: str) -> AlertView:
        """The alert whose id begins with `prefix`, for people who type.

        Raises:
            NotFound: there is none
            Conflict: there are several
        """
        wanted = prefix.strip().lower()
        if not wanted or not all(letter in "0123456789abcdef" for letter in wanted):
            raise NotFound(f"{prefix!r} is no id of an alert", hint="Ids are 32 hex digits.")
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
            raise _unknown(prefix)
        if len(rows) > 1:
            raise Conflict(
                f"{prefix!r} begins the ids of several alerts",
                hint="Give more of it: " + ", ".join(str(row["id"]) for row in rows[:3]) + " …",
            )
        return AlertView.of(dict(rows[0]), self._store.now())

    def timeline(self, alert_id: str, *, limit: int = 1000) -> list[TimelineView]:
        """What happened to one alert, oldest first; of very long ones the newest `limit`."""
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
        """The alerts that one flow run was the last to touch, worst first."""
        query = (
            select(ALERT)
            .where(ALERT.c.flow_run_id == flow_run_id)
            .order_by(ALERT.c.severity.desc(), ALERT.c.id.desc())
            .limit(limit)
        )
        now = self._store.now()
        with self._store.read() as connection:
            return [AlertView.of(dict(row), now) for row in connection.execute(query).mappings()]

    def counts(self, tenant: str = "") -> Counts:
        """How many alerts there are of each kind, in one question, each capped."""
        now = self._store.now()
        shown = _shown(now)
        told = and_(_NOT_OVER, or_(shown["open"], shown["escalated"]))
        live = and_(_NOT_OVER, or_(told, shown["acknowledged"]))
        asked: dict[str, ColumnElement[bool]] = {"active": live, "unacknowledged": told}
        asked |= {f"status {name}": where for name, where in shown.items()}
        asked |= {
            f"severity {level.word}": and_(live, ALERT.c.severity == int(level))
            for level in Severity
        }
        own = [ALERT.c.tenant == tenant] if tenant else []
        columns = [
            select(func.count())
            .select_from(select(literal(1)).where(where, *own).limit(CAP + 1).subquery())
            .scalar_subquery()
            .label(f"n{number}")
            for number, where in enumerate(asked.values())
        ]
        with self._store.read() as connection:
            numbers = dict(zip(asked, connection.execute(select(*columns)).one(), strict=True))
        return Counts(
            active=numbers["active"],
            unacknowledged=numbers["unacknowledged"],
            by_severity={
                level.word: numbers[f"severity {level.word}"] for level in reversed(Severity)
            },
            by_status={name: numbers[f"status {name}"] for name in SHOWN},
        )


def _shown(now: datetime) -> dict[str, ColumnElement[bool]]:
    """The condition of each shown status; says in SQL what `shown_status` says."""
    alert = ALERT.c
    told = or_(alert.suppressed_until.is_(None), alert.suppressed_until <= now)
    return {
        "pending": and_(_NOT_OVER, alert.status == "pending"),
        "open": and_(_NOT_OVER, alert.status == "open", told, alert.escalation_level == 0),
        "escalated": and_(_NOT_OVER, alert.status == "open", told, alert.escalation_level > 0),
        "acknowledged": and_(_NOT_OVER, alert.status == "acknowledged", told),
        "suppressed": and_(
            _NOT_OVER, alert.status.in_(("open", "acknowledged")), alert.suppressed_until > now
        ),
        "resolved": alert.status == "resolved",
    }


def _statuses(words: Sequence[str]) -> list[str]:
    known = ["open" if word.lower() == "active" else word.lower() for word in words]
    for word in known:
        if word not in SHOWN:
            raise ConfigurationError(
                f"status {word!r} is none of {', '.join(SHOWN)}", hint="Or active, for open."
            )
    return known


def _narrowed(chosen: AlertFilter) -> list[ColumnElement[bool]]:
    alert = ALERT.c
    where: list[ColumnElement[bool]] = []
    if chosen.severity:
        try:
            ranks = sorted({int(severity_of(word)) for word in chosen.severity})
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        where.append(alert.severity.in_(ranks))
    for column, wanted in (
        (alert.rule, chosen.rule),
        (alert.category, chosen.category),
        (alert.team, chosen.team),
        (alert.tenant, chosen.tenant),
    ):
        if wanted:
            where.append(column == wanted)
    if chosen.assignee is not None:
        where.append(alert.assignee == chosen.assignee)
    for name in ("rule", "category", "team", "assignee", "q", "tenant"):
        if "\x00" in (getattr(chosen, name) or ""):
            raise ConfigurationError(f"{name} must not hold a NUL character")
    if chosen.q.strip():
        wanted = chosen.q.strip().lower()
        where.append(
            or_(
                *(
                    func.lower(column).contains(wanted, autoescape=True)
                    for column in (alert.title, alert.description, alert.rule)
                )
            )
        )
    if chosen.since is not None:
        where.append(alert.opened_at >= chosen.since)
    if chosen.until is not None:
        where.append(alert.opened_at < chosen.until)
    return where


def _live(chosen: AlertFilter, now: datetime) -> list[_Segment]:
    shown = _shown(now)
    wanted = set(_statuses(chosen.status)) or {"open", "escalated", "acknowledged", "suppressed"}
    segments: list[_Segment] = []
    for together in (("open", "escalated"), ("acknowledged",), ("suppressed",)):
        named = [shown[name] for name in together if name in wanted]
        if named:
            segments.append(_Segment(and_(_NOT_OVER, or_(*named)), ALERT.c.opened_at, True))
    if "pending" in wanted:
        segments.append(_Segment(shown["pending"], ALERT.c.first_bad_at, True))
    if "resolved" in wanted:
        segments.append(_Segment(shown["resolved"], ALERT.c.opened_at, True))
    return segments


def _history(chosen: AlertFilter, now: datetime) -> list[_Segment]:
    shown = _shown(now)
    wanted = _statuses(chosen.status)
    if not wanted:
        return [_Segment(ALERT.c.opened_at.is_not(None), ALERT.c.opened_at, False)]
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
    narrowed: list[ColumnElement[bool]],
    start: _Cursor | None,
    wanted: int,
) -> list[dict[str, Any]]:
    keys: list[ColumnElement[Any]] = [segment.at, ALERT.c.id]
    if segment.worst_first:
        keys.insert(0, ALERT.c.severity)
    query = select(ALERT).where(segment.where, *narrowed)
    if start is not None:
        values: list[Any] = [start.at, start.id]
        if segment.worst_first:
            values.insert(0, start.severity)
        bound = [literal(value, key.type) for value, key in zip(values, keys, strict=True)]
        query = query.where(tuple_(*keys) < tuple_(*bound))
    query = query.order_by(*(key.desc() for key in keys)).limit(wanted)
    return [dict(row) for row in connection.execute(query).mappings()]


def _write_cursor(order: Order, segment: int, row: dict[str, Any]) -> str:
    at = row["opened_at"] or row["first_bad_at"]
    packed = msgspec.msgpack.encode(_Cursor(order, segment, row["severity"], at, row["id"]))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read_cursor(given: str, order: Order, segments: int) -> _Cursor:
    try:
        packed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        cursor = msgspec.msgpack.decode(packed, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        cursor = None
    if (
        cursor is None
        or cursor.order != order
        or not 0 <= cursor.segment < segments
        or cursor.at.tzinfo is None
    ):
        raise ConfigurationError(
            "the cursor is not one of this list",
            hint="Give next_cursor of the page before, with the same filter and order.",
        )
    return cursor


def _unknown(alert_id: str) -> NotFound:
    return NotFound(
        f"there is no alert {alert_id!r}",
        hint="See which there are: sentinel alert list, or GET /api/v1/alerts/alerts",
    )
