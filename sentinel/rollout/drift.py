"""Compare a rule with its file: what a rollout would change of its deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import plan_rollout
from sentinel.rollout.diff import Difference
from sentinel.rollout.files import packs, packs_folder, read_files
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.plan import Step

__all__ = ["compared", "may_be_shown", "rules_file"]

_PRIVATE = ("job_variables", "pull_steps")
"""Places whose values are settings of infrastructure, such as environment variables."""


def rules_file() -> Path | None:
    """Return the `prefect.yaml` of the present folder, else Sentinel's own, else None."""
    for folder in (Path.cwd(), packs_folder().parent.parent):
        if (folder / "prefect.yaml").is_file():
            return folder / "prefect.yaml"
    return None


def compared(api: RolloutApi, cache: FlowCache, name: str) -> Step | None:
    """Return the step that a rollout would take for a rule; nothing is changed.

    Searches the file of `rules_file` and the packs.

    Args:
        api: of the Prefect server
        cache: facts about flows
        name: of the rule

    Returns:
        The step, whose entry is as it is written; None if no file has the rule, or Prefect has no
        deployment of it.

    Raises:
        SentinelError: a file cannot be read, or Prefect does not answer
    """
    found = rules_file()
    files = [*([found] if found else []), *packs().values()]
    entries = [entry for entry in read_files(files) if entry.name == name]
    if not entries:
        return None
    step = plan_rollout(api, entries[:1], cache)[0]
    if step.kind == "created":
        return None
    return msgspec.structs.replace(step, entry=entries[0])


def may_be_shown(difference: Difference, written: Any) -> bool:
    """Return whether the values of a difference hold no secret of the infrastructure.

    Args:
        difference: between Prefect and a file
        written: what the file says of the deployment, with its references not resolved

    Returns:
        False for settings of infrastructure, and for parameters that name blocks or variables.
    """
    part = difference.place.split(".")[0]
    if part in _PRIVATE:
        return False
    return "{{" not in str(written)
