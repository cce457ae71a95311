"""Which share of the requests to an API fails, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._metrics import Duration, ago, length


@trigger(category="api", unit="percent", when=above(5))
def api_errors(
    ctx: Context,
    query: str = "",
    by: Literal["service", "endpoint", "consumer", "key"] = "service",
    over: Duration = timedelta(minutes=5),
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 50,
) -> Iterator[Reading]:
    """The share of requests with a status of 500 and above, or without a response.

    Where there are fewer requests than `minimum_requests`, an alert stays as it is; a store that
    does not answer is an error of the rule.

    Args:
        ctx: the time, and the request log of the rule's tenant
        query: which requests, such as service:shop -endpoint:/health
        by: one value for each service, endpoint, consumer or key, of the 1,000 with most requests
        over: the length of the window, which ends now
        minimum_requests: fewer say nothing

    Yields:
        The share in percent.
    """
    window = length(over, "over")
    now = ctx.now()
    for one in ctx.telemetry.usage.values(query, now - window, now, by):
        labels = {by: one.value}
        if one.requests < minimum_requests:
            ctx.unknown(labels)
            continue
        yield Reading(
            labels=labels,
            value=round(100 * one.errors / one.requests, 3),
            summary=f"{one.errors:,} of {one.requests:,} requests of {by} {one.value} failed in "
            f"{ago(window)}",
            details={"requests": one.requests, "errors": one.errors, "refused": one.refused},
        )
