"""A PromQL expression worked out at one moment over stored samples. Pure.

Staleness, lookback and the meaning of every operator are Prometheus'
(https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness); a range begins as the
version that is asked for has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import msgspec
import numpy as np

from sentinel.metrics.moments import datetime_of
from sentinel.metrics.promql.aggregating import aggregated
from sentinel.metrics.promql.binary import Matching, between_numbers, between_vectors, with_number
from sentinel.metrics.promql.instant import (
    OF_TIME,
    OF_VALUE,
    WITH_NUMBERS,
    absent_labels,
    histogram_quantile,
    joined,
    replaced,
)
from sentinel.metrics.promql.over_time import (
    EXTRAPOLATED,
    KEEPING_NAMES,
    OVER_TIME,
    Version,
    extrapolated,
    predicted,
    quantile_over_time,
)
from sentinel.metrics.promql.reading import (
    Selector,
    bare,
    inner_nodes,
    parsed,
    selector_of,
    texts_of,
)
from sentinel.metrics.promql.values import (
    NAME,
    Labels,
    PromqlError,
    Ranged,
    Sample,
    Value,
    Vector,
    distinct,
    is_stale,
    mapped,
    plain,
    unnamed,
)
from sentinel.metrics.series import MetricReader, Series

__all__ = ["LOOKBACK", "Promql", "Version", "worked_out"]

LOOKBACK = timedelta(minutes=5)
"""Prometheus' default of how long a sample stands for its series."""
MOST_STEPS = 11_000
MOST_STEPS_OF_ALL = 200_000
"""Steps of all subqueries of one evaluation: one within another multiplies them."""
_OF_RANGES = ("absent_over_time", "quantile_over_time", "predict_linear")


class Promql(msgspec.Struct, frozen=True, kw_only=True):
    """How expressions are worked out.

    Attributes:
        lookback: how long a sample stands for its series
        step: of subqueries that name none: the period of evaluation
        version: of Prometheus, whose ranges are meant
    """

    lookback: timedelta = LOOKBACK
    step: timedelta = timedelta(minutes=1)
    version: Version = 2


def worked_out(expr: str, at: int, reader: MetricReader, how: Promql | None = None) -> Value:
    """Work an expression out.

    Args:
        expr: in PromQL
        at: the moment, milliseconds since 1970
        reader: of the samples
        how: lookback, step and version

    Returns:
        A number, a text, or samples.

    Raises:
        PromqlError: it cannot be parsed, or not be worked out with these samples
    """
    tree = parsed(expr)
    found = _Run(tree, at, reader, how or Promql()).value(tree, at)
    return distinct(list(found)) if isinstance(found, list) else found


def _milliseconds(length: timedelta | None) -> int:
    return 0 if length is None else round(length.total_seconds() * 1000)


_Key = tuple[Selector, int, str, int]
"""A selector, its offset, its `@`, and its range in milliseconds."""


