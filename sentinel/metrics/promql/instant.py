"""PromQL's functions of the samples of one moment. Pure."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sentinel.metrics.promql.values import NAME, PromqlError, Sample, Vector, divided, plain
from sentinel.regex.replacing import whole_replaced

__all__ = [
    "OF_TIME", "OF_VALUE", "WITH_NUMBERS", "absent_labels", "histogram_quantile", "joined",
    "replaced",
]  # fmt: skip

_LONGEST = 10_000
"""Letters of a label that is made: one made of others, over and over, would grow without end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _checked(work: Callable[[float], float], none: float = math.nan) -> Callable[[float], float]:
    """Return a function that answers NaN, or `none`, where Python's raises."""

    def call(value: float) -> float:
        try:
            return work(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return none

    return call


def _log(work: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else _checked(work)(value)


def _sinh(value: float) -> float:
    try:
        return math.sinh(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else _checked(math.atanh)(value)


def _whole(work: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(work(value)) if math.isfinite(value) else value


def _sign(value: float) -> float:
    return value if value == 0 or math.isnan(value) else math.copysign(1.0, value)


OF_VALUE: dict[str, Callable[[float], float]] = {
    "abs": abs, "ceil": _whole(math.ceil), "floor": _whole(math.floor), "sgn": _sign,
    "exp": _checked(math.exp, math.inf), "sqrt": _checked(math.sqrt),
    "ln": _log(math.log), "log2": _log(math.log2), "log10": _log(math.log10),
    "sin": _checked(math.sin), "cos": _checked(math.cos), "tan": _checked(math.tan),
    "asin": _checked(math.asin), "acos": _checked(math.acos), "atan": math.atan,
    "sinh": _sinh, "cosh": _checked(math.cosh, math.inf), "tanh": math.tanh,
    "asinh": math.asinh, "acosh": _checked(math.acosh), "atanh": _atanh,
    "deg": lambda value: value * 180 / math.pi, "rad": lambda value: value * math.pi / 180,
}  # fmt: skip
"""Functions of each value by itself."""


def _least(value: float, limit: float) -> float:
    return math.nan if math.isnan(value) or math.isnan(limit) else max(value, limit)


def _most(value: float, limit: float) -> float:
    return math.nan if math.isnan(value) or math.isnan(limit) else min(value, limit)


def _round(value: float, to: float = 1.0) -> float:
    inverse = divided(1.0, to)
    many = value * inverse + 0.5
    return divided(float(math.floor(many)) if math.isfinite(many) else many, inverse)


def _clamped(value: float, least: float, most: float) -> float:
    return _least(_most(value, most), least)


WITH_NUMBERS: dict[str, Callable[..., float]] = {
    "clamp_min": _least, "clamp_max": _most, "clamp": _clamped, "round": _round,
}  # fmt: skip
"""Functions of each value and of numbers that are the same for all."""


def _moment(value: float) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=math.trunc(value))
    except (OverflowError, ValueError):
        return None


def _part(work: Callable[[datetime], int]) -> Callable[[float], float]:
    def call(value: float) -> float:
        moment = _moment(value)
        return math.nan if moment is None else float(work(moment))

    return call


OF_TIME: dict[str, Callable[[float], float]] = {
    "minute": _part(lambda at: at.minute), "hour": _part(lambda at: at.hour),
    "day_of_week": _part(lambda at: at.isoweekday() % 7),
    "day_of_month": _part(lambda at: at.day),
    "day_of_year": _part(lambda at: at.timetuple().tm_yday),
    "days_in_month": _part(lambda at: calendar.monthrange(at.year, at.month)[1]),
    "month": _part(lambda at: at.month), "year": _part(lambda at: at.year),
}  # fmt: skip
"""Parts of a time in UTC, given as seconds since 1970."""


def replaced(
    vector: Vector, target: str, replacement: str, source: str, regex: str
) -> list[Sample]:
    """Set a label from another one, as `label_replace`.

    Args:
        vector: samples
        target: the label to set; an empty text takes it away
        replacement: with $1 and ${name} for groups
        source: the label that must match
        regex: in RE2's syntax; it must match all of the label

    Returns:
        The samples; those that do not match as they were.

    Raises:
        PatternError: the regex cannot be used
        PromqlError: the label is too long
    """
    found: list[Sample] = []
    for one in vector:
        text = whole_replaced(regex, one.labels.get(source, ""), replacement)
        found.append(one if text is None else _with(one, target, text))
    return found


def joined(vector: Vector, target: str, separator: str, sources: Sequence[str]) -> list[Sample]:
    """Set a label to the texts of others, as `label_join`.

    Args:
        vector: samples
        target: the label to set
        separator: between the texts
        sources: the labels; one that is missing is the empty text

    Returns:
        The samples.

    Raises:
        PromqlError: the label is too long
    """
    return [
        _with(one, target, separator.join(one.labels.get(name, "") for name in sources))
        for one in vector
    ]


def _with(sample: Sample, name: str, text: str) -> Sample:
    if len(text) > _LONGEST:
        raise PromqlError(f"the label {name:.60} has more than {_LONGEST:,} letters")
    labels = {k: v for k, v in sample.labels.items() if k != name}
    if text:
        labels[name] = text
    return Sample(labels, sample.value, sample.at)


def histogram_quantile(q: float, vector: Vector) -> list[Sample]:
    """Estimate a quantile from the buckets of classic histograms.

    Args:
        q: between 0 and 1; of NaN the quantile is NaN
        vector: buckets, which have a label `le`

    Returns:
        A sample for each histogram.
    """
    groups: dict[frozenset[tuple[str, str]], dict[float, float]] = {}
    labels: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
    for one in vector:
        try:
            bound = float(one.labels.get("le", ""))
        except ValueError:
            continue
        kept = {k: v for k, v in one.labels.items() if k not in ("le", NAME)}
        key = plain(kept)
        labels[key] = kept
        buckets = groups.setdefault(key, {})
        buckets[bound] = buckets.get(bound, 0.0) + one.value
    return [Sample(labels[key], _bucket_quantile(q, of)) for key, of in groups.items()]


def _bucket_quantile(q: float, of: dict[float, float]) -> float:
    if math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    bounds = sorted(of)
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return math.nan
    counts: list[float] = []
    for bound in bounds:  # what a scrape between two writes left smaller is raised
        counts.append(max(of[bound], counts[-1]) if counts else of[bound])
    total = counts[-1]
    if total == 0 or math.isnan(total):
        return math.nan
    rank = q * total
    place = next((n for n, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if place == len(counts) - 1:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    start, end, count = 0.0, bounds[place], counts[place]
    if place > 0:
        start = bounds[place - 1]
        count -= counts[place - 1]
        rank -= counts[place - 1]
    return start + (end - start) * divided(rank, count)


def absent_labels(pairs: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return the labels of what `absent` gives.

    Args:
        pairs: name, operator and text of each matcher

    Returns:
        Those that a matcher says for certain; of a name that is given twice, none.
    """
    found: dict[str, str] = {}
    set_once: set[str] = set()
    for name, how, text in pairs:
        if name == NAME:
            continue
        if how == "=" and name not in set_once:
            found[name] = text
            set_once.add(name)
        else:
            found.pop(name, None)
    return {name: text for name, text in found.items() if text}
