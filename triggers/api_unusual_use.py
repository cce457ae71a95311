"""Who uses an API unusually much, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length


@trigger(category="api", unit="requests", closed_world=True)
def api_unusual_use(
    ctx: Context,
    query: str = "",
    by: Literal["consumer", "key"] = "consumer",
    over: Duration = timedelta(minutes=15),
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100,
) -> Iterator[Reading]:
    """Consumers or keys with unusually many requests in five minutes.

    What is usual is learned from the last two days, by rank: no threshold is to be set. A consumer
    is judged from nine hours after its first request on, and the 50 with most requests are.

    Args:
        ctx: the time, and the request log of the rule's tenant
        query: which requests, such as service:shop
        by: whose
        over: how far back five minutes may lie that are judged
        minimum_requests: fewer in five minutes have no alert, however unusual they are

    Yields:
        A firing reading for each consumer or key.
    """
    window = length(over, "over")
    now = ctx.now()
    for one in ctx.telemetry.usage.unusual(query, now - window, now, by):
        if one.requests >= minimum_requests:
            yield Reading(
                labels={by: one.value},
                value=one.requests,
                firing=True,
                summary=f"{by} {one.value} made {one.requests:,} requests in 5m, within "
                f"{ago(window)}; usual are {one.usual:,.3g}",
                details={"rarity": one.rarity, "usual": one.usual},
            )
