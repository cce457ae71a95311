"""Reads of samples: the blocks of one metric as series in numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import Connection, select, text

from sentinel.labels.matchers import matcher, matches
from sentinel.metrics.block import Columns, unpacked
from sentinel.metrics.merging import (
    COUNT,
    LAST,
    MAX,
    MIN,
    SUM,
    joined,
    once,
    rolled,
    rolled_again,
    taken,
)
from sentinel.metrics.moments import micros
from sentinel.metrics.series import Series
from sentinel.store.database.bulk import uncollected
from sentinel.store.database.tables import BLOCK, SERIES

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sentinel.store import Store

__all__ = ["Step", "Windows"]

Step = Literal[60, 3600]
_FEW = 500
_MOST_KNOWN = 1_000_000


class _Known(msgspec.Struct):
    """Labels and units by series id; they never change."""

    of: dict[tuple[str, str], dict[int, tuple[Mapping[str, str], str]]] = {}


_known: WeakKeyDictionary[Engine, _Known] = WeakKeyDictionary()


class Windows:
    """Reads one tenant's metrics.

    Args:
        store: the shared database
        tenant: whose
    """

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        """Return samples of the series that match.

        Args:
            name: of the metric
            matchers: which series, as in `sentinel.labels`
            since: samples after this moment
            until: samples up to and at this moment

        Returns:
            The series with their samples, each in order of time.

        Raises:
            ConfigurationError: a matcher cannot be parsed.
        """
        start, end = micros(since), micros(until)
        with self._store.read() as connection:
            parts = [part for part, _ in self._blocks(connection, name, 0, since, until)]
            columns = once(_between(parts, start, end)) if parts else _nothing(1)
            return self._series(connection, name, matchers, start, end, columns, columns.values[0])

    def history(
        self,
        name: str,
        matchers: Sequence[str],
        since: datetime,
        until: datetime,
        *,
        step: Step = 60,
        what: Literal["avg", "min", "max", "sum", "count", "last"] = "avg",
        most: int | None = None,
    ) -> Series:
        """Return one value per minute or hour, also where samples are past their retention.

        Args:
            name: of the metric
            matchers: which series
            since: minutes or hours that begin after this moment
            until: minutes or hours that begin up to and at this moment
            step: 60 or 3600 seconds
            what: the aggregate over the samples of each minute or hour
            most: series that are read, those of the lowest ids in the first block; None for all

        Returns:
            The series with their values, each in order of time.

        Raises:
            ConfigurationError: a matcher cannot be parsed.
        """
        start, end = micros(since), micros(until)
        few = None if most is None else _FewSeries(most)
        with self._store.read() as connection:
            parts = [part for part, _ in self._blocks(connection, name, step, since, until, few)]
            # Blocks that upkeep has not merged yet are rolled up here.
            raw = self._blocks(connection, name, 0, since, until, few)
            new = [part for part, whole in raw if not whole]
            if new:
                parts.append(rolled(once(joined(new)), step))
            columns = _between(parts, start, end) if parts else _nothing(5)
            columns = rolled_again(columns, step)
            values = columns.values
            column = {"min": MIN, "max": MAX, "sum": SUM, "count": COUNT, "last": LAST}.get(what)
            chosen = values[SUM] / values[COUNT] if column is None else values[column]
            return self._series(connection, name, matchers, start, end, columns, chosen)

    def _blocks(
        self,
        connection: Connection,
        name: str,
        level: int,
        since: datetime,
        until: datetime,
        few: _FewSeries | None = None,
    ) -> list[tuple[Columns, bool]]:
        query = (
            select(BLOCK.c.data, BLOCK.c.whole)
            .where(
                BLOCK.c.tenant == self._tenant,
                BLOCK.c.name == name,
                BLOCK.c.level == level,
                BLOCK.c.to_at > since,
                BLOCK.c.from_at <= until,
            )
            # Merged blocks come before unmerged ones; ids rise with time.
            .order_by(BLOCK.c.whole.desc(), BLOCK.c.id)
        )
        if few is None:
            return [(unpacked(row.data), row.whole) for row in connection.execute(query)]
        return [(few.of(unpacked(row.data)), row.whole) for row in connection.execute(query)]

    def _series(
        self,
        connection: Connection,
        name: str,
        matchers: Sequence[str],
        since: int,
        until: int,
        columns: Columns,
        values: NDArray[np.float64],
    ) -> Series:
        ids = columns.ids
        first = (
            np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else np.empty(0, int)
        )
        counts = np.diff(np.append(first, len(ids)))
        distinct: list[int] = ids[first].tolist()
        known = self._labels(connection, name, distinct)
        asked = [matcher(source) for source in matchers]
        described = [known.get(one) for one in distinct]
        if asked or None in described:
            kept = np.fromiter(
                (one is not None and matches(asked, one[0]) for one in described),
                bool,
                len(described),
            )
            if not kept.all():
                described = [one for one, keep in zip(described, kept, strict=True) if keep]
                mask = np.repeat(kept, counts)
                columns, values = taken(columns, mask), values[mask]
                counts = counts[kept]
        return Series(
            name=name,
            since=since,
            until=until,
            labels=[one[0] for one in described if one is not None],
            units=[one[1] for one in described if one is not None],
            starts=np.append(0, np.cumsum(counts)).astype(np.int64),
            times=columns.times,
            values=values,
        )

    def _labels(
        self, connection: Connection, name: str, ids: Sequence[int]
    ) -> Mapping[int, tuple[Mapping[str, str], str]]:
        """Return labels and units by id; one query reads those that this process does not know."""
        cache = _known.setdefault(self._store.engine, _Known()).of
        known = cache.setdefault((self._tenant, name), {})
        missing = [one for one in ids if one not in known]
        if not missing:
            return known
        if sum(map(len, cache.values())) > _MOST_KNOWN:
            cache.clear()
            known = cache.setdefault((self._tenant, name), {})
        if len(missing) <= _FEW:
            query = select(SERIES.c.id, SERIES.c.labels, SERIES.c.unit).where(
                SERIES.c.tenant == self._tenant, SERIES.c.name == name, SERIES.c.id.in_(missing)
            )
            for row in connection.execute(query):
                known[row.id] = (orjson.loads(row.labels), row.unit)
            return known
        # As one text, since a driver takes longer for 100,000 rows than a parser for their JSON.
        each = "'[' || id || ',' || labels || ',' || {unit} || ']'"
        collected = (
            f"'[' || group_concat({each.format(unit='json_quote(unit)')}) || ']'"
            if connection.dialect.name == "sqlite"
            else f"'[' || string_agg({each.format(unit='to_json(unit)::text')}, ',') || ']'"
        )
        found = connection.execute(
            text(f"SELECT {collected} FROM metric_series WHERE tenant = :tenant AND name = :name"),  # noqa: S608 - no user text in it
            {"tenant": self._tenant, "name": name},
        ).scalar()
        with uncollected(len(missing)):
            for id_, labels, unit in orjson.loads(found or "[]"):
                known[id_] = (labels, unit)
        return known


class _FewSeries:
    """Chooses so many series, and keeps nothing of the others of a block."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._chosen: set[int] = set()

    def of(self, columns: Columns) -> Columns:
        """Return the samples of the chosen series; choose more while there are too few."""
        if len(self._chosen) < self._most:
            for one in np.unique(columns.ids).tolist():
                if len(self._chosen) == self._most:
                    break
                self._chosen.add(one)
        return taken(columns, np.isin(columns.ids, list(self._chosen)))


def _between(parts: Sequence[Columns], start: int, end: int) -> Columns:
    columns = joined(parts)
    inside = (columns.times > start) & (columns.times <= end)
    return columns if inside.all() else taken(columns, inside)


def _nothing(width: int) -> Columns:
    return Columns(np.empty(0, np.int64), np.empty(0, np.int64), [np.empty(0)] * width)
