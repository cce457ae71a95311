"""Samples of metrics: written as one block per metric and call, whatever their number.

Of a sample that comes twice, the last one counts. Readers and upkeep resolve that, so that a write
never reads what is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from sqlalchemy import Connection, select

from sentinel.alerts.inputs import Bad
from sentinel.errors import SampleError
from sentinel.metrics.arrival import Arrival, Met
from sentinel.metrics.block import fresh
from sentinel.metrics.moments import datetime_of, micros
from sentinel.metrics.sample import (
    Sample,
    identity,
    metric_of_rule,
    metric_of_verdicts,
    series_id,
)
from sentinel.schema.columns import new_id
from sentinel.severity import severity_of
from sentinel.store.database.bulk import insert_bytes, insert_many, insert_new
from sentinel.store.database.tables import BLOCK, SERIES

if TYPE_CHECKING:
    from sentinel.checks.reading import Reading
    from sentinel.evaluation.judge import Judged
    from sentinel.evaluation.model import Evaluation
    from sentinel.store import Store
    from sentinel.store.metrics.rollup import Kept
    from sentinel.store.metrics.windows import Windows

__all__ = ["FRESH", "Metrics"]

FRESH = "sentinel.series"
"""The key of `Connection.info` for the series that a transaction inserted."""

MOST_SAMPLES = 100_000
"""The most samples in one call."""
_BLOCK_COLUMNS = tuple(column.name for column in BLOCK.columns)
_FORGET_AFTER = 3600.0
_MOST_KNOWN = 1_000_000


class _Known(msgspec.Struct):
    """Ids of one metric's series that have a committed row."""

    ids: set[int]
    until: float


