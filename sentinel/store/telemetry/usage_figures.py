"""The figures of requests as they are selected, from rows or from counts by minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.store.telemetry.request_tables import (
    BUCKET,
    BUCKETS_TO_AN_OCTAVE,
    MAP_COUNTS,
    MAP_KEYS,
)

__all__ = ["Figures", "columns_of", "figures_of_row", "sums_of"]

_LEVELS = (0.5, 0.95, 0.99)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of requests; latencies in milliseconds, at most 4.5% off.

    Attributes:
        requests: all of them
        errors: with a status of 500 and above, or none
        client_errors: with 400 to 499
        refused: by a limit
        p50_ms, p95_ms, p99_ms: percentiles of the latency
        request_bytes, response_bytes: of the bodies
    """

    requests: int
    errors: int
    client_errors: int
    refused: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    request_bytes: int
    response_bytes: int


def columns_of(table: str) -> str:
    """Return what selects all figures from a table of requests or of counts of them."""
    levels = ", ".join(str(level) for level in _LEVELS)
    of = {
        "requests": f"quantilesExactWeighted({levels})({BUCKET}, 1)",
        "usage_by_endpoint": f"quantilesExactWeighted({levels})(Bucket, Requests)",
        "usage_by_consumer": f"quantilesExactWeightedArray({levels})({MAP_KEYS}, {MAP_COUNTS})",
    }
    return f"{sums_of(table)}, {of[table]} AS buckets, arrayElement(buckets, 2) AS p95_ms"


def sums_of(table: str) -> str:
    """Return what selects the figures that are sums, which cost little."""
    failed, asked_wrong = "(Status >= 500 OR Status = 0)", "intDiv(Status, 100) = 4"
    if table == "requests":
        counts = (
            f"count() AS requests, countIf({failed}) AS errors, "
            f"countIf({asked_wrong}) AS client_errors, countIf(RefusedBy != '') AS refused"
        )
    else:
        counts = (
            f"sum(Requests) AS requests, sumIf(Requests, {failed}) AS errors, "
            f"sumIf(Requests, {asked_wrong}) AS client_errors, sum(Refused) AS refused"
        )
    return f"{counts}, sum(RequestBytes) AS request_bytes, sum(ResponseBytes) AS response_bytes"


def figures_of_row(row: Mapping[str, Any]) -> Figures:
    """Return the figures of a row that has `columns_of`."""
    number = int(row["requests"])
    p50, p95, p99 = (
        round(2 ** (bucket / BUCKETS_TO_AN_OCTAVE) / 1_000, 3) if number else 0.0
        for bucket in row["buckets"]
    )
    return Figures(
        requests=number, errors=int(row["errors"]), client_errors=int(row["client_errors"]),
        refused=int(row["refused"]), p50_ms=p50, p95_ms=p95, p99_ms=p99,
        request_bytes=int(row["request_bytes"]), response_bytes=int(row["response_bytes"]),
    )  # fmt: skip
