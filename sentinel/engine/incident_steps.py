"""Start the runs that steps of runbooks ask for, and record how they end.

Whoever asks for a run starts it at once where Prefect answers. The relay and the sweep repeat it
for what a crash or an unreachable Prefect left behind. The idempotency key makes Prefect start one
run for each time that somebody asked.
"""

from __future__ import annotations

from sentinel.engine.remediation import Runner
from sentinel.engine.run_outcomes import outcomes
from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.store import Store
from sentinel.store.incidents.steps import StepRun, Steps, WantedStep

__all__ = ["follow_steps", "start_steps"]

_FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_TAG = "sentinel-incident"


def start_steps(store: Store, prefect: Runner, only: tuple[str, int] | None = None) -> int:
    """Start the runs that steps ask for.

    One that cannot be started keeps the error, and is tried again for ten minutes.

    Args:
        store: the shared database
        prefect: the Prefect API
        only: an incident's id and a step's number, to start that step alone; None for all

    Returns:
        How many runs were started.
    """
    steps = Steps(store)
    return sum(_start(store, steps, prefect, one) for one in steps.wanted(only))


def _start(store: Store, steps: Steps, prefect: Runner, one: WantedStep) -> bool:
    flow, _, name = one.deployment.partition("/")
    try:
        deployment = prefect.deployment_named(flow, name)
        run = prefect.run_deployment(
            deployment["id"],
            parameters={**(deployment.get("parameters") or {}), **one.parameters},
            name=one.name,
            idempotency_key=one.idempotency_key,
            tags=[_TAG, f"{_TAG}:{one.incident_id}"],
        )
    except (NotFound, PrefectUnreachable) as error:
        steps.not_started(one, str(error))
        store.log.write(
            "warning", "incident.step_not_started",
            f"{one.deployment} was not started for step {one.number} of an incident: {error}",
            {"incident": one.incident_id},
        )  # fmt: skip
        return False
    state = str(run.get("state_type") or "SCHEDULED")
    seen = StepRun(
        flow_run_id=str(run["id"]), state=state, state_name=state.capitalize(), is_final=False
    )
    return steps.started(one, seen, str(run["name"]))


def follow_steps(store: Store, prefect: Runner) -> int:
    """Record the states of the runs of all steps.

    Args:
        store: the shared database
        prefect: the Prefect API, asked in bulk

    Returns:
        How many runs ended.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    steps = Steps(store)
    running = steps.running()
    if not running:
        return 0
    runs = prefect.flow_runs(list(running))
    said = outcomes(prefect, [one for one in runs.values() if one.get("state_type") in _FINAL])
    ended = 0
    for id_, (incident_id, number) in running.items():
        run = runs.get(id_)
        # One that was deleted never says how it ended.
        state = "" if run is None else str(run.get("state_type") or "")
        name = "gone from Prefect" if run is None else str(run.get("state_name") or "")
        seen = StepRun(
            flow_run_id=id_, state=state, state_name=name or state.capitalize(),
            is_final=run is None or state in _FINAL, outcome=said.get(id_, ""),
        )  # fmt: skip
        ended += steps.follow(incident_id, number, seen) and seen.is_final
    return ended
