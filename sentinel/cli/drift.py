"""Compare a rule of a file with its deployment in Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.cli.deploy import flow_cache_of, set_prefect_api
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
    from sentinel.rollout.drift import compared

    try:
        settings = settings_here()
        with RolloutApi.of(settings) as api:
            set_prefect_api(settings)
            return compared(api, flow_cache_of(settings), name)
    except SentinelError:
        return None
