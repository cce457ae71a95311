"""OTLP metrics as samples: one number of one series at one moment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.bounds import MOST_RECORDS, bounded

__all__ = ["IDENTIFYING", "Point", "points_of"]

IDENTIFYING = (
    "service.name",
    "service.namespace",
    "deployment.environment.name",
    "deployment.environment",
    "host.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "cloud.region",
)
"""Attributes of a resource that become labels. `service.instance.id` and what else changes with
each start of a process would make each start a new series."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799 * 10**9
_NOTHING_RECORDED = 1
"""The flag of a point that says that there is no value."""


class Point(msgspec.Struct, frozen=True):
    """One number of one series; `at` is None where the sender does not say."""

    name: str
    unit: str
    labels: dict[str, str]
    value: float
    at: datetime | None


def points_of(request: Any) -> Iterator[Point]:
    """Return the samples of a request.

    Args:
        request: an `ExportMetricsServiceRequest` message

    Yields:
        A gauge's and a sum's numbers by the metric's name. Of a histogram, NAME_count, NAME_sum,
        NAME_min, NAME_max and, with the label `le`, the cumulated NAME_bucket; of a summary
        NAME_count, NAME_sum and, with the label `quantile`, NAME.

    Raises:
        TooLarge: there are too many
    """
    number = 0
    for resource in request.resource_metrics:
        given = dict(pairs_of(resource.resource.attributes))
        common = {name: given[name] for name in IDENTIFYING if given.get(name)}
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in _of_metric(metric, common):
                    number = bounded(number + 1, MOST_RECORDS, "samples")
                    yield point


def _of_metric(metric: Any, common: dict[str, str]) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    for point in getattr(metric, kind).data_points:
        if point.flags & _NOTHING_RECORDED:
            continue
        labels = {**common, **dict(pairs_of(point.attributes))}
        at = _moment(point.time_unix_nano)
        for suffix, more, value, unit in _numbers(kind, point, metric.unit):
            yield Point(metric.name + suffix, unit, {**labels, **more}, value, at)


def _numbers(kind: str, point: Any, unit: str) -> Iterator[tuple[str, dict[str, str], float, str]]:
    if kind in ("gauge", "sum"):
        which = point.WhichOneof("value")
        if which is not None:
            yield "", {}, float(getattr(point, which)), unit
        return
    yield "_count", {}, float(point.count), ""
    if kind == "summary":
        yield "_sum", {}, point.sum, unit
        for one in point.quantile_values:
            yield "", {"quantile": _number(one.quantile)}, one.value, unit
        return
    for name in ("sum", "min", "max"):
        if point.HasField(name):
            yield f"_{name}", {}, getattr(point, name), unit
    if kind == "histogram":
        total, bounds = 0, [*point.explicit_bounds, math.inf]
        for bound, count in zip(bounds, point.bucket_counts, strict=False):
            total += count
            yield "_bucket", {"le": _number(bound)}, float(total), ""


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(value).removesuffix(".0")


def _moment(nanoseconds: int) -> datetime | None:
    if not nanoseconds:
        return None
    return _EPOCH + timedelta(microseconds=min(nanoseconds, _LATEST) // 1000)
