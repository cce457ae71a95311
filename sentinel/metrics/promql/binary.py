"""PromQL's operators between numbers and vectors. Pure.

https://prometheus.io/docs/prometheus/latest/querying/operators/; which labels a result has is that
of `VectorBinop` and `resultMetric` in promql/engine.go.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from typing import Literal

import msgspec

from sentinel.metrics.promql.values import (
    NAME,
    Labels,
    PromqlError,
    Sample,
    Vector,
    divided,
    plain,
    power,
    remainder,
    signature,
    unnamed,
)

__all__ = [
    "ARITHMETIC",
    "COMPARING",
    "SETS",
    "Matching",
    "between_numbers",
    "between_vectors",
    "with_number",
]

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": divided, "%": remainder,
    "^": power,
}  # fmt: skip
COMPARING: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
    ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
SETS = ("and", "or", "unless")


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """How the series of two vectors find each other.

    Attributes:
        names: labels of `on` or `ignoring`
        on: whether only `names` are compared
        many: the side on which several series may match one of the other
        include: labels that a result takes over from the side of one
        boolean: whether a comparison gives 1 or 0 and leaves nothing out
    """

    names: Collection[str] = ()
    on: bool = False
    many: Literal["", "left", "right"] = ""
    include: Collection[str] = ()
    boolean: bool = False


def between_numbers(how: str, one: float, other: float) -> float:
    """Work out an operator between two numbers; of a comparison, 1 or 0."""
    if how in COMPARING:
        return float(COMPARING[how](one, other))
    return ARITHMETIC[how](one, other)


def with_number(
    how: str, vector: Vector, number: float, *, swapped: bool, boolean: bool
) -> list[Sample]:
    """Work out an operator between each sample and a number.

    Args:
        how: the operator
        vector: samples
        number: the other side
        swapped: whether the number stands on the left
        boolean: whether a comparison gives 1 or 0 and leaves nothing out

    Returns:
        Samples; of a comparison those for which it holds, with their own value.
    """
    found: list[Sample] = []
    for sample in vector:
        sides = (number, sample.value) if swapped else (sample.value, number)
        if how not in COMPARING:
            value = ARITHMETIC[how](*sides)
            found.append(Sample(unnamed(sample.labels), value))
        elif boolean:
            found.append(Sample(unnamed(sample.labels), float(COMPARING[how](*sides))))
        elif COMPARING[how](*sides):
            found.append(Sample(sample.labels, sample.value))
    return found


def between_vectors(how: str, left: Vector, right: Vector, matching: Matching) -> list[Sample]:
    """Work out an operator between the samples of two vectors that match.

    Args:
        how: the operator
        left: samples
        right: samples
        matching: how they find each other

    Returns:
        Samples.

    Raises:
        PromqlError: several match where one is allowed
    """
    if how in SETS:
        return _set(how, left, right, matching)
    if matching.many == "right":
        many, one, side = right, left, "left"
    else:
        many, one, side = left, right, "right"
    singles: dict[frozenset[tuple[str, str]], Sample] = {}
    for sample in one:
        key = signature(sample.labels, matching.names, only=matching.on)
        if key in singles:
            raise PromqlError(
                f"several series on the {side} of `{how}` match the group {dict(key)}",
                hint="Name more labels in `on`, or aggregate that side.",
            )
        singles[key] = sample
    found: list[Sample] = []
    taken: set[object] = set()
    for sample in many:
        key = signature(sample.labels, matching.names, only=matching.on)
        other = singles.get(key)
        if other is None:
            continue
        sides = (other.value, sample.value) if matching.many == "right" else (
            sample.value, other.value
        )  # fmt: skip
        if how not in COMPARING:
            value = ARITHMETIC[how](*sides)
        elif matching.boolean:
            value = float(COMPARING[how](*sides))
        elif COMPARING[how](*sides):
            value = sides[0]
        else:
            continue
        labels = _labels(how, sample.labels, other.labels, matching)
        once = (key, plain(labels)) if matching.many else key
        if once in taken:
            raise PromqlError(
                f"several series on the {'left' if side == 'right' else 'right'} of `{how}` match "
                f"{dict(key)}",
                hint="Say group_left or group_right, or aggregate that side.",
            )
        taken.add(once)
        found.append(Sample(labels, value))
    return found


def _labels(how: str, of: Labels, other: Labels, matching: Matching) -> dict[str, str]:
    labels = dict(of)
    if how in ARITHMETIC or matching.boolean:
        labels.pop(NAME, None)
    if not matching.many:
        if matching.on:
            labels = {name: text for name, text in labels.items() if name in matching.names}
        else:
            labels = {name: text for name, text in labels.items() if name not in matching.names}
    for name in matching.include:
        if other.get(name):
            labels[name] = other[name]
        else:
            labels.pop(name, None)
    return labels


def _set(how: str, left: Vector, right: Vector, matching: Matching) -> list[Sample]:
    def key(sample: Sample) -> frozenset[tuple[str, str]]:
        return signature(sample.labels, matching.names, only=matching.on)

    if how == "or":
        there = {key(one) for one in left}
        return [*left, *(one for one in right if key(one) not in there)]
    there = {key(one) for one in right}
    return [one for one in left if (key(one) in there) is (how == "and")]
