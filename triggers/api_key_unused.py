"""Keys of an API that were in use and no more are, from the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from triggers._metrics import Duration, ago, length


@trigger(category="api", unit="hours", when=above(24))
def api_key_unused(
    ctx: Context,
    history: Duration = timedelta(days=14),
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1_000,
) -> Iterator[Reading]:
    """How long ago each key was last used that was in use: its client may be broken.

    Args:
        ctx: the time, and the request log of the rule's tenant
        history: keys that were used within it; afterwards an alert stays as it is
        minimum_requests: keys with fewer requests in it are not looked at

    Yields:
        Hours since the last request, of the 1,000 keys with most requests.
    """
    past = length(history, "history")
    now = ctx.now()
    for one in ctx.telemetry.usage.key_uses(now - past, now):
        if one.requests < minimum_requests:
            continue
        silent = max(timedelta(), now - one.last)
        yield Reading(
            labels={"key": one.key},
            value=round(silent.total_seconds() / 3_600, 2),
            summary=f"Key {one.key} of {one.consumer or 'nobody known'} made {one.requests:,} "
            f"requests in {ago(past)}, the last one {ago(silent)} ago",
            details={"consumer": one.consumer, "last": one.last.isoformat()},
        )
