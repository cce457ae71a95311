"""PromQL's aggregations over the samples of a vector. Pure.

Sums and means are added up in the order of the samples, as promql/engine.go does, so that the last
digits agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from sentinel.metrics.promql.values import NAME, Labels, PromqlError, Sample, Vector, plain

__all__ = ["AGGREGATIONS", "aggregated", "quantile_of"]


def quantile_of(q: float, values: Sequence[float]) -> float:
    """Return the quantile on the line between the two closest ranks.

    Args:
        q: between 0 and 1; below it is -Inf, above it is +Inf
        values: in any order; NaN counts as the smallest

    Returns:
        The quantile; NaN of no values.
    """
    if not values or math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    ordered = sorted(values, key=lambda one: (not math.isnan(one), one))
    rank = q * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - math.floor(rank)
    return ordered[low] * (1 - weight) + ordered[high] * weight


def _sum(values: Sequence[float]) -> float:
    total = 0.0
    for one in values:
        total += one
    return total


def _mean(values: Sequence[float]) -> float:
    mean, count = 0.0, 0
    for one in values:
        count += 1
        same = not math.isinf(one) or (mean > 0) == (one > 0)
        if math.isinf(mean) and same and not math.isnan(one):
            continue
        mean = one if count == 1 else mean + (one / count - mean / count)
    return mean


def _variance(values: Sequence[float]) -> float:
    mean = total = 0.0
    for count, one in enumerate(values, start=1):
        delta = one - mean
        mean += delta / count
        total += delta * (one - mean)
    return total / len(values)


def _greatest(values: Sequence[float]) -> float:
    best = values[0]
    for one in values[1:]:
        if best < one or math.isnan(best):
            best = one
    return best


def _smallest(values: Sequence[float]) -> float:
    best = values[0]
    for one in values[1:]:
        if best > one or math.isnan(best):
            best = one
    return best


_PLAIN: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": _sum, "avg": _mean, "min": _smallest, "max": _greatest,
    "count": lambda values: float(len(values)), "group": lambda _: 1.0,
    "stddev": lambda values: math.sqrt(_variance(values)), "stdvar": _variance,
}  # fmt: skip
AGGREGATIONS = (*_PLAIN, "quantile", "topk", "bottomk", "count_values")


def aggregated(
    how: str,
    vector: Vector,
    *,
    names: Collection[str] = (),
    without: bool = False,
    parameter: float | str | None = None,
) -> list[Sample]:
    """Aggregate a vector.

    Args:
        how: one of `AGGREGATIONS`
        vector: samples
        names: labels of `by` or `without`
        without: whether `names` are left out, rather than kept
        parameter: of quantile, topk, bottomk (numbers) and count_values (a label)

    Returns:
        A sample for each group; of topk and bottomk, those of each group.

    Raises:
        PromqlError: the parameter cannot be used
    """
    groups: dict[frozenset[tuple[str, str]], list[Sample]] = {}
    labels: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
    for sample in vector:
        kept = _kept(sample.labels, names, without)
        if how == "count_values":
            kept[str(parameter)] = _written(sample.value)
        key = plain(kept)
        groups.setdefault(key, []).append(sample)
        labels[key] = kept
    if how in ("topk", "bottomk"):
        count = parameter if isinstance(parameter, float) else math.nan
        if math.isnan(count) or abs(count) >= 2**63:
            raise PromqlError(f"{how} cannot choose {count} series")
        return [one for group in groups.values() for one in _ends(how, group, int(count))]
    found: list[Sample] = []
    for key, group in groups.items():
        values = [one.value for one in group]
        if how == "quantile":
            q = parameter if isinstance(parameter, float) else math.nan
            value = quantile_of(q, values)
        elif how == "count_values":
            value = float(len(values))
        else:
            value = _PLAIN[how](values)
        found.append(Sample(labels[key], value))
    return found


def _kept(labels: Labels, names: Collection[str], without: bool) -> dict[str, str]:
    if without:
        return {k: v for k, v in labels.items() if k not in names and k != NAME}
    return {name: labels[name] for name in names if labels.get(name)}


def _ends(how: str, group: Sequence[Sample], count: int) -> list[Sample]:
    sign = -1.0 if how == "topk" else 1.0
    ordered = sorted(group, key=lambda one: (math.isnan(one.value), sign * one.value))
    return ordered[: max(0, count)]


def _written(value: float) -> str:
    """Return a number as Go's `strconv.FormatFloat(value, 'f', -1, 64)` writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