class _Run:
    """One evaluation; the samples of each selector are read once."""

    def __init__(self, tree: Any, at: int, reader: MetricReader, how: Promql) -> None:
        self._reader = reader
        self._how = how
        self._end = at
        self._spans: dict[_Key, tuple[int, int]] = {}
        self._windows: dict[_Key, Series] = {}
        self._steps = 0
        self._span(tree, at, at)

    def _span(self, node: Any, first: int, last: int) -> None:
        """Note from when to when each selector is asked for its samples."""
        match type(node).__name__:
            case "VectorSelector":
                self._note(node, self._how.lookback, first, last)
            case "MatrixSelector":
                self._note(node.vector_selector, node.range, first, last)
            case "SubqueryExpr":
                early = self._moment(node, first) - _milliseconds(node.range)
                self._span(node.expr, early, self._moment(node, last))
            case _:
                for one in inner_nodes(node):
                    self._span(one, first, last)

    def _note(self, node: Any, length: timedelta, first: int, last: int) -> None:
        key = self._key(node, length)
        early, late = self._moment(node, first) - key[3], self._moment(node, last)
        known = self._spans.get(key, (early, late))
        self._spans[key] = (min(early, known[0]), max(late, known[1]))

    def _key(self, node: Any, length: timedelta) -> _Key:
        fixed = "" if node.at is None else str(node.at)
        return selector_of(node), _milliseconds(node.offset), fixed, _milliseconds(length)

    def value(self, node: Any, at: int) -> Value:
        match type(node).__name__:
            case "NumberLiteral" | "StringLiteral":
                return node.val
            case "ParenExpr":
                return self.value(node.expr, at)
            case "UnaryExpr":
                found = self.value(node.expr, at)
                if isinstance(found, float):
                    return -found
                return mapped(self._vector(found), lambda value: -value)
            case "VectorSelector":
                return self._instant(node, at)
            case "BinaryExpr":
                return self._binary(node, at)
            case "AggregateExpr":
                return self._aggregate(node, at)
            case "Call":
                return self._call(node, at)
            case _:
                raise PromqlError("a range of samples is no result; a function must take it")

    def _vector(self, value: Value) -> Vector:
        if isinstance(value, int | float | str):
            raise PromqlError("a vector is needed, and this is a number or a text")
        return value

    def _number(self, node: Any, at: int) -> float:
        found = self.value(node, at)
        if not isinstance(found, float):
            raise PromqlError("a number is needed, and this is a vector or a text")
        return found

    # --- samples

    def _moment(self, node: Any, at: int) -> int:
        """Return the moment that `@` and `offset` mean."""
        if node.at is not None:
            if str(node.at.type).endswith(".At"):
                at = round(node.at.at.timestamp() * 1000)
            else:
                at = self._end
        return at - _milliseconds(node.offset)

    def _within(self, node: Any, length: timedelta, at: int) -> Iterator[Ranged]:
        """Yield the samples of a selector's series in a range that ends at a moment."""
        key = self._key(node, length)
        end = self._moment(node, at)
        series = self._windows.get(key)
        if series is None:
            selector, (early, late) = key[0], self._spans[key]
            # A reader leaves out what lies at the very start.
            since, until = datetime_of(early * 1000 - 1), datetime_of(late * 1000)
            series = self._reader.window(selector.metric, selector.matchers, since, until)
            self._windows[key] = series
        start = end - key[3] + (self._how.version == 3)
        for place, labels in enumerate(series.labels):
            times, values = series.of(place)
            times = times // 1000
            low, high = np.searchsorted(times, [start, end + 1]).tolist()
            if low < high:
                named = {NAME: series.name, **{k: v for k, v in labels.items() if v}}
                yield Ranged(named, times[low:high], values[low:high])

    def _instant(self, node: Any, at: int) -> list[Sample]:
        return [
            Sample(one.labels, float(one.values[-1]), int(one.times[-1]))
            for one in self._within(node, self._how.lookback, at)
            if not is_stale(one.values[-1:])[0]
        ]

    def _ranges(self, node: Any, at: int) -> tuple[list[Ranged], int, int]:
        """Return the samples that a range selector or a subquery means, and its start and end."""
        node = bare(node)
        match type(node).__name__:
            case "MatrixSelector":
                end = self._moment(node.vector_selector, at)
                found: list[Ranged] = []
                for one in self._within(node.vector_selector, node.range, at):
                    alive = ~is_stale(one.values)
                    if alive.any():
                        found.append(Ranged(one.labels, one.times[alive], one.values[alive]))
                return found, end - _milliseconds(node.range), end
            case "SubqueryExpr":
                return self._subquery(node, at)
            case _:
                raise PromqlError("a range of samples is needed, such as metric[5m]")

    def _subquery(self, node: Any, at: int) -> tuple[list[Ranged], int, int]:
        end = self._moment(node, at)
        start = end - _milliseconds(node.range)
        step = _milliseconds(node.step) or _milliseconds(self._how.step)
        first = -(-(start + (self._how.version == 3)) // step) * step
        if (end - first) / step > MOST_STEPS:
            raise PromqlError(f"a subquery of more than {MOST_STEPS:,} steps")
        series: dict[frozenset[tuple[str, str]], tuple[Labels, list[int], list[float]]] = {}
        for moment in range(first, end + 1, step):
            self._steps += 1
            if self._steps > MOST_STEPS_OF_ALL:
                raise PromqlError(
                    f"its subqueries have more than {MOST_STEPS_OF_ALL:,} steps altogether"
                )
            for one in self._vector(self._as_vector(self.value(node.expr, moment))):
                kept = series.setdefault(plain(one.labels), (one.labels, [], []))
                kept[1].append(moment)
                kept[2].append(one.value)
        ranges = [
            Ranged(labels, np.array(times, np.int64), np.array(values))
            for labels, times, values in series.values()
        ]
        return ranges, start, end

    @staticmethod
    def _as_vector(value: Value) -> Value:
        return [Sample({}, value)] if isinstance(value, float) else value

    # --- operators

    def _binary(self, node: Any, at: int) -> Value:
        how, modifier = str(node.op), node.modifier
        left, right = self.value(node.lhs, at), self.value(node.rhs, at)
        boolean = modifier is not None and modifier.return_bool
        if isinstance(left, float) and isinstance(right, float):
            return between_numbers(how, left, right)
        if isinstance(right, float):
            return with_number(how, self._vector(left), right, swapped=False, boolean=boolean)
        if isinstance(left, float):
            return with_number(how, self._vector(right), left, swapped=True, boolean=boolean)
        matching = _matching(modifier) if modifier is not None else Matching()
        return between_vectors(how, self._vector(left), self._vector(right), matching)

    def _aggregate(self, node: Any, at: int) -> Value:
        names: list[str] = []
        without = False
        if node.modifier is not None:
            names = list(node.modifier.labels)
            without = str(node.modifier.type).endswith("Without")
        how = str(node.op)
        parameter: float | str | None = None
        if node.param is not None:
            given = self.value(node.param, at)
            parameter = given if isinstance(given, float | str) else None
        vector = self._vector(self.value(node.expr, at))
        return aggregated(how, vector, names=names, without=without, parameter=parameter)

    # --- functions

    def _call(self, node: Any, at: int) -> Value:
        name, given = node.func.name, list(node.args)
        if name in OVER_TIME or name in EXTRAPOLATED or name in _OF_RANGES:
            return self._of_range(name, given, at)
        match name:
            case "time":
                return at / 1000
            case "pi":
                return math.pi
            case "vector":
                return [Sample({}, self._number(given[0], at))]
            case "scalar":
                vector = self._vector(self.value(given[0], at))
                return vector[0].value if len(vector) == 1 else math.nan
            case "absent":
                if self._vector(self.value(given[0], at)):
                    return []
                return [Sample(_labels_of_absent(given[0]), 1.0)]
            case "timestamp":
                vector = self._vector(self.value(given[0], at))
                direct = type(bare(given[0])).__name__ == "VectorSelector"
                return [Sample(unnamed(v.labels), (v.at if direct else at) / 1000) for v in vector]
            case "histogram_quantile":
                q = self._number(given[0], at)
                return histogram_quantile(q, self._vector(self.value(given[1], at)))
            case "label_replace":
                vector = self._vector(self.value(given[0], at))
                return distinct(replaced(vector, *texts_of(given[1:])))
            case "label_join":
                vector = self._vector(self.value(given[0], at))
                target, separator, *sources = texts_of(given[1:])
                return distinct(joined(vector, target, separator, sources))
            case "sort" | "sort_desc":
                vector = self._vector(self.value(given[0], at))
                sign = 1 if name == "sort" else -1
                return sorted(vector, key=lambda v: (math.isnan(v.value), sign * v.value))
            case _:
                return self._of_values(name, given, at)

    def _of_values(self, name: str, given: list[Any], at: int) -> Value:
        if name in OF_TIME:
            now = [Sample({}, at / 1000)]
            vector = self._vector(self.value(given[0], at)) if given else now
            return mapped(vector, OF_TIME[name])
        vector = self._vector(self.value(given[0], at))
        if name in OF_VALUE:
            return mapped(vector, OF_VALUE[name])
        numbers = [self._number(one, at) for one in given[1:]]
        if name == "clamp" and numbers[0] > numbers[1]:
            return []
        return mapped(vector, lambda value: WITH_NUMBERS[name](value, *numbers))

    def _of_range(self, name: str, given: list[Any], at: int) -> Value:
        place = 1 if name == "quantile_over_time" else 0
        ranges, start, end = self._ranges(given[place], at)
        if name == "absent_over_time":
            return [] if ranges else [Sample(_labels_of_absent(given[0]), 1.0)]
        number = math.nan
        if name in ("quantile_over_time", "predict_linear"):
            number = self._number(given[1 - place], at)
        found: list[Sample] = []
        for one in ranges:
            value: float | None
            if name in EXTRAPOLATED:
                value = extrapolated(name, one, start, end, self._how.version)
            elif name == "quantile_over_time":
                value = quantile_over_time(number, one)
            elif name == "predict_linear":
                line = predicted(one, at)
                value = None if line is None else line[0] * number + line[1]
            else:
                value = OVER_TIME[name](one)
            if value is not None:
                labels = one.labels if name in KEEPING_NAMES else unnamed(one.labels)
                found.append(Sample(labels, value))
        return found


def _matching(modifier: Any) -> Matching:
    card = str(modifier.card).rpartition(".")[2]
    matching = modifier.matching
    many: dict[str, Literal["left", "right"]] = {"ManyToOne": "left", "OneToMany": "right"}
    return Matching(
        names=() if matching is None else tuple(matching.labels),
        on=matching is not None and str(matching.type).endswith("Include"),
        many=many.get(card, ""),
        include=tuple(modifier.group_labels or ()),
        boolean=modifier.return_bool,
    )


def _labels_of_absent(node: Any) -> dict[str, str]:
    while type(node).__name__ in ("ParenExpr", "MatrixSelector"):
        node = node.expr if type(node).__name__ == "ParenExpr" else node.vector_selector
    if type(node).__name__ != "VectorSelector":
        return {}
    return absent_labels(selector_of(node).pairs)
