"""A dead man's switch: jobs that ping, and what it means that one does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.metrics.moments import micros
from triggers._metrics import Duration, ago, length

METRIC = "heartbeat"
_COMMITTED_LATE = timedelta(minutes=10)
"""A beat counts from when it came; that it was written is seen a little later."""


@trigger(category="data", unit="seconds", keeps_readings=False)
def heartbeat(
    ctx: Context, jobs: Annotated[dict[str, Duration], Field(min_length=1, max_length=1000)]
) -> Iterator[Reading]:
    """How long ago each job was last heard of, in seconds; bad where that is too long.

    A job beats with POST /api/v1/alerts/heartbeats/JOB or by its own address, which GET of the same
    gives. `?status=fail` says that it failed, which is bad at once. For a
    job that was never heard of, the time counts from the rule's first evaluation.

    Args:
        ctx: the time, the rule's state, and the stored metrics in which beats arrive
        jobs: how long each may be silent, by its name: {nightly-load: 25h}

    Yields:
        For each job one reading with the label `job`: the seconds since it was last heard of, and
        whether that is too long.
    """
    now = ctx.now()
    first = cast("dict[str, str]", ctx.state.setdefault("first", {}))
    beats = cast("dict[str, list[Any]]", ctx.state.setdefault("beats", {}))
    within = {job: length(given, f"jobs.{job}") for job, given in jobs.items()}
    for known in (first, beats):
        for gone in known.keys() - jobs.keys():
            del known[gone]
    # Beats of jobs that were watched before are read up to then; of a new job none are.
    known_until = ctx.state.get("until") if first.keys() >= within.keys() else None
    since = now - max(2 * max(within.values()), timedelta(days=1))
    if known_until is not None:
        since = max(since, min(datetime.fromisoformat(known_until), now) - _COMMITTED_LATE)
    _hear(ctx, since, beats, within)
    ctx.state["until"] = now.isoformat()
    for job, patience in within.items():
        labels = {"job": job[:200]}
        began = datetime.fromisoformat(first.setdefault(job, now.isoformat()))
        if job not in beats:
            if now - began <= patience:
                ctx.unknown(labels)
                continue
            yield Reading(
                labels=labels,
                firing=True,
                summary=f"{job} has not been heard of for {ago(now - began)}",
            )
            continue
        moment, status = beats[job]
        silent = timedelta(microseconds=max(0, micros(now) - int(moment)))
        failed = not status
        late = silent > patience
        yield Reading(
            labels=labels,
            value=round(silent.total_seconds(), 3),
            firing=late or failed,
            summary=f"{job} was last heard of {ago(silent)} ago, not within {ago(patience)}"
            if late
            else f"{job} says that it failed, {ago(silent)} ago"
            if failed
            else f"{job} was heard of {ago(silent)} ago",
        )


def _hear(
    ctx: Context, since: datetime, beats: dict[str, list[Any]], jobs: Collection[str]
) -> None:
    """Put the newest beat of each job into `beats`: its moment in microseconds, and 1 or 0.

    What was heard is remembered, so that a job may be silent for longer than samples are kept,
    and an evaluation reads only what has come since the last one.
    """
    heard = ctx.metrics.window(METRIC, (), since, ctx.now())
    for place, labels in enumerate(heard.labels):
        job = labels.get("job", "")
        if job not in jobs:
            continue
        times, values = heard.of(place)
        if job not in beats or int(times[-1]) >= beats[job][0]:
            beats[job] = [int(times[-1]), int(values[-1])]
