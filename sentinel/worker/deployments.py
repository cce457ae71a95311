"""A cache of deployments: one request for changes, instead of one for each flow run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sentinel.worker.prefect_client import PoolApi

__all__ = ["Deployments"]

_PAGE = 5


class Deployments:
    """Cached deployments by id.

    Args:
        api: the API of the work pool
    """

    def __init__(self, api: PoolApi) -> None:
        self._api = api
        self._known: dict[str, dict[str, Any]] = {}
        self._newest = ""

    def get(self, deployment: str) -> dict[str, Any] | None:
        """Return a cached deployment, or None."""
        return self._known.get(deployment)

    async def load(self, ids: Iterable[str]) -> None:
        """Read the deployments that are not cached, in one request.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        unknown = sorted(set(ids) - set(self._known))
        if unknown:
            for one in await self._api.deployments(unknown):
                self._known[one["id"]] = _kept(one)

    async def refresh(self) -> None:
        """Update the cached deployments that were deployed again.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        if not self._known:
            return
        # Polls do not change `updated`: Prefect changes it only with the deployment.
        found = await self._api.changed_deployments(_PAGE)
        if not found:
            return
        newest = max(self._newest, found[0]["updated"])
        if len(found) == _PAGE and found[-1]["updated"] > self._newest:
            # More have changed than fit on the page, or this is the first request.
            found = await self._api.deployments(sorted(self._known))
        for one in found:
            if one["id"] in self._known:
                self._known[one["id"]] = _kept(one)
        self._newest = newest


def _kept(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a worker needs; the large parameter schema is dropped."""
    names = ("id", "name", "entrypoint", "pull_steps", "job_variables", "flow_id", "updated")
    return {name: deployment.get(name) for name in names}
