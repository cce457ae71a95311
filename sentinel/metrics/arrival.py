"""Samples on their way in: checked one by one, gathered into a column for each metric. Pure.

Whatever is asked of a series (its name, its labels, its id) is asked once, since samples of the
same series come again and again: what is left for each sample is a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime

import msgspec

from sentinel.metrics.moments import micros
from sentinel.metrics.sample import check_series, checked_moment, identity

__all__ = ["Arrival", "Column", "Met"]

_MOST_MET = 200_000


class Met(msgspec.Struct, frozen=True):
    """A series that was looked at closely; `id` is what its samples are kept under."""

    id: int
    name: str
    labels: Mapping[str, str]
    unit: str


class Column:
    """The samples of one metric in one call; `times` in microseconds since 1970."""

    __slots__ = ("ids", "series", "times", "values")

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.series: dict[int, Met] = {}


class Arrival:
    """The samples of one call.

    Args:
        tenant: whose they are
        now: the present moment, which is that of samples without one
        oldest: samples from before it would be forgotten at once
        met: series by whatever their sender calls them; kept from call to call
    """

    def __init__(
        self, tenant: str, now: datetime, oldest: datetime, met: dict[Hashable, Met]
    ) -> None:
        self.tenant = tenant
        self.now = now
        self.columns: dict[str, Column] = {}
        self._oldest = oldest
        self._now_micros = micros(now)
        self._met = met

    def series(self, key: Hashable) -> Met | None:
        """Return the series met under `key`, which must stand for tenant, name, unit and labels."""
        return self._met.get(key)

    def meet(self, key: Hashable, name: str, unit: str, labels: Mapping[str, str]) -> Met:
        """Check a series that is new to this process, and know it as `key` from now on.

        Args:
            key: what identifies its samples as they come in
            name: the metric's
            unit: of the values, may be empty
            labels: of the series

        Returns:
            The series, with the id under which its samples are kept.

        Raises:
            SampleError: it may not be called that; names the field
        """
        check_series(name, unit, labels)
        if len(self._met) >= _MOST_MET:
            self._met.clear()
        found = Met(identity(self.tenant, name, labels), name, labels, unit)
        self._met[key] = found
        return found

    def take(self, series: Met, value: float, at: datetime | None) -> None:
        """Add one sample.

        Args:
            series: whose
            value: the number
            at: when; None means now

        Raises:
            SampleError: it cannot be kept; names the field
        """
        checked_moment(value, at, self.now, self._oldest)
        column = self.columns.get(series.name)
        if column is None:
            column = self.columns[series.name] = Column()
        column.ids.append(series.id)
        column.times.append(self._now_micros if at is None else micros(at))
        column.values.append(float(value))
        column.series[series.id] = series
