"""Prepares Prefect before a flow can run there: the work pool, and which deployments are paused.

Plain HTTP, so that `sentinel pool ensure` answers without importing Prefect.
"""

from __future__ import annotations

from typing import Any

import httpx

from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.client import PrefectApi
from sentinel.worker.job_template import TYPE, base_job_template, other_type

__all__ = ["Setup"]

NOTIFICATIONS = "notifications"
"""The work queue of the flows that notify receivers."""


class Setup(PrefectApi):
    """A Prefect API that is being set up."""

    def pool(self, name: str) -> dict[str, Any] | None:
        """Return the work pool called `name`.

        Returns:
            The work pool's JSON; None where there is none.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        response = self._send("GET", f"/work_pools/{name}")
        return None if response.status_code == 404 else self._checked(response).json()

    def oddity(self, name: str) -> str:
        """Say where a work pool was made for workers of another type.

        Returns:
            A sentence for people; empty where the work pool is of our type.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found = self.pool(name)
        return other_type(name, found["type"]) if found else ""

    def ensure_pool(self, name: str, kind: str = TYPE) -> bool:
        """Make the work pool, and its queue for notifications, where there is none.

        What exists is left as it is.

        Args:
            name: of the pool
            kind: type of its workers

        Returns:
            Whether it was made now.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        made = self.pool(name) is None and self._make_pool(name, kind)
        # Of all queues the first: a notification never waits behind checks.
        body = {
            "name": NOTIFICATIONS,
            "priority": 1,
            "description": "Notifications, before everything else.",
        }
        response = self._send("POST", f"/work_pools/{name}/queues", json=body)
        if response.status_code != 409:  # it is there
            self._checked(response)
        return made

    def _make_pool(self, name: str, kind: str) -> bool:
        body = {
            "name": name,
            "type": kind,
            "description": "Checks and notifications of Sentinel.",
            "base_job_template": self._template(kind),
        }
        response = self._send("POST", "/work_pools/", json=body)
        if response.status_code == 409:  # somebody else was first
            return False
        self._checked(response)
        return True

    def _template(self, kind: str) -> dict[str, Any]:
        if kind == TYPE:
            return base_job_template()
        known = self._ok("GET", "/collections/views/aggregate-worker-metadata").json()
        for workers in known.values():
            if kind in workers:
                return workers[kind]["default_base_job_configuration"]
        raise PrefectUnreachable(
            f"Prefect at {self.url} knows no workers of type {kind!r}",
            hint="Make the pool by hand: prefect work-pool create",
        )

    def pause(self, deployment_id: str) -> None:
        """Pause a deployment until somebody resumes it.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        self._checked(self._send("PATCH", f"/deployments/{deployment_id}", json={"paused": True}))

    def lets_everybody_in(self) -> bool:
        """Return whether the API answers a request without credentials.

        Returns:
            False also where it does not answer at all.
        """
        try:
            # A client of its own, which has no headers of ours.
            return httpx.post(f"{self.url}/flows/count", json={}, timeout=3.0).is_success
        except httpx.HTTPError:
            return False

    def version(self) -> str:
        """Return the version of the Prefect server.

        Returns:
            The version, for example 3.8.8.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return str(self._ok("GET", "/admin/version").json())
