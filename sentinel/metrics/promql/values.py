"""What a PromQL expression is worked out to: numbers, texts, and samples of many series. Pure.

https://prometheus.io/docs/prometheus/latest/querying/basics/#expression-language-data-types
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.errors import ConfigurationError

__all__ = [
    "NAME",
    "STALE_BITS",
    "Labels",
    "PromqlError",
    "Ranged",
    "Sample",
    "Value",
    "Vector",
    "distinct",
    "divided",
    "is_stale",
    "mapped",
    "plain",
    "power",
    "remainder",
    "signature",
    "unnamed",
]

NAME = "__name__"
"""The label that has the name of the metric."""
STALE_BITS = 0x7FF0000000000002
"""The number that is no number by which Prometheus says that a series has ended
(`StaleNaN` of model/value/value.go)."""
Labels = Mapping[str, str]
_HINT = "See docs/how-to/bring-your-rules.md for what can be said."


class PromqlError(ConfigurationError):
    """An expression cannot be used, or cannot be worked out with these samples.

    Args:
        message: what was wrong
        hint: what to do about it
    """

    def __init__(self, message: str, *, hint: str = _HINT) -> None:
        super().__init__(message, hint=hint)


class Sample(msgspec.Struct, frozen=True):
    """One number of one series.

    Attributes:
        labels: with `__name__` where it still is of the metric
        value: may be NaN or infinite
        at: milliseconds since 1970 of the sample itself, for `timestamp()`
    """

    labels: Labels
    value: float
    at: int = 0


class Ranged(msgspec.Struct, frozen=True):
    """The samples of one series within a range, oldest first, without markers of its end.

    Attributes:
        labels: of the series
        times: milliseconds since 1970
        values: as many
    """

    labels: Labels
    times: NDArray[np.int64]
    values: NDArray[np.float64]


Vector = Sequence[Sample]
Value = float | str | Vector


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which numbers say that their series has ended."""
    return values.view(np.int64) == STALE_BITS


def unnamed(labels: Labels) -> dict[str, str]:
    """Return labels without the name of the metric."""
    return {name: text for name, text in labels.items() if name != NAME}


def plain(labels: Labels) -> frozenset[tuple[str, str]]:
    """Return labels as a key that does not depend on their order."""
    return frozenset(labels.items())


def signature(labels: Labels, names: Collection[str], *, only: bool) -> frozenset[tuple[str, str]]:
    """Return the part of some labels by which series are matched.

    Args:
        labels: of a series
        names: the labels to compare, or to leave out
        only: whether they are to be compared; otherwise all but them and the metric's name

    Returns:
        A key. A label that is missing equals the empty text.
    """
    if only:
        return frozenset((name, labels[name]) for name in names if labels.get(name))
    return frozenset((k, v) for k, v in labels.items() if k not in names and k != NAME)


def mapped(vector: Iterable[Sample], work: Callable[[float], float]) -> list[Sample]:
    """Return samples with another value each and without the name of their metric.

    Args:
        vector: samples
        work: of each value

    Returns:
        As many samples.
    """
    return [Sample(unnamed(one.labels), work(one.value), one.at) for one in vector]


def distinct(vector: list[Sample]) -> list[Sample]:
    """Return the samples, if no two of them have the same labels.

    Args:
        vector: samples

    Returns:
        The same.

    Raises:
        PromqlError: two have
    """
    seen: set[frozenset[tuple[str, str]]] = set()
    for one in vector:
        key = plain(one.labels)
        if key in seen:
            raise PromqlError(f"two series of the result have the same labels: {dict(one.labels)}")
        seen.add(key)
    return vector


def divided(one: float, other: float) -> float:
    """Divide as IEEE 754 does, also by zero."""
    if other != 0:
        return one / other
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1, other)


def remainder(one: float, other: float) -> float:
    """Return the remainder as Go's `math.Mod` does; NaN of what has none."""
    if math.isnan(one) or math.isnan(other) or math.isinf(one) or other == 0:
        return math.nan
    return math.fmod(one, other)


def power(one: float, other: float) -> float:
    """Raise to a power as Go's `math.Pow` does, also where Python's raises."""
    odd = math.isfinite(other) and math.fmod(other, 2) in (1, -1)
    try:
        return math.pow(one, other)
    except OverflowError:
        return -math.inf if one < 0 and odd else math.inf
    except ValueError:  # zero to a negative power, or a root of a negative number
        if one:
            return math.nan
        return math.copysign(math.inf, one) if odd else math.inf
