"""Keys of an API that are used from networks from where they never were, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length


@trigger(category="api", unit="requests", closed_world=True)
def api_key_network(
    ctx: Context,
    over: Duration = timedelta(hours=1),
    history: Duration = timedelta(days=14),
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 5,
    minimum_history: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100,
) -> Iterator[Reading]:
    """Keys that are used from a network from where they were not used before.

    The request log keeps the /24 of an IPv4 address, the /48 of an IPv6 one. With hashed addresses
    each new address counts as a network. Refused requests do not count.

    Args:
        ctx: the time, and the request log of the rule's tenant
        over: how far back a first use is new
        history: how long before that a network is known for
        minimum_requests: fewer from the new network say nothing
        minimum_history: a key with fewer requests in the history has no usual networks yet

    Yields:
        A firing reading for each key and network.
    """
    window, past = length(over, "over"), length(history, "history")
    now = ctx.now()
    begin = now - window
    for one in ctx.telemetry.usage.new_networks(
        begin - past, begin, now, least=minimum_requests, usual=minimum_history
    ):
        yield Reading(
            labels={"key": one.key, "network": one.network},
            value=one.requests,
            firing=True,
            summary=f"Key {one.key} of {one.consumer or 'nobody known'} made {one.requests:,} "
            f"requests from {one.network}, where it was not used in {ago(past)} before",
            details={"consumer": one.consumer, "first": one.first.isoformat()},
        )
