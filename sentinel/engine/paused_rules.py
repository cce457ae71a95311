"""Which rules are paused in Prefect, where only Prefect knows."""

from __future__ import annotations

from sentinel.prefect_client.port import Deployed, PrefectPort
from sentinel.store import Store
from sentinel.store.rules.health import note_paused

__all__ = ["follow_paused"]


def follow_paused(store: Store, prefect: PrefectPort) -> int:
    """Ask Prefect which deployments are paused, and note it with their rules.

    Args:
        store: the shared database
        prefect: the API

    Returns:
        How many rules changed.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    return note_paused(store, {one.id for one in prefect.every_deployment() if _paused(one)})


def _paused(deployment: Deployed) -> bool:
    schedules = deployment.schedules
    return deployment.paused or (
        bool(schedules) and not any(one.get("active", True) for one in schedules)
    )
