"""How long requests to an API take, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length


@trigger(category="api", unit="ms")
def api_latency(
    ctx: Context,
    query: str = "",
    by: Literal["service", "endpoint", "consumer", "key"] = "endpoint",
    percentile: Literal["p50", "p95", "p99"] = "p95",
    over: Duration = timedelta(minutes=5),
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 50,
) -> Iterator[Reading]:
    """A percentile of the latencies of requests; it is at most 4.5% off.

    The rule's `when` says what is too long. Where there are fewer requests than
    `minimum_requests`, an alert stays as it is; a store that does not answer is an error of the
    rule.

    Args:
        ctx: the time, and the request log of the rule's tenant
        query: which requests, such as service:shop method:GET
        by: one value for each service, endpoint, consumer or key, of the 1,000 with most requests
        percentile: of the latencies
        over: the length of the window, which ends now
        minimum_requests: fewer say nothing

    Yields:
        The percentile in milliseconds.
    """
    window = length(over, "over")
    now = ctx.now()
    for one in ctx.telemetry.usage.values(query, now - window, now, by):
        labels = {by: one.value}
        if one.requests < minimum_requests:
            ctx.unknown(labels)
            continue
        value = {"p50": one.p50, "p95": one.p95, "p99": one.p99}[percentile]
        yield Reading(
            labels=labels,
            value=value,
            summary=f"{by} {one.value} takes {value:,.0f} ms ({percentile} of {one.requests:,} "
            f"requests in {ago(window)})",
            details={"requests": one.requests, "errors": one.errors},
        )
