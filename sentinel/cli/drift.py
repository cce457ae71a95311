"""Compare a rule of a file with its deployment in Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.cli.deploy import flow_cache_of, rules_here, set_prefect_api
from sentinel.cli.target import settings_here

if TYPE_CHECKING:
    from sentinel.rollout.plan import Step

__all__ = ["drift_of"]


def drift_of(name: str) -> Step | None:
    """Return the step that a rollout would take for the rule `name`.

    Searches the `prefect.yaml` that `sentinel deploy` uses by default, and the packs.

    Args:
        name: name of the rule

    Returns:
        The step; None if no file has the rule, Prefect has no deployment of it, or Prefect does
        not answer.
    """
    from sentinel.errors import SentinelError
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.apply import plan_rollout
    from sentinel.rollout.files import packs, read_files

    try:
        settings = settings_here()
        found = rules_here()
        files: list[Path] = [*([found] if found else []), *packs().values()]
        entries = [entry for entry in read_files(files) if entry.name == name]
        if not entries:
            return None
        with RolloutApi.of(settings) as api:
            set_prefect_api(settings)
            step = plan_rollout(api, entries[:1], flow_cache_of(settings))[0]
    except SentinelError:
        return None
    return step if step.live is not None else None
