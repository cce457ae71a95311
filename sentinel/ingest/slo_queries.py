"""PromQL of SLO files as what an indicator counts, where it is a sum of one metric. Pure.

Files of OpenSLO and Sloth have queries for Prometheus; Sentinel counts the metric itself, so that a
rate and its window are left away: `sum(rate(http_requests_total{code=~"5.."}[5m]))` counts
`http_requests_total` where code matches.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

__all__ = ["Series", "UnreadableQuery", "difference_of", "ratio_of", "series_of"]

_SERIES = re.compile(
    r"""\s*(?P<metric>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*
    (?:\{(?P<match>(?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}\s*)?
    (?P<range>\[\s*(?:\{\{\s*\.window\s*\}\}|[0-9a-z]+)\s*\]\s*)?""",
    re.X | re.S,
)
_MATCHER = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|\Z)""", re.S
)
_CALL = re.compile(r"\s*(sum|rate|increase)\s*\((.*)\)\s*", re.S)
_DEEPEST = 10


class UnreadableQuery(ValueError):
    """A query that is more than the sum of a metric."""


class Series(msgspec.Struct, frozen=True):
    """Series of a metric.

    Attributes:
        metric: its name
        match: matchers, such as `code=~"5.."`
        rate: whether the query took the rate of a counter
    """

    metric: str
    match: tuple[str, ...] = ()
    rate: bool = False

    def part(self) -> dict[str, Any]:
        """Return it as indicators have it."""
        return {"metric": self.metric, **({"match": list(self.match)} if self.match else {})}


def series_of(query: str) -> Series:
    """Return what a query sums.

    Args:
        query: such as `sum(rate(http_requests_total{job="shop"}[5m]))`

    Returns:
        The series.

    Raises:
        UnreadableQuery: it is anything else
    """
    rest, rate = _bare(query), False
    for _ in range(_DEEPEST):
        call = _CALL.fullmatch(rest)
        if call is None:
            break
        rate = rate or call[1] != "sum"
        rest = _bare(call[2])
    found = _SERIES.fullmatch(rest)
    if found is None or (found["range"] is not None) != rate:
        raise UnreadableQuery("only sum(…), rate(…) and increase(…) of one metric are read")
    return Series(found["metric"], _matchers(found["match"] or ""), rate)


def difference_of(query: str) -> tuple[Series, Series] | None:
    """Read a difference.

    Args:
        query: such as `sum(A) - sum(B)`

    Returns:
        Both sides; None where it is no difference.

    Raises:
        UnreadableQuery: a side cannot be read
    """
    depth, quoted, bare = 0, False, _bare(query)
    for place, letter in enumerate(bare):
        if letter == '"' and bare[place - 1 : place] != "\\":
            quoted = not quoted
        depth += 0 if quoted else (letter in "([{") - (letter in ")]}")
        if letter == "-" and depth == 0 and not quoted:
            return series_of(bare[:place]), series_of(bare[place + 1 :])
    return None


def ratio_of(
    total: Series, *, good: Series | None = None, bad: Series | None = None, counter: bool = True
) -> dict[str, Any]:
    """Return the indicator for good or bad events among all.

    Args:
        total: all events
        good: the good ones; or give bad
        bad: the bad ones
        counter: whether the metrics are counters that only rise

    Returns:
        An indicator `latency` where good events are a bucket of a histogram, else `ratio`.
    """
    if good is not None and good.metric.endswith("_bucket") and counter:
        histogram = good.metric.removesuffix("_bucket")
        bounds = [one for one in good.match if re.fullmatch(r'le="[0-9.e+-]+"', one)]
        rest = tuple(one for one in good.match if one not in bounds)
        if total.metric == f"{histogram}_count" and len(bounds) == 1 and rest == total.match:
            found: dict[str, Any] = {
                "kind": "latency", "metric": histogram, "below": float(bounds[0][4:-1])
            }  # fmt: skip
            return found | ({"match": list(rest)} if rest else {})
    part = {"good": good.part()} if good is not None else {"bad": bad.part() if bad else {}}
    return {
        "kind": "ratio", **part, "total": total.part(), **({} if counter else {"counter": False})
    }  # fmt: skip


def _bare(query: str) -> str:
    """Return a query without parentheses around all of it."""
    bare = query.strip()
    while bare.startswith("(") and bare.endswith(")") and _closes_at_the_end(bare):
        bare = bare[1:-1].strip()
    return bare


def _closes_at_the_end(text: str) -> bool:
    depth, quoted = 0, False
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _matchers(text: str) -> tuple[str, ...]:
    found, place = list[str](), 0
    while text[place:].strip():
        one = _MATCHER.match(text, place)
        if one is None:
            raise UnreadableQuery(f"{{{text}}} cannot be read")
        found.append(f"{one[1]}{one[2]}{one[3]}")
        place = one.end()
    return tuple(found)
