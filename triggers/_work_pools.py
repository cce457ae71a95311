"""Whether the work pools that deployments need have a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sentinel import Reading
from sentinel.prefect_client.port import Deployed, PrefectPort, WorkPool
from triggers._outcomes import BLANK

__all__ = ["readings_of_pools"]

_WORKERLESS = {"prefect-agent"}


def readings_of_pools(
    prefect: PrefectPort, everything: Sequence[Deployed], watched: Mapping[str, Deployed]
) -> Iterator[Reading]:
    """Yield a reading for every pool that a watched deployment needs."""
    needed = {one.work_pool_name for one in watched.values() if not one.paused}
    for pool in prefect.work_pools():
        if pool.name not in needed or pool.type in _WORKERLESS or pool.status is None:
            continue
        labels = {"work_pool": pool.name}
        if pool.status != "NOT_READY" or pool.is_paused:
            summary = f"work pool {pool.name} is {pool.status.lower().replace('_', ' ')}"
            yield Reading(labels=labels, firing=False, summary=summary)
            continue
        yield _empty(prefect, pool, sum(1 for x in everything if x.work_pool_name == pool.name))


def _empty(prefect: PrefectPort, pool: WorkPool, deployments: int) -> Reading:
    workers = prefect.workers(pool.name)
    seen = max((w.last_heartbeat_time for w in workers if w.last_heartbeat_time), default=None)
    last = f", the last one was seen at {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else ""
    summary = (
        f"work pool {pool.name} has no worker{last}; "
        f"{deployments} {'deployment waits' if deployments == 1 else 'deployments wait'}"
    )
    command = f"prefect worker start --pool {pool.name}"
    return Reading(
        labels={"work_pool": pool.name},
        firing=True,
        summary=summary,
        details=BLANK
        | {
            "kind": "no worker",
            "deployments": deployments,
            "workers": [w.name for w in workers[:20]],
            "command": command,
            "report": f"{summary}\nStart one: {command}",
        },
    )
