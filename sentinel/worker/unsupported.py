"""Find deployments that this worker type cannot run, and the fix for their owner."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["unsupported_reason"]

# Job variables that only name or label infrastructure.
_HARMLESS = {"name", "labels", "stream_output"}
_CONTAINERS = {"image", "image_pull_policy", "networks", "volumes", "namespace", "pod_spec"}


def unsupported_reason(deployment: Mapping[str, Any], flow_run: Mapping[str, Any]) -> str:
    """Return why a worker of type `sentinel` cannot run a deployment; empty if it can.

    The worker runs flows in processes that are started already, with its own code and environment.

    Args:
        deployment: the deployment, as the API returns it
        flow_run: a flow run of it, which may have job variables of its own

    Returns:
        A sentence with the reason and the fix.
    """
    name = deployment.get("name", "?")
    if not deployment.get("entrypoint"):
        return _say(name, "it has no entrypoint", "Deploy it again: prefect deploy")
    for step in deployment.get("pull_steps") or ():
        if why := _of_step(step):
            return _say(name, why, _fetch(why))
    asked: dict[str, Any] = {
        **(deployment.get("job_variables") or {}),
        **(flow_run.get("job_variables") or {}),
    }
    for variable, value in sorted(asked.items()):
        if variable in _HARMLESS or value in (None, "", {}, []):
            continue
        if variable == "working_dir" and _here(value):
            continue
        kind = "docker or kubernetes" if variable in _CONTAINERS else "process"
        return _say(
            name,
            f"it sets {variable} = {_short(value)}",
            f"Move it to a work pool of type {kind}, or remove {variable} from its job variables.",
        )
    return ""


def _of_step(step: Mapping[str, Any]) -> str:
    for kind, options in step.items():
        short = kind.rpartition(".")[2]
        asked: dict[str, Any] = options or {}
        if short == "set_working_directory" and _here(asked.get("directory")):
            continue
        return f"its pull step {short} fetches other code"
    return ""


def _fetch(why: str) -> str:
    if "set_working_directory" in why:
        return (
            "Write `pull: []` into its entry of prefect.yaml and deploy it again, or move it to a "
            "work pool of type process."
        )
    return (
        "Move it to a work pool of type process, docker or kubernetes; or install its code where "
        "this worker runs and write `pull: []` into its entry of prefect.yaml."
    )


def _here(folder: object) -> bool:
    return isinstance(folder, str) and os.path.realpath(folder) == os.path.realpath(".")


def _short(value: object) -> str:
    # Only the names of variables, because values may be secrets.
    text = ", ".join(map(str, value)) if isinstance(value, dict) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - it is JSON
    return text if len(text) <= 80 else text[:79] + "…"


def _say(name: str, why: str, what_to_do: str) -> str:
    return (
        f"deployment {name!r} cannot run on a worker of type sentinel, which runs flows in warm "
        f"processes with its own code and environment: {why}. {what_to_do}"
    )
