"""What is unusual in a stream of numbers: a likelihood detector with a refractory period. Pure.

It learns as it goes, one number at a time, in constant memory. Of the numbers and of the steps
between them it keeps an exponentially weighted mean and variance, slowly forgotten, and of the
surprise (in standard deviations) a short mean: many small surprises in a row are as unlikely as one
great one, which is the idea of Numenta's anomaly likelihood (S. Ahmad et al., "Unsupervised
real-time anomaly detection for streaming data", Neurocomputing 262, 2017). After it fires it stays
quiet for a while, since one thing that is wrong is one anomaly however long it lasts.

`NORMAL` was chosen on one half of the Numenta Anomaly Benchmark and is not to be fitted to what is
watched: a threshold that asks for a rarer number is what a rule changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

__all__ = ["NORMAL", "Detector", "Found", "Tuning", "advance", "z_scores"]


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """How the detector works.

    Attributes:
        slow: share of a new number in what is usual, once there are many
        fast: share of a new surprise in the short mean
        drift: weight of the short mean beside a single number
        step: weight of a step between two numbers beside a number
        clip: numbers further off than so many deviations teach no more than one that far off
        warm: so many numbers are only learned from
        threshold: fires above this, in standard deviations
        refractory: and then not again for so many numbers
    """

    slow: float
    fast: float
    drift: float
    step: float
    clip: float
    warm: int
    threshold: float
    refractory: int


NORMAL = Tuning(
    slow=0.0003, fast=0.2, drift=2.0, step=0.6, clip=10.0, warm=50, threshold=6.0, refractory=200
)
"""Frozen. On the half it was chosen on it scores 59.2 of 100, see benchmarks/nab.py."""


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after some numbers; the first begins from an empty one."""

    count: int = 0
    last: float = 0.0
    mean: float = 0.0
    variance: float = 0.0
    step_mean: float = 0.0
    step_variance: float = 0.0
    short: float = 0.0
    quiet: int = 0


class Found(msgspec.Struct, frozen=True):
    """What was seen of one stream.

    Attributes:
        detector: to go on from
        scores: how unusual each number was, in standard deviations; 0 while it only learns
        fired: places of the numbers at which it fired
    """

    detector: Detector
    scores: list[float]
    fired: list[int]


_MOST = 20.0


def advance(detector: Detector, values: Iterable[float], tuning: Tuning = NORMAL) -> Found:
    """Run the detector over numbers, one after the other.

    Args:
        detector: the state to go on from
        values: finite, oldest first
        tuning: how it works

    Returns:
        A score for each number in standard deviations, the positions at which it fired, and the
        state after them.
    """
    count, last, mean, variance = detector.count, detector.last, detector.mean, detector.variance
    step_mean, step_variance = detector.step_mean, detector.step_variance
    short, quiet = detector.short, detector.quiet
    slow, fast, clip, warm = tuning.slow, tuning.fast, tuning.clip, tuning.warm
    drift, step_weight = tuning.drift, tuning.step
    scores: list[float] = []
    fired: list[int] = []
    for place, value in enumerate(values):
        if not count:
            last = mean = value
        count += 1
        share = max(slow, 1 / count)
        step = value - last
        last = value
        # What hardly ever moves must not make every move a wonder.
        least = 1e-3 * abs(mean) + 1e-12
        deviation = math.sqrt(variance) + least
        step_deviation = math.sqrt(step_variance) + least
        off = max(-_MOST, min(_MOST, (value - mean) / deviation))
        step_off = min(_MOST, abs(step - step_mean) / step_deviation)
        short += fast * (off - short)
        score = max(abs(off), abs(short) * drift, step_off * step_weight)
        learned, step_learned = value, step
        if count > warm:
            quiet = max(0, quiet - 1)
            if score > tuning.threshold and not quiet:
                fired.append(place)
                quiet = tuning.refractory
            reach, step_reach = clip * deviation, clip * step_deviation
            learned = max(mean - reach, min(mean + reach, value))
            step_learned = max(step_mean - step_reach, min(step_mean + step_reach, step))
        else:
            score = 0.0
        scores.append(score)
        apart = learned - mean
        mean += share * apart
        variance = (1 - share) * (variance + share * apart * apart)
        apart = step_learned - step_mean
        step_mean += share * apart
        step_variance = (1 - share) * (step_variance + share * apart * apart)
    after = Detector(
        count=count, last=last, mean=mean, variance=variance, step_mean=step_mean,
        step_variance=step_variance, short=short, quiet=quiet,
    )  # fmt: skip
    return Found(after, scores, fired)


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
