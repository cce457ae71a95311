"""Which deployments this worker cannot run as they ask, and what their owner does about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["refusal"]

# What only says how infrastructure is called or shown.
_HARMLESS = {"name", "labels", "stream_output"}
_CONTAINERS = {"image", "image_pull_policy", "networks", "volumes", "namespace", "pod_spec"}


def refusal(deployment: Mapping[str, Any], flow_run: Mapping[str, Any]) -> str:
    """Why this deployment is not for a worker of type `sentinel`; empty where it is.

    The worker runs flows in processes that it has started already, with the code that it has
    and the environment that it has.

    Args:
        deployment: as the API has it
        flow_run: one run, which may bring job variables of its own
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
            f"it asks for {variable} = {_short(value)}",
            f"Move it to a work pool of type {kind}, or take {variable} out of its job variables.",
        )
    return ""


def _of_step(step: Mapping[str, Any]) -> str:
    for kind, options in step.items():
        short = kind.rpartition(".")[2]
        asked: dict[str, Any] = options or {}
        if short == "set_working_directory" and _here(asked.get("directory")):
            continue
        return f"its pull step {short} fetches code of its own"
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
    # Of variables, the names only: values may be secrets.
    text = ", ".join(map(str, value)) if isinstance(value, dict) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - it is JSON
    return text if len(text) <= 80 else text[:79] + "…"


def _say(name: str, why: str, what_to_do: str) -> str:
    return (
        f"deployment {name!r} cannot run on a worker of type sentinel, which runs flows in warm "
        f"processes with its own code and environment: {why}. {what_to_do}"
    )
