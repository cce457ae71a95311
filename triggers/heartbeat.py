"""A dead man's switch: jobs that ping, and what it means that one does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, cast

from pydantic import Field

from sentinel import Context, Reading, trigger
from triggers._metrics import Duration, ago, length

_METRIC = "heartbeat"


@trigger(category="data", unit="seconds", keeps_readings=False)
def heartbeat(
    ctx: Context, jobs: Annotated[dict[str, Duration], Field(min_length=1, max_length=1000)]
) -> Iterator[Reading]:
    """How long ago each job was last heard of, in seconds; bad where that is too long.

    A job beats with POST /api/v1/alerts/heartbeats/JOB or by its own address, which GET of the same
    gives. `?status=fail` says that it failed, which is bad at once. One that was never heard of has
    as long as any, from the first look of the rule on.

    Args:
        jobs: how long each may be silent, by its name: {nightly-load: 25h}
    """
    now = ctx.now()
    first = cast("dict[str, str]", ctx.state.setdefault("first", {}))
    for gone in first.keys() - jobs.keys():
        del first[gone]
    for job, given in jobs.items():
        within = length(given, f"jobs.{job}")
        labels = {"job": job[:200]}
        began = datetime.fromisoformat(first.setdefault(job, now.isoformat()))
        reach = now - max(2 * within, timedelta(days=1))
        series = ctx.metrics.window(_METRIC, [f'job="{job}"'], reach, now)
        if not len(series):
            if now - began <= within:
                ctx.unknown(labels)
                continue
            yield Reading(
                labels=labels,
                firing=True,
                summary=f"{job} has not been heard of for {ago(now - max(reach, began))}",
            )
            continue
        times, values = series.of(0)
        silent = timedelta(microseconds=series.until - int(times[-1]))
        failed = not values[-1]
        late = silent > within
        yield Reading(
            labels=labels,
            value=round(silent.total_seconds(), 3),
            firing=late or failed,
            summary=f"{job} was last heard of {ago(silent)} ago, not within {ago(within)}"
            if late
            else f"{job} says that it failed, {ago(silent)} ago"
            if failed
            else f"{job} was heard of {ago(silent)} ago",
        )
