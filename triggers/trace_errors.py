"""Which share of the operations of services fails, from their traces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length
from triggers._telemetry import quoted


@trigger(category="traces", unit="percent")
def trace_errors(
    ctx: Context,
    service: str = "",
    operation: str = "",
    over: Duration = timedelta(minutes=5),
    by_operation: bool = False,
    minimum_spans: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20,
) -> Iterator[Reading]:
    """The share of spans with the status error, by service or by service and operation.

    The rule's `when` says what is too much. Where there are fewer spans than `minimum_spans`, an
    alert stays as it is; a store that does not answer is an error of the rule.

    Args:
        ctx: the time, and the traces of the rule's tenant
        service: whose spans; * for any text, empty for all
        operation: their name; likewise
        over: the length of the window, which ends now
        by_operation: one value for each operation; else one for each service
        minimum_spans: fewer say nothing

    Yields:
        The share in percent.
    """
    window = length(over, "over")
    query = " ".join(filter(None, (quoted("service", service), quoted("operation", operation))))
    now = ctx.now()
    for one in ctx.telemetry.spans(query, now - window, now, by_operation=by_operation):
        labels = {"service": one.service, **({"operation": one.operation} if by_operation else {})}
        if one.spans < minimum_spans:
            ctx.unknown(labels)
            continue
        what = f"{one.service} {one.operation}" if by_operation else one.service
        yield Reading(
            labels=labels,
            value=round(100 * one.errors / one.spans, 3),
            summary=f"{one.errors:,} of {one.spans:,} spans of {what} failed in {ago(window)}",
            details={"spans": one.spans, "errors": one.errors, "search": one.search},
        )
