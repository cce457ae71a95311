"""The events of SLOs as a process has read them before, of which only changes are read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection

from sentinel.metrics.moments import micros
from sentinel.slo.changes import Change, changes_of, spans_after
from sentinel.slo.counts import Counts
from sentinel.store.slo.counts import QUARTER, read_counts, read_counts_of_all

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_BUCKETS", "READ_WHOLE_EVERY", "KeptCounts", "kept_counts"]

MOST_BUCKETS = 1_000_000
"""Kept in memory by a process, in 40 MB: a month of 150 SLOs by the minute, or more of it coarse.
Those that were asked for longest ago make room."""
READ_WHOLE_EVERY = timedelta(hours=1)
"""During an upgrade a process of a version that notes no changes may still write."""


class _Held(msgspec.Struct, frozen=True):
    mark: str
    since: int
    read_at: datetime
    counts: Counts


class KeptCounts:
    """Events that one process has read, by SLO; several threads may ask.

    Args:
        most: buckets that are kept
    """

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str, bool], _Held] = OrderedDict()
        self._buckets = 0

    def read(
        self, connection: Connection, tenant: str, name: str, since: datetime, now: datetime, *,
        changes: str, coarse: bool = False,
    ) -> Counts:  # fmt: skip
        """Return the events of an SLO, reading those that changed since they were read last.

        Args:
            connection: an open transaction
            tenant: of the SLO
            name: of the SLO
            since: from this moment on, where `coarse` from the quarter of an hour that holds it
            now: the present moment
            changes: of its row, which was read within this transaction
            coarse: by quarters of an hour

        Returns:
            The same as if all of them were read.
        """
        known = changes_of(changes)
        start = micros(since) // QUARTER * QUARTER if coarse else micros(since)
        key = (tenant, name, coarse)
        found = self._updated(connection, key, start, now, known)
        if found is None:
            counts = read_counts(connection, tenant, name, start, coarse=coarse)
            found = _Held("", start, now, counts)
        self._keep(key, found, known)
        return found.counts.since(start)

    def read_all(
        self, connection: Connection, since: Mapping[tuple[str, str], datetime], now: datetime, *,
        changes: Mapping[tuple[str, str], str],
    ) -> dict[tuple[str, str], Counts]:  # fmt: skip
        """Return the events of several SLOs by quarters of an hour; see `read`.

        Args:
            connection: an open transaction
            since: by tenant and name of the SLO, from which moment on
            now: the present moment
            changes: of the rows of the SLOs that are asked for, at most 500

        Returns:
            The events of each. All that are read whole are read by one query.
        """
        found: dict[tuple[str, str], Counts] = {}
        missing: dict[tuple[str, str], int] = {}
        for key, text in changes.items():
            known, start = changes_of(text), micros(since[key]) // QUARTER * QUARTER
            held = self._updated(connection, (*key, True), start, now, known)
            if held is None:
                missing[key] = start
                continue
            self._keep((*key, True), held, known)
            found[key] = held.counts.since(start)
        for key, counts in read_counts_of_all(connection, missing).items():
            held = _Held("", missing[key], now, counts)
            self._keep((*key, True), held, changes_of(changes[key]))
            found[key] = counts
        return found

    def _updated(
        self, connection: Connection, key: tuple[str, str, bool], start: int, now: datetime,
        known: Sequence[Change],
    ) -> _Held | None:  # fmt: skip
        """Return what is held with all changes since; None where all has to be read."""
        tenant, name, coarse = key
        with self._lock:
            held = self._held.get(key)
        if held is None or held.since > start:
            return None
        # A clock that was set back makes what was read neither older nor newer.
        if abs(now - held.read_at) >= READ_WHOLE_EVERY:
            return None
        spans = spans_after(known, held.mark)
        if spans is None:
            return None
        step, counts = QUARTER if coarse else 1, held.counts
        for span in spans:
            first, last = max(held.since, span[0] // step * step), -(-span[1] // step) * step
            if first < last:
                new = read_counts(connection, tenant, name, first, last, coarse=coarse)
                counts = counts.with_span(first, last, new)
        return msgspec.structs.replace(held, counts=counts)

    def _keep(self, key: tuple[str, str, bool], held: _Held, known: Sequence[Change]) -> None:
        if not known:
            return  # nothing says later what has changed
        held = msgspec.structs.replace(held, mark=known[-1].mark)
        with self._lock:
            before = self._held.pop(key, None)
            self._buckets += len(held.counts) - (len(before.counts) if before else 0)
            self._held[key] = held
            while self._buckets > self._most:
                _, oldest = self._held.popitem(last=False)
                self._buckets -= len(oldest.counts)


_OF_STORES: WeakKeyDictionary[Store, KeptCounts] = WeakKeyDictionary()


def kept_counts(store: Store) -> KeptCounts:
    """Return what this process has read of a database."""
    return _OF_STORES.setdefault(store, KeptCounts())
