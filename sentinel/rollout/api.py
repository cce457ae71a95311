"""The requests of a rollout to Prefect's API, with retries while the server is busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, cast

import httpx
import msgspec

from sentinel.errors import PrefectUnreachable, RuleError
from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.transport import PAGE
from sentinel.rollout.plan import Live

__all__ = ["AT_ONCE", "RolloutApi"]

AT_ONCE = 4
"""Concurrent requests; with more, a Prefect server on PostgreSQL is no faster."""
_TRIES = 8
_NAMES = 100
_BUSY = (429, 502, 503, 504)


class RolloutApi(PrefectApi):
    """A client of Prefect's API for rollouts; safe to use from several threads."""

    tries: int = _TRIES
    """Attempts of each request, with growing pauses; fewer where a person waits for the answer."""
    waits_for_server: bool = True
    """Whether a server that does not answer is asked again, as while it starts."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, timeout=60.0, **more)
        self._busy = False
        self._one = threading.Lock()

    def live(self, names: Sequence[str] | None = None) -> list[Live]:
        """Return deployments with the names of their flows.

        Args:
            names: names of deployments; None for all

        Returns:
            The deployments that exist.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found = self._of_names(names) if names is not None else self._everything()
        ids = sorted({str(one["flow_id"]) for one in found})
        flows: dict[str, str] = {}
        for start in range(0, len(ids), PAGE):
            body = {"flows": {"id": {"any_": ids[start : start + PAGE]}}, "limit": PAGE}
            flows |= {one["id"]: one["name"] for one in self.asked("/flows/filter", body)}
        return [Live(flow=flows.get(str(one["flow_id"]), ""), deployment=one) for one in found]

    def _of_names(self, names: Sequence[str]) -> list[dict[str, Any]]:
        unique = sorted(set(names))
        pieces = [unique[start : start + _NAMES] for start in range(0, len(unique), _NAMES)]

        def piece_of(piece: Sequence[str]) -> list[dict[str, Any]]:
            return self._paged({"deployments": {"name": {"any_": list(piece)}}})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [one for page in pool.map(piece_of, pieces) for one in page]

    def _everything(self) -> list[dict[str, Any]]:
        return self._paged({})

    def _paged(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        offset = 0
        while True:
            page = self.asked(
                "/deployments/filter",
                {**body, "sort": "CREATED_DESC", "limit": PAGE, "offset": offset},
            )
            found |= {str(one["id"]): one for one in page}
            if len(page) < PAGE:
                return list(found.values())
            # New deployments come first and shift the others to later offsets, so pages overlap.
            offset += PAGE - 10

    def of_flow(self, flow: str) -> list[Live]:
        """Return the deployments of a flow.

        Args:
            flow: its name

        Returns:
            The deployments that exist.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found = self._paged({"flows": {"name": {"any_": [flow]}}})
        return [Live(flow=flow, deployment=one) for one in found]

    def asked(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Post a filter to `path` and return the list in the answer."""
        return msgspec.json.decode(self._patiently("POST", path, json=body).content)

    def flow_id(self, name: str) -> str:
        """Return the id of a flow; create the flow if it does not exist."""
        return str(self._patiently("POST", "/flows/", json={"name": name}).json()["id"])

    def put(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a deployment, or update the one of the same flow and name.

        Args:
            body: the deployment, as Prefect's API accepts it

        Returns:
            The deployment, as Prefect's API returns it.

        Raises:
            RuleError: Prefect refuses it
            PrefectUnreachable: the API does not answer
        """
        response = self._again("POST", "/deployments/", json=body)
        if response.status_code in (400, 404, 409, 422):
            raise RuleError(f"Prefect rejected it: {_detail(response)}")
        return self._checked(response).json()

    def put_automations(self, deployment_id: str, desired: Iterable[Mapping[str, Any]]) -> None:
        """Delete and create the Automations of a deployment, as `prefect deploy` does.

        Raises:
            RuleError: Prefect refuses one
            PrefectUnreachable: the API does not answer
        """
        self._patiently("DELETE", f"/automations/owned-by/prefect.deployment.{deployment_id}")
        for one in desired:
            body = {**one, "owner_resource": f"prefect.deployment.{deployment_id}"}
            response = self._again("POST", "/automations/", json=body)
            if response.status_code in (400, 409, 422):
                raise RuleError(
                    f"Prefect rejected the Automation {one['name']}: {_detail(response)}"
                )
            self._checked(response)

    def delete_deployment(self, deployment_id: str) -> None:
        """Delete a deployment with its Automations; a missing one is no error.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        self._patiently("DELETE", f"/automations/owned-by/prefect.deployment.{deployment_id}")
        response = self._again("DELETE", f"/deployments/{deployment_id}")
        if response.status_code != 404:
            self._checked(response)

    def _patiently(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._checked(self._again(method, path, **arguments))

    def secrets(self) -> list[str]:
        """Return the names of all Secret blocks.

        Returns:
            Names of blocks of the type `secret`.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        place = "/block_types/slug/secret/block_documents"
        return [str(one["name"]) for one in self._patiently("GET", place).json() if one["name"]]

    def put_secret(self, name: str, value: str) -> None:
        """Save `value` in the Secret block of that name.

        Raises:
            RuleError: Prefect refuses it
            PrefectUnreachable: the API does not answer
        """
        kind = self._patiently("GET", "/block_types/slug/secret").json()
        asked = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}, "limit": 1}
        (schema,) = self.asked("/block_schemas/filter", asked)
        made = self._again(
            "POST",
            "/block_documents/",
            json={
                "name": name,
                "data": {"value": value},
                "block_type_id": kind["id"],
                "block_schema_id": schema["id"],
            },
        )
        if made.status_code == 409:  # a block of that name exists
            place = f"/block_types/slug/secret/block_documents/name/{name}"
            document = self._patiently("GET", place).json()["id"]
            body = {"data": {"value": value}}
            made = self._again("PATCH", f"/block_documents/{document}", json=body)
        if made.status_code in (400, 422):
            raise RuleError(f"Prefect rejected the Secret block {name}: {_detail(made)}")
        self._checked(made)

    def _again(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request, and retry while the server is busy: every request here is idempotent.

        After the server was busy once, requests go one at a time: a server on SQLite takes no more.

        Args:
            method: HTTP method
            path: path of the API
            arguments: further arguments of the request

        Returns:
            The response, whose status may be an error.

        Raises:
            PrefectUnreachable: the server did not answer the last of the attempts
            AssertionError: never; the loop returns or raises
        """
        for left in reversed(range(self.tries)):
            try:
                with self._one if self._busy else nullcontext():
                    response = self._send(method, path, **arguments)
            except PrefectUnreachable:
                if not left or not self.waits_for_server:
                    raise
            else:
                if response.status_code not in _BUSY or not left:
                    return response
            self._busy = True
            time.sleep(0.2 * (self.tries - left))
        raise AssertionError("unreachable")


def _detail(response: httpx.Response) -> str:
    """Return the error message of the server in one line."""
    try:
        body: Any = response.json()
    except ValueError:
        return response.text[:500]
    detail: Any = body.get("detail") or body.get("exception_detail") or body
    if isinstance(detail, list):
        each = cast("list[dict[str, Any]]", detail)
        return "; ".join(f"{_place(one)}: {one.get('msg', one)}" for one in each)[:500]
    return " ".join(str(detail).split())[:500]


def _place(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error.get("loc", []))
