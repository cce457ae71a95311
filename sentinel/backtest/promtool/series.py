"""The series of a test file: names and labels, and values in promtool's notation. Pure.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence

import promql_parser

from sentinel.metrics.promql.values import NAME, STALE_BITS, PromqlError

__all__ = ["MOST_VALUES", "bits_of", "labels_of", "series_text", "values_of"]

MOST_VALUES = 1_000_000
"""Values of one series."""
_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[iI][nN][fF]|[nN][aA][nN])"
_ITEM = re.compile(
    rf"(?P<stale>stale)|(?P<gap>_)|(?P<value>[-+]?{_NUMBER})(?P<by>[-+]{_NUMBER})?", re.ASCII
)
_TIMES = re.compile(r"x(\d+)", re.ASCII)
_BITS = struct.Struct("<q")
_NUMBERS = struct.Struct("<d")


def bits_of(value: float) -> int:
    """Return the 64 bits of a number, by which kinds of NaN are told apart."""
    return _BITS.unpack(_NUMBERS.pack(value))[0]


def labels_of(text: str) -> dict[str, str]:
    """Read the name and labels of a series.

    Args:
        text: such as `up{job="node"}`; empty for none

    Returns:
        The labels, `__name__` among them.

    Raises:
        PromqlError: it is no series
    """
    if not text.strip() or text.strip() == "{}":
        return {}
    # A selector may not be without a name or a label; a series may be without the name.
    named = text.strip().startswith("{")
    try:
        node = promql_parser.parse(f"x{text.strip()}" if named else text)
    except ValueError as error:
        raise PromqlError(f"{text.strip()!r:.100} is no series: {error}") from None
    if not isinstance(node, promql_parser.VectorSelector) or node.offset or node.at:
        raise PromqlError(f"{text.strip()!r:.100} is no series")
    found = {} if named or node.name is None else {NAME: node.name}
    for one in node.matchers.matchers:
        if not str(one.op).endswith(".Equal"):
            raise PromqlError(f"{text.strip()!r:.100} is no series: write {one.name}=…")
        if one.value:
            found[one.name] = one.value
    return found


def values_of(text: str) -> list[int | None]:
    """Read the values of a series.

    Args:
        text: such as `1+2x3 _x2 stale 5`

    Returns:
        For each step the bits of a number, or None where there is no sample.

    Raises:
        PromqlError: it cannot be read, or has too many values
    """
    found: list[int | None] = []
    for word in text.split():
        if word.startswith("{{"):
            raise PromqlError("values: native histograms are not known; Sentinel keeps numbers")
        item = _ITEM.match(word)
        rest = word[item.end() :] if item else ""
        times = _TIMES.fullmatch(rest)
        if item is None or (rest and times is None) or (item["by"] and not times):
            raise PromqlError(f"values: {word!r:.40} cannot be read")
        count = int(times[1]) if times else 0
        if len(found) + count >= MOST_VALUES:
            raise PromqlError(f"values: more than {MOST_VALUES:,} of one series")
        if item["gap"]:
            found += [None] * (count if times else 1)
            continue
        if item["stale"]:
            found += [STALE_BITS] * (count + 1)
            continue
        value, by = _number(item["value"]), _number(item["by"] or "0")
        for _ in range(count + 1):
            found.append(bits_of(value))
            value += by
    return found


def _number(text: str) -> float:
    # 0x5 is six times 0 here, and no hexadecimal number.
    sign = -1.0 if text.startswith("-") else 1.0
    bare = text.lstrip("+-").lower()
    return math.nan if bare == "nan" else sign * float(bare)


def series_text(labels: Mapping[str, str]) -> str:
    """Write labels as PromQL does: the name, and the others in order of theirs."""
    others: Sequence[str] = [
        f'{name}="{_escaped(text)}"' for name, text in sorted(labels.items()) if name != NAME
    ]
    return f"{labels.get(NAME, '')}{{{', '.join(others)}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
