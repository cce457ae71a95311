"""Start the pending remediations, and record the states of their runs.

The rule's own run does both as soon as its alerts are committed. The sweep repeats it every minute
for what a crash or an unreachable Prefect left behind. The idempotency key makes Prefect start one
run for each alert, and the row records which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from sentinel.engine.run_outcomes import Artifacts, outcomes
from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.rules.remediation import idempotency_key
from sentinel.store import Store
from sentinel.store.rules.remediation import PendingRemediation, RemediationRun

__all__ = ["Runner", "follow_remediations", "start_remediations"]

_FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_TAG = "sentinel-remedy"


class Runner(Artifacts, Protocol):
    """The methods of a Prefect API that are needed; each may raise `PrefectUnreachable`."""

    def deployment_named(self, flow: str, name: str) -> dict[str, Any]:
        """Return the deployment `flow/name`; raises `NotFound`."""
        ...

    def run_deployment(
        self,
        deployment_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        name: str = "",
        idempotency_key: str = "",
        tags: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Start a run and return it; the same key gives the same run."""
        ...

    def flow_runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return flow runs by id, in bulk, without those that were deleted."""
        ...


def start_remediations(store: Store, prefect: Runner) -> int:
    """Start the pending remediations.

    One that cannot be started keeps the error, and the next sweep tries it again.

    Args:
        store: the shared database
        prefect: the Prefect API

    Returns:
        How many runs were started.
    """
    return sum(_start(store, prefect, one) for one in store.remediations.to_start())


def _start(store: Store, prefect: Runner, one: PendingRemediation) -> bool:
    flow, _, name = one.deployment.partition("/")
    try:
        deployment = prefect.deployment_named(flow, name)
        run = prefect.run_deployment(
            deployment["id"],
            parameters={**(deployment.get("parameters") or {}), **one.parameters},
            name=f"{one.rule} · {one.alert_id[:13]}",
            idempotency_key=idempotency_key(one.alert_id),
            tags=[_TAG],
        )
    except (NotFound, PrefectUnreachable) as error:
        store.remediations.not_started(one.alert_id, str(error))
        store.log.write(
            "warning",
            "remedy.not_started",
            f"{one.deployment} was not started for an alert of {one.rule}: {error}",
            {"alert": one.alert_id},
        )
        return False
    state = str(run.get("state_type") or "SCHEDULED")
    return store.remediations.started(one.alert_id, str(run["id"]), str(run["name"]), state)


def follow_remediations(store: Store, prefect: Runner) -> int:
    """Record the states of the runs of all remediations.

    Args:
        store: the shared database
        prefect: the Prefect API, asked in bulk

    Returns:
        How many runs ended.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    running = store.remediations.running()
    if not running:
        return 0
    runs = prefect.flow_runs(list(running))
    said = outcomes(prefect, [one for one in runs.values() if one.get("state_type") in _FINAL])
    return sum(
        store.remediations.follow(running[seen.flow_run_id], seen) and seen.is_final
        for seen in _seen(list(running), runs, said)
    )


def _seen(
    ids: Sequence[str], runs: Mapping[str, Mapping[str, Any]], said: Mapping[str, str]
) -> Iterator[RemediationRun]:
    for id_ in ids:
        run = runs.get(id_)
        if run is None:  # it was deleted, so its end will never be known
            yield RemediationRun(
                flow_run_id=id_, state="", state_name="gone from Prefect", is_final=True
            )
            continue
        state = str(run.get("state_type") or "")
        name = str(run.get("state_name") or state.capitalize())
        yield RemediationRun(
            flow_run_id=id_, state=state, state_name=name, is_final=state in _FINAL,
            outcome=said.get(id_, ""),
        )  # fmt: skip
