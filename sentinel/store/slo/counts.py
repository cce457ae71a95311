"""The events of SLOs as rows: a minute each, and an hour each once they are some days old."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from sentinel.metrics.moments import micros
from sentinel.schema.slo import SloCount, SloRow
from sentinel.slo.changes import Change, Spans, changed, changes_of, spans_of, text_of
from sentinel.slo.counts import Bucket, Counts
from sentinel.store.database.bulk import insert_many
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "KEPT_FOR", "QUARTER", "add_counts", "delete_counts", "keep_counts", "note_change",
    "read_counts", "read_counts_of_all", "set_counts",
]  # fmt: skip

_COUNT, _SLO = table_of(SloCount), table_of(SloRow)
KEPT_FOR = timedelta(days=400)
"""How long events are kept: a year's window, and a month to look back."""
_AS_MINUTES = timedelta(days=4)
"""The longest window of a burn-rate alert is three days."""
_HOUR, QUARTER = 3_600_000_000, 900_000_000
_AT_ONCE = 10_000


def read_counts(
    connection: Connection, tenant: str, name: str, start: int, end: int | None = None, *,
    coarse: bool = False,
) -> Counts:  # fmt: skip
    """Read the events of an SLO from the database; see `KeptCounts`, which reads what is new.

    Args:
        connection: an open transaction
        tenant: of the SLO
        name: of the SLO
        start: from this moment on, microseconds since 1970; of a whole quarter where `coarse`
        end: up to before this one; None for all
        coarse: by quarters of an hour, which every calendar window and each window of a week or
            more begins with; a fourth of the rows for 30 days

    Returns:
        The events.
    """
    quarter = _COUNT.c.at - _COUNT.c.at % QUARTER
    columns = (
        (quarter.label("at"), func.sum(_COUNT.c.good).label("good"),
         func.sum(_COUNT.c.total).label("total"))
        if coarse else (_COUNT.c.at, _COUNT.c.good, _COUNT.c.total)
    )  # fmt: skip
    query = select(*columns).where(*_of(tenant, name), _COUNT.c.at >= start)
    query = query if end is None else query.where(_COUNT.c.at < end)
    query = query.group_by(quarter) if coarse else query
    return Counts.of((row.at, row.good, row.total) for row in connection.execute(query))


def read_counts_of_all(
    connection: Connection, since: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], Counts]:
    """Return the events of several SLOs by quarters of an hour, in one query.

    Args:
        connection: an open transaction
        since: by tenant and name of the SLO, from the beginning of which quarter on,
            microseconds since 1970; at most 500

    Returns:
        The events of each, by tenant and name.
    """
    found: dict[tuple[str, str], list[tuple[int, float, float]]] = {key: [] for key in since}
    if not since:
        return {}
    quarter = (_COUNT.c.at - _COUNT.c.at % QUARTER).label("at")
    columns = (_COUNT.c.tenant, _COUNT.c.slo, quarter)
    query = (
        select(*columns, func.sum(_COUNT.c.good), func.sum(_COUNT.c.total))
        .where(tuple_(_COUNT.c.tenant, _COUNT.c.slo).in_(sorted(since)))
        .where(_COUNT.c.at >= min(since.values()))
        .group_by(*columns)
    )
    for tenant, slo, at, good, total in connection.execute(query):
        if at >= since[tenant, slo]:
            found[tenant, slo].append((at, good, total))
    return {key: Counts.of(rows) for key, rows in found.items()}


def note_change(connection: Connection, tenant: str, name: str, spans: Spans) -> None:
    """Note that events changed, in the row of their SLO, which the caller holds alone.

    Args:
        connection: the caller's open transaction
        tenant: of the SLO
        name: of the SLO
        spans: in which events changed; none means that all may have
    """
    mine = (_SLO.c.tenant == tenant, _SLO.c.name == name)
    before: list[Change] = []
    if spans:
        before = changes_of(connection.execute(select(_SLO.c.changes).where(*mine)).scalar_one())
    after = changed(before, secrets.token_hex(6), spans or [(0, 0)])
    connection.execute(_SLO.update().where(*mine).values(changes=text_of(after)))


