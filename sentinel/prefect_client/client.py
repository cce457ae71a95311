"""A small client of Prefect's HTTP API, with no import of Prefect.

It implements `port.Prefect` and the few questions that our doors ask; `queries` has those that
checks ask, and `transport` is the wire. Importing Prefect's own client costs seconds of CPU; the
relay, the API and the dashboard need a handful of calls.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import httpx

from sentinel.errors import NotFound
from sentinel.links import Addresses
from sentinel.prefect_client.flow_graph import FlowGraphQueries
from sentinel.prefect_client.port import OutEvent
from sentinel.prefect_client.queries import RunQueries
from sentinel.prefect_client.transport import PAGE, authentication
from sentinel.settings import Settings

__all__ = ["PrefectApi", "connect"]

log = logging.getLogger(__name__)

EVENTS_A_REQUEST = 100
EVENTS_A_SECOND = 200
"""Above this Prefect's in-memory queue fills up, and what does not fit is dropped silently."""
MOST_RELATED = 100


class PrefectApi(RunQueries, FlowGraphQueries):
    """Talks to one Prefect API.

    Args:
        url: of the API, ending in `/api`
        ui_url: where people open its UI; empty means beside the API
        headers: authentication, if any
        timeout: of one request, seconds
        pause: how to wait, in seconds, where events come faster than Prefect takes them and before
            a busy server is asked again
    """

    def __init__(
        self,
        url: str,
        *,
        ui_url: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, ui_url=ui_url, headers=headers, timeout=timeout, pause=pause)
        self._sent: deque[tuple[float, int]] = deque()

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str] | None = None) -> Self:
        """Connect to the API of the settings, else of `PREFECT_API_URL`, else the one `up` starts.

        The settings' auth string is sent as basic authentication, else `PREFECT_API_AUTH_STRING`,
        else `PREFECT_API_KEY` as a bearer token, as Prefect's own client does.

        Returns:
            A client, to be closed by its caller.
        """
        addresses = Addresses.of(settings)
        variables = os.environ if environ is None else environ
        if login := settings.prefect_auth_string.get_secret_value():
            variables = {"PREFECT_API_AUTH_STRING": login}
        return cls(
            addresses.prefect_api,
            ui_url=addresses.prefect_ui,
            headers=authentication(variables),
        )

    def healthy(self) -> bool:
        """Whether the API answers, and lets us in."""
        try:
            # Unlike /health this asks its database, and whether our credentials are taken.
            return self._client.post("/flows/count", json={}, timeout=3.0).is_success
        except httpx.HTTPError:
            return False

    def publish(self, events: Sequence[OutEvent]) -> None:
        """Hand events over, at most `EVENTS_A_SECOND`.

        One that Prefect can never take, because it is too large or malformed, is logged and
        left out, so that it does not hold up all that come after it.

        Raises:
            PrefectUnreachable: it did not take them; all may be sent again, ids being the same
        """
        for start in range(0, len(events), EVENTS_A_REQUEST):
            self._publish(events[start : start + EVENTS_A_REQUEST])

    def _publish(self, events: Sequence[OutEvent]) -> None:
        self._keep_pace(len(events))
        response = self._send("POST", "/events", json=[_written(event) for event in events])
        if response.is_success:
            return
        if response.status_code not in (400, 413, 422):
            raise self._refused(response)
        if len(events) == 1:
            log.error(
                "Prefect refused event %s (%s) for good: %s",
                events[0].id,
                events[0].event,
                response.text[:500],
            )
            return
        middle = len(events) // 2
        self._publish(events[:middle])
        self._publish(events[middle:])

    def _keep_pace(self, count: int) -> None:
        """Wait until `count` more events stay within the rate, over a sliding second."""
        while True:
            now = time.monotonic()
            while self._sent and self._sent[0][0] <= now - 1.0:
                self._sent.popleft()
            if not self._sent or sum(n for _, n in self._sent) + count <= EVENTS_A_SECOND:
                break
            self._pause(max(0.001, self._sent[0][0] + 1.0 - now))
        self._sent.append((now, count))

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """Return one deployment.

        Returns:
            The deployment's JSON, as Prefect's `GET /deployments/{id}` answers.

        Raises:
            NotFound: there is none of that id
            PrefectUnreachable: the API does not answer
        """
        return self._get(f"/deployments/{deployment_id}", f"deployment {deployment_id}")

    def deployment_named(self, flow: str, name: str) -> dict[str, Any]:
        """Return the deployment `flow/name`.

        Returns:
            The deployment's JSON, as Prefect's `GET /deployments/name/…` answers.

        Raises:
            NotFound: there is none of that name
            PrefectUnreachable: the API does not answer
        """
        return self._get(f"/deployments/name/{flow}/{name}", f"deployment {flow}/{name}")

    def deployments(self, *, tags: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return all deployments, or those that carry all of `tags` where some are given.

        Returns:
            The deployments' JSON, sorted by name.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body: dict[str, Any] = {"sort": "NAME_ASC"}
        if tags:
            body["deployments"] = {"tags": {"all_": list(tags)}}
        return self._pages("/deployments/filter", body)

    def flow_run(self, flow_run_id: str) -> dict[str, Any]:
        """Return one flow run.

        Returns:
            The flow run's JSON, as Prefect's `GET /flow_runs/{id}` answers.

        Raises:
            NotFound: there is none of that id; Prefect may have deleted it by its retention
            PrefectUnreachable: the API does not answer
        """
        return self._get(f"/flow_runs/{flow_run_id}", f"flow run {flow_run_id}")

    def flow_runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return many flow runs in bulk.

        Returns:
            The flow runs' JSON by id; a run that Prefect has deleted is left out.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), PAGE):
            body = {"flow_runs": {"id": {"any_": list(ids[start : start + PAGE])}}, "limit": PAGE}
            for run in self._ok("POST", "/flow_runs/filter", json=body).json():
                found[run["id"]] = run
        return found

    def run_deployment(
        self,
        deployment_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        name: str = "",
        idempotency_key: str = "",
        tags: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Start a run of a deployment, and do not wait for it.

        Args:
            deployment_id: which
            parameters: instead of the deployment's own, where given
            name: of the run; empty means a made-up one
            idempotency_key: a second call with the same one gives the first one's run
            tags: beside the deployment's own

        Returns:
            The new flow run's JSON.

        Raises:
            NotFound: there is no such deployment
            PrefectUnreachable: the API does not answer, or refuses the parameters
        """
        body: dict[str, Any] = {"state": {"type": "SCHEDULED"}}
        body |= {"parameters": dict(parameters)} if parameters is not None else {}
        body |= {"name": name} if name else {}
        body |= {"idempotency_key": idempotency_key} if idempotency_key else {}
        body |= {"tags": list(tags)} if tags else {}
        path = f"/deployments/{deployment_id}/create_flow_run"
        response = self._send("POST", path, json=body)
        if response.status_code == 404:
            raise NotFound(
                f"there is no deployment {deployment_id}", hint="Roll it out: prefect deploy"
            )
        return self._checked(response).json()

    def artifacts_of(self, flow_run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return the artifacts of flow runs, in bulk.

        Args:
            flow_run_ids: of the runs

        Returns:
            The artifacts' JSON, the oldest of each 200 runs first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: list[dict[str, Any]] = []
        for start in range(0, len(flow_run_ids), PAGE):
            some = list(flow_run_ids[start : start + PAGE])
            body = {"artifacts": {"flow_run_id": {"any_": some}}, "sort": "CREATED_DESC"}
            found += self._pages("/artifacts/filter", body)[::-1]
        return found

    def automations(self) -> list[dict[str, Any]]:
        """Return all Automations.

        Returns:
            The Automations' JSON.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        return self._pages("/automations/filter", {})

    def switch_automation(self, automation_id: str, *, on: bool) -> None:
        """Switch an Automation; this leaves its trigger and what is waiting untouched.

        Raises:
            NotFound: there is none of that id
            PrefectUnreachable: the API does not answer
        """
        response = self._send("PATCH", f"/automations/{automation_id}", json={"enabled": on})
        if response.status_code == 404:
            raise NotFound(f"there is no Automation {automation_id}")
        self._checked(response)


def connect(url: str, key: str = "") -> PrefectApi:
    """Connect to another Prefect API; the caller closes it with a `with` block.

    Args:
        url: of the API, ending in `/api`
        key: an API key, or `user:password` for basic authentication; empty for neither

    Returns:
        A client of that API.
    """
    name = "PREFECT_API_AUTH_STRING" if ":" in key else "PREFECT_API_KEY"
    return PrefectApi(url, headers=authentication({name: key}))


def _written(event: OutEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "occurred": event.occurred.isoformat(),
        "event": event.event,
        "resource": dict(event.resource),
        "related": [dict(one) for one in event.related[:MOST_RELATED]],
        "payload": dict(event.payload),
    }
