"""How a rule differs from its file, here and on a server on another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.cli.deploy import flow_cache_of, set_prefect_api
from sentinel.cli.output import say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here

if TYPE_CHECKING:
    from sentinel.rollout.drift import Drift

__all__ = ["drift_here", "say_drift"]


def drift_here(name: str, tenant: str = "default") -> Drift:
    """Compare a rule with its file, on this machine or on the server's.

    Searches the `prefect.yaml` that `sentinel deploy` uses by default, and the packs.

    Args:
        name: of the rule
        tenant: whose it is

    Returns:
        The comparison; without a file if none has the rule, Prefect has no deployment of it or does
        not answer, or the token may not compare rules with files.
    """
    from sentinel.errors import SentinelError
    from sentinel.rollout.drift import Drift

    try:
        return _there(name, tenant) if remote_url() else _here(name, tenant)
    except SentinelError:
        return Drift(rule=name)


def say_drift(drift: Drift) -> None:
    """Print how a rule differs from its file; nothing where it does not."""
    if drift.differences:
        say(f"\nThe deployment differs from {drift.file}; sentinel deploy resets it:")
        for one in drift.differences:
            say(f"  {one}")


def _here(name: str, tenant: str) -> Drift:
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.drift import drift_of

    settings = settings_here()
    with RolloutApi.of(settings) as api:
        set_prefect_api(settings)
        return drift_of(api, flow_cache_of(settings), name, tenant)


def _there(name: str, tenant: str) -> Drift:
    import msgspec

    from sentinel.cli.remote import client_here
    from sentinel.client import rule_drift
    from sentinel.rollout.drift import Drift

    with client_here() as client:
        found = client.do(rule_drift.drift(name, tenant=tenant))
    return msgspec.convert(found.model_dump(), Drift)
