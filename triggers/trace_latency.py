"""How long the operations of services take, from their traces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length
from triggers._telemetry import quoted


@trigger(category="traces", unit="ms")
def trace_latency(
    ctx: Context,
    service: str = "",
    operation: str = "",
    percentile: Literal["p50", "p95", "p99"] = "p95",
    over: Duration = timedelta(minutes=5),
    by_operation: bool = True,
    minimum_spans: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20,
) -> Iterator[Reading]:
    """A percentile of the durations of spans, by service or by service and operation.

    The rule's `when` says what is too long. Where there are fewer spans than `minimum_spans`, an
    alert stays as it is; a store that does not answer is an error of the rule.

    Args:
        ctx: the time, and the traces of the rule's tenant
        service: whose spans; * for any text, empty for all
        operation: their name; likewise
        percentile: of the durations, estimated
        over: the length of the window, which ends now
        by_operation: one value for each operation; else one for each service
        minimum_spans: fewer say nothing

    Yields:
        The percentile in milliseconds.
    """
    window = length(over, "over")
    query = " ".join(filter(None, (quoted("service", service), quoted("operation", operation))))
    now = ctx.now()
    for one in ctx.telemetry.spans(query, now - window, now, by_operation=by_operation):
        labels = {"service": one.service, **({"operation": one.operation} if by_operation else {})}
        if one.spans < minimum_spans:
            ctx.unknown(labels)
            continue
        value = {"p50": one.p50, "p95": one.p95, "p99": one.p99}[percentile]
        what = f"{one.service} {one.operation}" if by_operation else one.service
        yield Reading(
            labels=labels,
            value=round(value, 3),
            summary=f"{what} takes {value:,.0f} ms ({percentile} of {one.spans:,} spans in "
            f"{ago(window)})",
            details={"spans": one.spans, "errors": one.errors, "search": one.search},
        )