def set_counts(
    connection: Connection, tenant: str, name: str, start: datetime, end: datetime, counts: Counts
) -> None:
    """Replace the events of a span of minutes.

    Args:
        connection: the caller's open transaction
        tenant: of the SLO
        name: of the SLO
        start: inclusive
        end: exclusive
        counts: the new events
    """
    connection.execute(
        _COUNT.delete().where(
            *_of(tenant, name), _COUNT.c.at >= micros(start), _COUNT.c.at < micros(end)
        )
    )
    rows = zip(counts.times.tolist(), counts.good.tolist(), counts.total.tolist(), strict=True)
    cells = ((tenant, name, at, good, total) for at, good, total in rows)
    insert_many(connection, "slo_count", ("tenant", "slo", "at", "good", "total"), cells)
    note_change(connection, tenant, name, [(micros(start), micros(end))])


def add_counts(
    store: Store, connection: Connection, tenant: str, name: str, events: Iterable[Bucket]
) -> None:
    """Add events to those that are kept.

    Args:
        store: the shared database
        connection: the caller's open transaction
        tenant: of the SLO
        name: of the SLO
        events: where each minute begins, and its events
    """
    given = Counts.of(events)
    rows = zip(given.times.tolist(), given.good.tolist(), given.total.tolist(), strict=True)
    # In order of time, so that two callers do not deadlock.
    values = [
        {"tenant": tenant, "slo": name, "at": at, "good": good, "total": total}
        for at, good, total in rows
    ]
    if not values:
        return
    insert = insert_into(store.dialect, _COUNT)
    added = {
        "good": _COUNT.c.good + insert.excluded.good,
        "total": _COUNT.c.total + insert.excluded.total,
    }
    key = ["tenant", "slo", "at"]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=added), values)
    note_change(connection, tenant, name, spans_of(given.times.tolist()))


def delete_counts(connection: Connection, tenant: str, name: str) -> None:
    """Delete all events of an SLO."""
    connection.execute(_COUNT.delete().where(*_of(tenant, name)))
    note_change(connection, tenant, name, [])


def keep_counts(store: Store) -> None:
    """Sum up old minutes as hours, and delete what is past its retention."""
    now = store.now()
    with store.read() as connection:
        found = connection.execute(select(_SLO.c.tenant, _SLO.c.name)).all()
    edge = micros(now - _AS_MINUTES) // _HOUR * _HOUR
    for tenant, name in found:
        with store.write() as connection:
            # Whoever adds events holds the row too, so that none arrive between sum and deletion.
            mine = (_SLO.c.tenant == tenant, _SLO.c.name == name)
            row = select(_SLO.c.name).where(*mine).with_for_update()
            if connection.execute(row).first() is None:
                continue
            too_old = _COUNT.c.at < micros(now - KEPT_FOR)
            connection.execute(_COUNT.delete().where(*_of(tenant, name), too_old))
            _sum_up(connection, tenant, name, edge)


def _sum_up(connection: Connection, tenant: str, name: str, edge: int) -> None:
    """Turn minutes from before `edge` into hours."""
    hour = _COUNT.c.at - _COUNT.c.at % _HOUR
    query = (
        select(hour.label("hour"), func.count().label("n"))
        .where(*_of(tenant, name), _COUNT.c.at < edge, _COUNT.c.at % _HOUR != 0)
        .group_by(hour)
        .order_by(hour)
        .limit(_AT_ONCE)
    )
    rows = connection.execute(query).all()
    for row in rows:
        inside = (
            *_of(tenant, name), _COUNT.c.at >= row.hour, _COUNT.c.at < row.hour + _HOUR,
        )  # fmt: skip
        sums = select(func.sum(_COUNT.c.good), func.sum(_COUNT.c.total)).where(*inside)
        good, total = connection.execute(sums).one()
        connection.execute(_COUNT.delete().where(*inside))
        values = {"at": row.hour, "good": good, "total": total}
        connection.execute(_COUNT.insert().values(tenant=tenant, slo=name, **values))
    if rows:
        note_change(connection, tenant, name, [(rows[0].hour, rows[-1].hour + _HOUR)])


def _of(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _COUNT.c.tenant == tenant, _COUNT.c.slo == name
