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
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from sentinel.errors import SampleError
from sentinel.lifecycle import Bad
from sentinel.metrics.block import fresh
from sentinel.metrics.moments import micros
from sentinel.metrics.sample import (
    Sample,
    checked_sample,
    identity,
    metric_of_rule,
    series_id,
)
from sentinel.models import new_id
from sentinel.store.bulk import insert_many
from sentinel.store.tables import BLOCK, SERIES

if TYPE_CHECKING:
    from sentinel.evaluation import Evaluation
    from sentinel.judgement import Judged
    from sentinel.store import Store
    from sentinel.store.metric_upkeep import Kept
    from sentinel.store.metric_windows import Windows

__all__ = ["Metrics"]

MOST_SAMPLES = 100_000
"""So many samples in one call."""
_SERIES_COLUMNS = ("tenant", "name", "id", "labels", "unit", "created_at", "seen_at")
_BLOCK_COLUMNS = tuple(column.name for column in BLOCK.columns)
_FORGET_AFTER = 3600.0
_MOST_KNOWN = 1_000_000
_FEW = 500


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
                sample = checked_sample(given, now, oldest)
            except SampleError as error:
                error.index = index
                if whole:
                    raise
                errors.append(error)
                continue
            batch = batches.get(sample.name)
            if batch is None:
                batch = batches[sample.name] = _Batch()
            batch.take(tenant, sample)
        if batches:
            self._store.tried(lambda connection: self._add(connection, tenant, batches, now))
        return errors

    def _add(
        self, connection: Connection, tenant: str, batches: Mapping[str, _Batch], now: datetime
    ) -> None:
        keep = self._store.knobs.keep_samples
        blocks: list[tuple[Any, ...]] = []
        # In one order everywhere, so that two writers of new series never wait for each other.
        for name in sorted(batches):
            batch = batches[name]
            series = batch.series
            self._register(
                connection, tenant, name, sorted(series), lambda i, s=series: s[i], now, alone=False
            )
            blocks.append(
                (
                    new_id(), tenant, name, 0, min(batch.moments), max(batch.moments),
                    len(batch.ids), False, now + keep,
                    fresh(batch.ids, batch.times, batch.values),
                )
            )  # fmt: skip
        _insert_blocks(connection, blocks)

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
        seen = [one for one in judged.values() if one.reading is not None]
        if not seen:
            return
        name = metric_of_rule(rule.name)
        ids = [series_id(one.fingerprint) for one in seen]
        values = [
            float(isinstance(one.verdict, Bad)) if one.reading.value is None else one.reading.value
            for one in seen
            if one.reading is not None
        ]
        by_id: dict[int, Judged] = {}

        def described(id_: int) -> tuple[Mapping[str, str], str]:
            if not by_id:
                by_id.update(zip(ids, seen, strict=True))
            reading = by_id[id_].reading
            return ({} if reading is None else reading.labels), unit

        now = self._store.now()
        self._register(connection, rule.tenant, name, ids, described, now, alone=True)
        block = (
            new_id(), rule.tenant, name, 0, at, at, len(ids), False, at + rule.keep_readings,
            fresh(ids, micros(at), values),
        )  # fmt: skip
        _insert_blocks(connection, [block])

    def _register(
        self,
        connection: Connection,
        tenant: str,
        name: str,
        ids: Sequence[int],
        described: Callable[[int], tuple[Mapping[str, str], str]],
        now: datetime,
        *,
        alone: bool,
    ) -> None:
        """Give every series a row that has none.

        Args:
            connection: a writing transaction
            tenant: whose
            name: of the metric
            ids: of the series
            described: labels and unit of one
            now: the present moment
            alone: no other transaction writes series of this metric
        """
        key = (tenant, name)
        known = self._known.get(key)
        if known is None or known.until < time.monotonic():
            known = _Known(set(), time.monotonic() + _FORGET_AFTER)
            if sum(len(one.ids) for one in self._known.values()) > _MOST_KNOWN:
                self._known.clear()
            self._known[key] = known
        fresh_ids = [i for i in ids if i not in known.ids]
        if not fresh_ids:
            return
        query = select(SERIES.c.id).where(SERIES.c.tenant == tenant, SERIES.c.name == name)
        if len(fresh_ids) <= _FEW:
            query = query.where(SERIES.c.id.in_(fresh_ids))
        # What this transaction adds is not remembered: it may yet be rolled back.
        known.ids.update(connection.execute(query).scalars())
        rows = [
            (tenant, name, i, _labels_text(labels), unit, now, now)
            for i in dict.fromkeys(fresh_ids)
            if i not in known.ids
            for labels, unit in (described(i),)
        ]
        if alone:
            insert_many(connection, "metric_series", _SERIES_COLUMNS, rows)
        elif rows:
            insert = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
            connection.execute(
                insert(SERIES).on_conflict_do_nothing(),
                [dict(zip(_SERIES_COLUMNS, row, strict=True)) for row in rows],
            )


class _Batch:
    """The samples of one metric in one call."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.moments: set[datetime] = set()
        self.series: dict[int, tuple[Mapping[str, str], str]] = {}
        self._ids: dict[tuple[tuple[str, str], ...], int] = {}

    def take(self, tenant: str, sample: Sample) -> None:
        """Add one sample that was checked."""
        key = tuple(sample.labels.items())
        id_ = self._ids.get(key)
        if id_ is None:
            id_ = self._ids[key] = identity(tenant, sample.name, sample.labels)
            self.series[id_] = (sample.labels, sample.unit)
        at = sample.at
        assert at is not None  # noqa: S101 - checked_sample gives every sample its moment
        self.ids.append(id_)
        self.times.append(micros(at))
        self.values.append(float(sample.value))
        self.moments.add(at)


def _labels_text(labels: Mapping[str, str]) -> str:
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


def _insert_blocks(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    insert_many(connection, "sample_block", _BLOCK_COLUMNS, rows)