class Metrics:
    """The samples of one store.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], _Known] = {}
        self._met: dict[Hashable, Met] = {}

    def reader(self, tenant: str = "default") -> Windows:
        """Return what reads this tenant's samples for a check."""
        # Imported here, since only readers need numpy.
        from sentinel.store.metrics.windows import Windows

        return Windows(self._store, tenant)

    def names(self, tenant: str = "default") -> list[str]:
        """Return the names of the metrics that have samples, sorted."""
        query = select(SERIES.c.name).where(SERIES.c.tenant == tenant).distinct()
        with self._store.read() as connection:
            return sorted(connection.execute(query).scalars())

    def upkeep(self) -> Kept:
        """Merge new blocks, roll them up by minute and hour, and delete those past retention."""
        from sentinel.store.metrics.rollup import upkeep

        return upkeep(self._store)

    def add(self, samples: Sequence[Sample], *, tenant: str = "default") -> int:
        """Store `samples` in one transaction.

        Args:
            samples: at most 100,000
            tenant: whose they are

        Returns:
            How many were stored, including those that were stored before.

        Raises:
            SampleError: a sample is invalid, and so none is stored; names its index and field.
        """
        errors = self._keep(samples, tenant, whole=True)
        return len(samples) - len(errors)

    def add_good(self, samples: Sequence[Sample], *, tenant: str = "default") -> list[SampleError]:
        """Store the valid ones of `samples` in one transaction.

        Args:
            samples: at most 100,000
            tenant: whose they are

        Returns:
            The errors of the invalid ones.

        Raises:
            SampleError: there are too many.
        """
        return self._keep(samples, tenant, whole=False)

    def _keep(self, samples: Sequence[Sample], tenant: str, *, whole: bool) -> list[SampleError]:
        if len(samples) > MOST_SAMPLES:
            raise SampleError(
                f"{len(samples):,} samples at once are too many",
                hint=f"Send at most {MOST_SAMPLES:,} at a time.",
            )
        errors: list[SampleError] = []
        arrival = self.arrival(tenant)
        for index, given in enumerate(samples):
            try:
                key = (tenant, given.name, given.unit, *given.labels.items())
                series = arrival.series(key)
                if series is None:
                    series = arrival.meet(key, given.name, given.unit, given.labels)
                arrival.take(series, given.value, given.at)
            except SampleError as error:
                error.index = index
                if whole:
                    raise
                errors.append(error)
        self.keep(arrival)
        return errors

    def arrival(self, tenant: str = "default") -> Arrival:
        """Return an empty collector for the samples of one call, for `keep`."""
        now = self._store.now()
        return Arrival(tenant, now, now - self._store.options.keep_samples, self._met)

    def keep(self, arrival: Arrival) -> None:
        """Store the collected samples in one transaction."""
        if arrival.columns:
            self._store.in_transaction(lambda connection: self._add(connection, arrival))

    def _add(self, connection: Connection, arrival: Arrival) -> None:
        tenant, now = arrival.tenant, arrival.now
        blocks: list[tuple[Any, ...]] = []
        # In one order everywhere, so that two writers of new series cannot deadlock.
        for name in sorted(arrival.columns):
            column = arrival.columns[name]

            def described(
                id_: int, series: Mapping[int, Met] = column.series
            ) -> tuple[Mapping[str, str], str]:
                return series[id_].labels, series[id_].unit

            self._register(connection, tenant, name, sorted(column.series), described, now)
            blocks.append(
                (
                    new_id(), tenant, name, 0, datetime_of(min(column.times)),
                    datetime_of(max(column.times)), len(column.ids), False,
                    now + self._store.options.keep_samples,
                    fresh(column.ids, column.times, column.values),
                )
            )  # fmt: skip
        insert_many(connection, "sample_block", _BLOCK_COLUMNS, blocks)

    def keep_readings(
        self, connection: Connection, evaluation: Evaluation, judged: Mapping[str, Judged],
        later: list[tuple[Any, ...]] | None = None,
    ) -> None:  # fmt: skip
        """Store the readings of an evaluation as samples of its rule's metric.

        A reading without a value is stored as 1 where it is bad, else as 0. Where the check judged
        a reading that has a value, its verdict is stored beside the value.

        Args:
            connection: the evaluation's transaction, which holds the rule's lock
            evaluation: the rule and the slot, which is the time of the samples
            judged: the readings and their verdicts, by fingerprint
            later: gets the blocks, for `keep_blocks`; None to write them now
        """
        rule, at, unit = evaluation.rule, evaluation.slot, evaluation.unit
        seen: dict[int, Reading] = {}
        values: list[float] = []
        verdicts: dict[int, Reading] = {}
        codes: list[float] = []
        name, of_verdicts = metric_of_rule(rule.name), metric_of_verdicts(rule.name)
        for print_, one in judged.items():
            reading = one.reading
            if reading is None:
                continue
            seen[series_id(print_)] = reading
            value = reading.value
            values.append(float(isinstance(one.verdict, Bad)) if value is None else value)
            if reading.firing is not None and value is not None:
                verdicts[identity(rule.tenant, of_verdicts, reading.labels)] = reading
                codes.append(_code(reading))
        keep_until = at + rule.keep_readings
        for metric, kept, numbers, of in (
            (name, seen, values, unit), (of_verdicts, verdicts, codes, ""),
        ):  # fmt: skip
            if not kept:
                continue
            ids = list(kept)

            def described(
                id_: int, kept: Mapping[int, Reading] = kept, of: str = of
            ) -> tuple[Mapping[str, str], str]:
                return kept[id_].labels, of

            now = self._store.now()
            self._register(connection, rule.tenant, metric, ids, described, now)
            block = (
                new_id(), rule.tenant, metric, 0, at, at, len(ids), False, keep_until,
                fresh(ids, micros(at), numbers),
            )  # fmt: skip
            if later is None:
                insert_bytes(connection, "sample_block", _BLOCK_COLUMNS, block)
            else:
                later.append(block)

    def keep_blocks(self, connection: Connection, blocks: Sequence[tuple[Any, ...]]) -> None:
        """Store the blocks that `keep_readings` made for later."""
        insert_many(connection, "sample_block", _BLOCK_COLUMNS, blocks)

    def _register(
        self,
        connection: Connection,
        tenant: str,
        name: str,
        ids: Iterable[int],
        described: Callable[[int], tuple[Mapping[str, str], str]],
        now: datetime,
    ) -> None:
        """Insert a row for every series that has none.

        Args:
            connection: a writing transaction
            tenant: whose series
            name: of the metric
            ids: of the series
            described: returns labels and unit of a series id
            now: the present moment
        """
        known = self._known.get((tenant, name))
        if known is not None and known.until < time.monotonic():
            del self._known[(tenant, name)]
            known = None
        there = known.ids if known is not None else ()
        missing = [one for one in ids if one not in there]
        if not missing:
            return
        rows: list[tuple[Any, ...]] = []
        for one in missing:
            labels, unit = described(one)
            rows.append((one, _labels_text(labels), unit))
        same = {"tenant": tenant, "name": name, "created_at": now, "seen_at": now}
        insert_new(connection, "metric_series", ("id", "labels", "unit"), rows, same=same)
        connection.info.setdefault(FRESH, []).append(((tenant, name), missing))

    def remember(self, fresh_series: Iterable[tuple[tuple[str, str], Sequence[int]]]) -> None:
        """Remember that series have a row, once the transaction that inserted them is committed."""
        for key, ids in fresh_series:
            known = self._known.get(key)
            if known is None:
                if sum(len(one.ids) for one in self._known.values()) > _MOST_KNOWN:
                    self._known.clear()
                known = self._known[key] = _Known(set(), time.monotonic() + _FORGET_AFTER)
            known.ids.update(ids)


def _code(reading: Reading) -> float:
    """Return the verdict of a check on its reading as a number; see `metric_of_verdicts`."""
    if not reading.firing:
        return 0.0
    return 1.0 if reading.severity is None else 1.0 + severity_of(reading.severity)


def _labels_text(labels: Mapping[str, str]) -> str:
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()
