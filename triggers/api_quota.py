"""How much of a quota the keys of an API have used, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger


@trigger(category="api", unit="percent", when=above(80))
def api_quota(
    ctx: Context,
    limit: str = "10_000 per month quota by key",
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 10,
) -> Iterator[Reading]:
    """The share of a quota that each key, or user, has used.

    What is used is what the request log knows: requests that no limit refused, one unit each. A
    store that does not answer is an error of the rule.

    Args:
        ctx: the time, and the request log of the rule's tenant
        limit: the quota as limits are written, by key or by user, such as
            10_000 per month quota by key plan free
        minimum_requests: keys that have used less have no alert

    Yields:
        The share in percent, of the 200 keys with most requests in the last days.
    """
    for one in ctx.telemetry.usage.quotas(limit, ctx.now()):
        share = 100 * one.used / one.amount if one.used >= minimum_requests else 0.0
        when = f"; used up at {one.reached:%Y-%m-%d %H:%M} UTC" if one.reached else ""
        yield Reading(
            labels={"caller": one.value},
            value=round(share, 1),
            summary=f"{one.value} has used {one.used:,} of {one.amount:,}{when}",
            details={"limit": limit},
        )
