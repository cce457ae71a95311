"""The deployments that runs come from, kept between runs: one look for changes, not one per run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sentinel.worker.prefect_client import PoolApi

__all__ = ["Deployments"]

_LOOK_AT = 5


class Deployments:
    """Deployments by id, as the API had them when it was last asked.

    Args:
        api: of the pool
    """

    def __init__(self, api: PoolApi) -> None:
        self._api = api
        self._known: dict[str, dict[str, Any]] = {}
        self._newest = ""

    def get(self, deployment: str) -> dict[str, Any] | None:
        """One that is known, else None."""
        return self._known.get(deployment)

    async def learn(self, ids: Iterable[str]) -> None:
        """Ask for those that are not known, all at once.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        unknown = sorted(set(ids) - set(self._known))
        if unknown:
            for one in await self._api.deployments(unknown):
                self._known[one["id"]] = _kept(one)

    async def refresh(self) -> None:
        """Take in what was deployed again since the last look.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        if not self._known:
            return
        # A look at every poll changes nothing of `updated`: Prefect keeps it for real changes.
        found = await self._api.changed_deployments(_LOOK_AT)
        if not found:
            return
        newest = max(self._newest, found[0]["updated"])
        if len(found) == _LOOK_AT and found[-1]["updated"] > self._newest:
            # More have changed than were looked at, or this is the first look.
            found = await self._api.deployments(sorted(self._known))
        for one in found:
            if one["id"] in self._known:
                self._known[one["id"]] = _kept(one)
        self._newest = newest


def _kept(deployment: dict[str, Any]) -> dict[str, Any]:
    """What a worker needs of it; the schema of its parameters is large and not for us."""
    names = ("id", "name", "entrypoint", "pull_steps", "job_variables", "flow_id", "updated")
    return {name: deployment.get(name) for name in names}
