"""What is unusual in a series of numbers: six scores, each by its rank among those before. Pure.

Three scores are distances of the last 4, 8 and 16 numbers, as they came one after the other, from
the second nearest of 250 earlier stretches: a shape that never came before is far from all of
them. Three are deviations from the mean: of the number itself, of the mean of the last few, and of
the mean of the last fifty. Each score becomes a rarity by its rank among the scores before it (one
in so many was as high), so that no unit, scale or distribution matters, and the six are averaged by
their logarithms. Ranks of nearest-neighbour distances are those of V. Ishimtsev and others,
"Conformal k-NN anomaly detector for univariate data streams" (COPA 2017).

It fires where that is rarer than a threshold and the last numbers lie several times as far from
what came before as numbers of this series usually do: noise is not unusual, however rare one of
its numbers is. Then it stays quiet for a while, since one thing that is wrong is one anomaly
however long it lasts.

How `NORMAL` was chosen, and what it was measured on, is in docs/adr/0022-anomalies-by-rank.md.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["NORMAL", "Found", "Tuning", "detect", "z_scores"]

Floats = NDArray[np.float64]
_TRIVIAL = 1e-3
_BLOCK = 32
_RANKED_FROM = 30
_MOST = 20.0


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """How the detector works.

    Attributes:
        windows: how many of the last numbers are compared with earlier stretches, in order
        references: so many earlier stretches are compared with, evenly over all of them
        unusual: and so many of those that were the most unusual, so that what comes back is known
        slow: share of a new number in what is usual, once there are many
        fast: shares of a new deviation in the short and the long mean
        clip: numbers further off than so many deviations teach no more than one that far off
        warm: so many numbers are only learned from
        rarity: fires at what is rarer than one in so many
        apart: and is so many times as far from earlier stretches as is usual
        refractory: and then not again for so many numbers
    """

    windows: tuple[int, ...]
    references: int
    unusual: int
    slow: float
    fast: tuple[float, float]
    clip: float
    warm: int
    rarity: float
    apart: float
    refractory: int


NORMAL = Tuning(
    windows=(4, 8, 16), references=200, unusual=50, slow=0.0003, fast=(0.2, 0.02), clip=10.0,
    warm=100, rarity=45.0, apart=4.0, refractory=200,
)  # fmt: skip
"""Frozen: chosen on one half of the Numenta Anomaly Benchmark, not to be fitted to more."""


class Found(msgspec.Struct, frozen=True):
    """What was seen of one series.

    Attributes:
        scores: how rare each number was, one in so many; 1 while it only learns, and for what is
            no further from earlier stretches than is usual
        fired: places of the numbers at which it fired
        usual: the mean, of which far numbers and old ones are a smaller part
    """

    scores: list[float]
    fired: list[int]
    usual: float


def detect(values: Sequence[float], tuning: Tuning = NORMAL) -> Found:
    """Find what is unusual in a series; what it says of a number depends on earlier ones only.

    Args:
        values: finite, oldest first
        tuning: how it works

    Returns:
        A score for each number, the places at which it fired, and what is usual.
    """
    if not values:
        return Found([], [], 0.0)
    series = np.asarray(values, dtype=np.float64)
    # By a power of two, which changes no digit: squares must not become infinite.
    power = max(0, math.frexp(float(np.abs(series).max()))[1] - 300)
    series = np.ldexp(series, -power)
    deviations, means = _deviations(series.tolist(), tuning)
    trivial = _TRIVIAL * np.abs(means)
    # What hardly ever moves must not make every move a wonder.
    deviations[0][np.abs(series - means) <= trivial] = 0.0
    distances = _distances(series, tuning)
    for distance, window in zip(distances, tuning.windows, strict=True):
        distance[distance <= trivial * window] = 0.0
    first = _first(tuning)
    logarithms = [_rarities(one, first) for one in distances]
    logarithms += [_rarities(one, 0) for one in deviations]
    rarity = 10 ** np.mean(logarithms, axis=0)
    rarity[: tuning.warm] = 1.0
    rarity[_apart(distances, first) < tuning.apart] = 1.0
    fired: list[int] = []
    for place in np.flatnonzero(rarity > tuning.rarity).tolist():
        if not fired or place - fired[-1] > tuning.refractory:
            fired.append(place)
    return Found(rarity.tolist(), fired, math.ldexp(float(means[-1]), power))


def _first(tuning: Tuning) -> int:
    """Return the place from which on there are enough earlier stretches."""
    return 3 * tuning.windows[-1]


def _distances(series: Floats, tuning: Tuning) -> Floats:
    """Return for each window and number the distance of the stretch that ends there.

    Args:
        series: the numbers
        tuning: how it works

    Returns:
        One row a window: the sum of absolute differences to the second nearest reference, 0 where
        there are too few.
    """
    windows, longest, first = tuning.windows, tuning.windows[-1], _first(tuning)
    found = np.zeros((len(windows), len(series)))
    if len(series) <= first:
        return found
    for begin in range(first, len(series), _BLOCK):
        end = min(len(series), begin + _BLOCK)
        places = _references(found[-1], begin - longest + 1, tuning)
        total = np.zeros((end - begin, len(places)))
        row = 0
        # From the last number backwards, so that a shorter window is a part of a longer one.
        for back in range(longest):
            apart = series[begin - back : end - back, None] - series[places - back]
            total += np.abs(apart, out=apart)
            if back + 1 == windows[row]:
                found[row, begin:end] = np.partition(total, 1, axis=1)[:, 1]
                row += 1
    return found


def _references(distances: Floats, until: int, tuning: Tuning) -> NDArray[np.intp]:
    """Return the last places of the earlier stretches to compare with, all before `until`."""
    first = tuning.windows[-1] - 1
    if until - first <= tuning.references:
        return np.arange(first, until)
    evenly = np.linspace(first, until - 1, tuning.references).astype(np.intp)
    past = distances[first:until]
    unusual = np.argpartition(past, len(past) - tuning.unusual)[len(past) - tuning.unusual :]
    return np.union1d(evenly, unusual + first)


def _deviations(values: list[float], tuning: Tuning) -> tuple[Floats, Floats]:
    """Return how far the number, the last few and the last fifty are off, and the mean so far."""
    short_share, long_share = tuning.fast
    mean, variance, short, long = values[0], 0.0, 0.0, 0.0
    rows: list[tuple[float, float, float, float]] = []
    for count, value in enumerate(values, 1):
        share = max(tuning.slow, 1 / count)
        deviation = math.sqrt(variance) + _TRIVIAL * abs(mean) + 1e-12
        off = max(-_MOST, min(_MOST, (value - mean) / deviation))
        short += short_share * (off - short)
        long += long_share * (off - long)
        rows.append((abs(off), abs(short), abs(long), mean))
        apart = value - mean
        if count > _RANKED_FROM:
            reach = tuning.clip * deviation
            apart = max(-reach, min(reach, apart))
        mean += share * apart
        variance = (1 - share) * (variance + share * apart * apart)
    columns = np.array(rows).T
    return columns[:3].copy(), columns[3].copy()


def _rarities(scores: Floats, first: int) -> Floats:
    """Return the logarithm of how rare each score is among those before it, from `first` on."""
    before: list[float] = []
    found = np.zeros(len(scores))
    for place, score in enumerate(scores[first:].tolist(), first):
        if len(before) >= _RANKED_FROM:
            as_high = len(before) - bisect_left(before, score)
            found[place] = math.log10((len(before) + 1) / (as_high + 1))
        insort(before, score)
    return found


def _apart(distances: Floats, first: int) -> Floats:
    """Return how many times as far as usual each number's stretches are from earlier ones."""
    found = np.zeros(distances.shape[1])
    for row in distances:
        counts = np.maximum(1, np.arange(len(row)) - first + 1)
        usual = np.concatenate(([0.0], (np.cumsum(row) / counts)[:-1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            times = np.where(row > 0, row / usual, 0.0)
        found = np.maximum(found, times)
    return found


def z_scores(values: Iterable[float], warm: int = 50) -> list[float]:
    """Score each number by the mean and standard deviation of all before it.

    The plain method that the detector is measured against.

    Args:
        values: finite, oldest first
        warm: so many numbers are needed before one gets a score

    Returns:
        For each number its distance from the mean, in standard deviations; 0 where unknown.
    """
    mean, squares = 0.0, 0.0
    scores: list[float] = []
    for count, value in enumerate(values):
        deviation = math.sqrt(squares / count) if count else 0.0
        known = count >= warm and deviation > 0
        scores.append(abs(value - mean) / deviation if known else 0.0)
        apart = value - mean
        mean += apart / (count + 1)
        squares += apart * (value - mean)
    return scores
