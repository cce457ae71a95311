"""How near the store of logs and traces is to its limits."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel import Context, Reading, above, trigger


@trigger(category="self", unit="percent", when=above(90))
def telemetry_store(ctx: Context) -> Iterator[Reading]:
    """How much of its limits the store of logs and traces uses, for all tenants together.

    One value each for `parts` (of 300 parts of a day that are not merged), `merge` (of an hour
    that one takes), `memory` (of what the store may hold: SENTINEL_TELEMETRY_MEMORY where it is
    embedded, the limit of the server else; left out where it does not say) and `disk` (of its
    size). A store that does not answer is an error of the rule.

    Args:
        ctx: reaches the store

    Yields:
        Percent of each limit.
    """
    for limit in ctx.telemetry.used_limits():
        yield Reading(labels={"limit": limit.name}, value=limit.percent, summary=limit.says)
