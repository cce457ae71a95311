"""Metrics: samples in, and the window of a check out. A batch of any size is one block a metric.

Where the same sample comes twice, the one that came last counts; that is settled when samples
are read or merged, so that a write never looks for what is there already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from sqlalchemy import Connection, select

from sentinel.errors import SampleError
from sentinel.lifecycle import Bad
from sentinel.metrics.block import fresh
from sentinel.metrics.moments import micros
from sentinel.metrics.sample import (
    Sample,
    check_series,
    checked_moment,
    identity,
    metric_of_rule,
    series_id,
)
from sentinel.models import new_id
from sentinel.store.bulk import insert_bytes, insert_many, insert_new
from sentinel.store.tables import BLOCK, SERIES

if TYPE_CHECKING:
    from sentinel.evaluation import Evaluation
    from sentinel.judgement import Judged
    from sentinel.reading import Reading
    from sentinel.store import Store
    from sentinel.store.metric_upkeep import Kept
    from sentinel.store.metric_windows import Windows

__all__ = ["FRESH", "Metrics"]

FRESH = "sentinel.series"
"""Where a connection keeps the series that its transaction has made."""

MOST_SAMPLES = 100_000
"""So many samples in one call."""
_BLOCK_COLUMNS = tuple(column.name for column in BLOCK.columns)
_FORGET_AFTER = 3600.0
_MOST_KNOWN = 1_000_000
_MOST_MET = 200_000


class _Known(msgspec.Struct):
    """Ids of one metric that have a row; only what another transaction committed."""

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
        self._ids: dict[tuple[str | tuple[str, str], ...], int] = {}

    def reader(self, tenant: str = "default") -> Windows:
        """What a check may ask of this tenant's metrics."""
        # Imported here: numpy is for readers alone.
        from sentinel.store.metric_windows import Windows

        return Windows(self._store, tenant)

    def names(self, tenant: str = "default") -> list[str]:
        """The metrics that have samples, by name."""
        query = select(SERIES.c.name).where(SERIES.c.tenant == tenant).distinct()
        with self._store.read() as connection:
            return sorted(connection.execute(query).scalars())

    def upkeep(self) -> Kept:
        """Merge what has come in, roll it up by minute and hour, forget what is too old."""
        from sentinel.store.metric_upkeep import upkeep

        return upkeep(self._store)

    def add(self, samples: Sequence[Sample], *, tenant: str = "default") -> int:
        """Keep `samples`, all in one transaction.

        Args:
            samples: at most 100,000
            tenant: whose they are

        Returns:
            How many were kept; one that was there already counts too.

        Raises:
            SampleError: one cannot be kept, and so none is; names its index and field
        """
        errors = self._keep(samples, tenant, whole=True)
        return len(samples) - len(errors)

    def add_good(self, samples: Sequence[Sample], *, tenant: str = "default") -> list[SampleError]:
        """As `add`, but those that cannot be kept are given back and hold nobody up.

        Raises:
            SampleError: there are too many
        """
        return self._keep(samples, tenant, whole=False)

    def _keep(self, samples: Sequence[Sample], tenant: str, *, whole: bool) -> list[SampleError]:
        if len(samples) > MOST_SAMPLES:
            raise SampleError(
                f"{len(samples):,} samples at once are too many",
                hint=f"Send at most {MOST_SAMPLES:,} at a time.",
            )
        now = self._store.now()
        errors: list[SampleError] = []
        oldest = now - self._store.knobs.keep_samples
        batches: dict[str, _Batch] = {}
        for index, given in enumerate(samples):
            try:
                at = checked_moment(given, now, oldest)
                id_ = self._series_of(tenant, given)
            except SampleError as error:
                error.index = index
                if whole:
                    raise
                errors.append(error)
                continue
            batch = batches.get(given.name)
            if batch is None:
                batch = batches[given.name] = _Batch()
            batch.take(id_, at, given)
        if batches:
            self._store.tried(lambda connection: self._add(connection, tenant, batches, now))
        return errors

    def _series_of(self, tenant: str, sample: Sample) -> int:
        """The id of the sample's series, which is looked at closely once."""
        key = (tenant, sample.name, sample.unit, *sample.labels.items())
        id_ = self._ids.get(key)
        if id_ is None:
            check_series(sample.name, sample.unit, sample.labels)
            if len(self._ids) >= _MOST_MET:
                self._ids.clear()
            id_ = self._ids[key] = identity(tenant, sample.name, sample.labels)
        return id_

    def _add(
        self, connection: Connection, tenant: str, batches: Mapping[str, _Batch], now: datetime
    ) -> None:
        keep = self._store.knobs.keep_samples
        blocks: list[tuple[Any, ...]] = []
        # In one order everywhere, so that two writers of new series never wait for each other.
        for name in sorted(batches):
            batch = batches[name]
            series = batch.series
            self._register(connection, tenant, name, sorted(series), lambda i, s=series: s[i], now)
            blocks.append(
                (
                    new_id(), tenant, name, 0, min(batch.moments), max(batch.moments),
                    len(batch.ids), False, now + keep,
                    fresh(batch.ids, batch.times, batch.values),
                )
            )  # fmt: skip
        insert_many(connection, "sample_block", _BLOCK_COLUMNS, blocks)

    def keep_readings(
        self, connection: Connection, evaluation: Evaluation, judged: Mapping[str, Judged]
    ) -> None:
        """Keep what an evaluation saw, as samples of its rule's metric.

        A reading without a value is kept as 1 where it is bad, else as 0.

        Args:
            connection: the evaluation's transaction, which holds the rule's lock
            evaluation: whose rule, and when
            judged: what it saw, by fingerprint
        """
        rule, at, unit = evaluation.rule, evaluation.at, evaluation.unit
        seen: dict[int, Reading] = {}
        values: list[float] = []
        for print_, one in judged.items():
            reading = one.reading
            if reading is None:
                continue
            seen[series_id(print_)] = reading
            value = reading.value
            values.append(float(isinstance(one.verdict, Bad)) if value is None else value)
        if not seen:
            return
        name = metric_of_rule(rule.name)
        ids = list(seen)

        def described(id_: int) -> tuple[Mapping[str, str], str]:
            return seen[id_].labels, unit

        now = self._store.now()
        self._register(connection, rule.tenant, name, ids, described, now)
        block = (
            new_id(), rule.tenant, name, 0, at, at, len(ids), False, at + rule.keep_readings,
            fresh(ids, micros(at), values),
        )  # fmt: skip
        insert_bytes(connection, "sample_block", _BLOCK_COLUMNS, block)

    def _register(
        self,
        connection: Connection,
        tenant: str,
        name: str,
        ids: Iterable[int],
        described: Callable[[int], tuple[Mapping[str, str], str]],
        now: datetime,
    ) -> None:
        """Give every series a row that has none.

        Args:
            connection: a writing transaction
            tenant: whose
            name: of the metric
            ids: of the series
            described: labels and unit of one
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
        """Series that have a row now: the transaction that made them is committed."""
        for key, ids in fresh_series:
            known = self._known.get(key)
            if known is None:
                if sum(len(one.ids) for one in self._known.values()) > _MOST_KNOWN:
                    self._known.clear()
                known = self._known[key] = _Known(set(), time.monotonic() + _FORGET_AFTER)
            known.ids.update(ids)


class _Batch:
    """The samples of one metric in one call."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.moments: set[datetime] = set()
        self.series: dict[int, tuple[Mapping[str, str], str]] = {}
        self._times: dict[datetime, int] = {}

    def take(self, id_: int, at: datetime, sample: Sample) -> None:
        """Add one sample that was checked."""
        self.ids.append(id_)
        self.values.append(float(sample.value))
        time_ = self._times.get(at)
        if time_ is None:
            time_ = self._times[at] = micros(at)
            self.moments.add(at)
        self.times.append(time_)
        if id_ not in self.series:
            self.series[id_] = (sample.labels, sample.unit)


def _labels_text(labels: Mapping[str, str]) -> str:
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()
