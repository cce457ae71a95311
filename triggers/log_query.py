"""How many log lines match a query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._metrics import Duration, ago, length
from triggers._telemetry import known_groups


@trigger(category="logs", unit="lines", when=above(0))
def log_query(
    ctx: Context,
    query: str = "level:>=error",
    over: Duration = timedelta(minutes=5),
    by: str = "",
    samples: Annotated[int, Field(ge=0, le=20)] = 5,
) -> Iterator[Reading]:
    """How many log lines of the last minutes match a query.

    A store that does not answer is an error of the rule, and no line is not: then the count is 0.

    Args:
        ctx: the time, and the logs of the rule's tenant
        query: in the language of the page Logs, such as level:>=error service:shop -retry
        over: the length of the window, which ends now
        by: one count for each value of a field: service, level, host, env, logger, event or
            @attribute, at most 100; empty for one count of all. A value that had lines within the
            last day and has none now counts 0
        samples: the newest lines, which the alert has

    Yields:
        The count, or one for each value.
    """
    window = length(over, "over")
    found = ctx.telemetry.lines(query, ctx.now() - window, ctx.now(), by=by, samples=samples)
    counts = known_groups(ctx, dict(found.groups)) if by else {"": found.total}
    field = by.lstrip("@")
    for value, count in counts.items():
        mine = [one for one in found.samples if not by or one.get(by, value) == value]
        whose = f" of {field} {value}" if by else ""
        yield Reading(
            labels={field: value} if by else {},
            value=count,
            summary=f"{count:,} log lines{whose} in {ago(window)} match {query or 'everything'}",
            details={"query": query, "lines": mine, "search": found.search},
        )
