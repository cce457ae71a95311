"""The parent's requests to the Prefect API: plain JSON over Prefect's own client.

The client takes address, credentials and headers from Prefect's settings. Answers stay JSON,
because parsing two hundred runs into models at every poll would cost more than the poll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

import httpx
import msgspec
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from sentinel.errors import Conflict, NotFound, PrefectUnreachable, SentinelError

__all__ = ["Claim", "PoolApi"]

Json = dict[str, Any]
PAGE = 200
_AT_ONCE = 50
"""Prefect sets the state of at most this many runs in one request."""


class Claim(msgspec.Struct, frozen=True):
    """The result of claiming a flow run.

    `mine` is false if another worker has it or it must wait; then `why` has the reason.
    """

    mine: bool
    state: Json
    why: str = ""


class PoolApi:
    """The API of one work pool.

    Args:
        client: the worker's client, entered
        pool: name of the work pool
    """

    def __init__(self, client: PrefectClient, pool: str) -> None:
        self._client = client
        self._pool = pool
        self.calls: dict[str, int] = {}

    async def scheduled(self, before: datetime, queues: Sequence[str] = ()) -> list[Json]:
        """Return the flow runs that are scheduled before a time, the oldest first.

        Args:
            before: the time
            queues: names of work queues; empty for all

        Returns:
            At most `PAGE` flow runs, as the API returns them.

        Raises:
            NotFound: there is no such pool
            PrefectUnreachable: the API does not answer
        """
        body: Json = {"scheduled_before": before.isoformat(), "limit": PAGE}
        if queues:
            body["work_queue_names"] = list(queues)
        path = f"/work_pools/{self._pool}/get_scheduled_flow_runs"
        return [one["flow_run"] for one in await self._ask("poll", "POST", path, body)]

    async def kind(self) -> str:
        """Return the worker type of the pool.

        Returns:
            The type, such as `sentinel` or `process`.

        Raises:
            NotFound: there is no such pool
            PrefectUnreachable: the API does not answer
        """
        return str((await self._ask("pool", "GET", f"/work_pools/{self._pool}", None))["type"])

    async def priorities(self) -> dict[str, int]:
        """Return the priorities of the work queues.

        Returns:
            Priority by name of the queue; 1 comes first.

        Raises:
            NotFound: there is no such pool
            PrefectUnreachable: the API does not answer
        """
        path = f"/work_pools/{self._pool}/queues/filter"
        found = await self._ask("queues", "POST", path, {"limit": PAGE})
        return {queue["name"]: queue["priority"] for queue in found}

    async def claim(self, run: str, transition: str, owner: str) -> Claim:
        """Claim a flow run: propose Pending, which the API accepts from one worker only.

        The API refuses Pending for a run that is pending or running, but accepts it for one that
        has completed (Prefect 3.8.8). A worker whose poll is older than another worker's whole run
        would therefore run it again, so the request asks for runs that are still scheduled.

        Args:
            run: id of the flow run
            transition: id of the proposal, the same for retries, so that a claim whose answer was
                lost is recognized
            owner: name of the worker, for the message of the state

        Returns:
            Whether this worker has the run, and its state.

        Raises:
            NotFound: the run is gone
            PrefectUnreachable: the API does not answer
        """
        body: Json = {
            "flow_runs": {"id": {"any_": [run]}, "state": {"type": {"any_": ["SCHEDULED"]}}},
            "state": {
                "type": "PENDING",
                "name": "Pending",
                "message": owner,
                "state_details": {"flow_run_id": run, "transition_id": transition},
            },
            "limit": 1,
        }
        answer = await self._ask("claim", "POST", "/flow_runs/bulk_set_state", body)
        for result in answer["results"]:
            details: Json = result.get("details") or {}
            return _claim(result.get("state") or {}, transition, details.get("reason") or "")
        now: Json = await self._ask("claimed", "GET", f"/flow_runs/{run}", None)
        return _claim(now.get("state") or {}, transition, "it is not scheduled any more")

    async def end(
        self,
        run: str,
        kind: Literal["CRASHED", "FAILED", "CANCELLED"],
        message: str,
        *,
        name: str = "",
        force: bool = False,
    ) -> bool:
        """Propose a final state for a run whose process cannot do it.

        Args:
            run: id of the flow run
            kind: type of the state
            message: message of the state
            name: name of the state; by default that of its type
            force: replace the state of a run that has ended already

        Returns:
            Whether the API accepted the state.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        state = {"type": kind, "name": name or kind.capitalize(), "message": message}
        path = f"/flow_runs/{run}/set_state"
        try:
            answer = await self._ask("end", "POST", path, {"state": state, "force": force})
        except NotFound:
            return False
        return answer["status"] == "ACCEPT"

    async def again(self, run: str, at: datetime, message: str) -> None:
        """Schedule a flow run that was interrupted again.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        state = {
            "type": "SCHEDULED",
            "name": "AwaitingRetry",
            "message": message,
            "state_details": {"scheduled_time": at.isoformat()},
        }
        path = f"/flow_runs/{run}/set_state"
        await self._ask("again", "POST", path, {"state": state, "force": True})

    async def collapse(self, runs: Sequence[str], message: str) -> int:
        """End late runs that a newer one replaces.

        Args:
            runs: ids of the late runs
            message: message of their state

        Returns:
            The number of runs that were ended; others were claimed meanwhile.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        ended = 0
        for start in range(0, len(runs), _AT_ONCE):
            body: Json = {
                "flow_runs": {
                    "id": {"any_": list(runs[start : start + _AT_ONCE])},
                    # A run that was claimed meanwhile is not scheduled any more.
                    "state": {"type": {"any_": ["SCHEDULED"]}},
                },
                "state": {"type": "CANCELLED", "name": "Collapsed", "message": message},
                "limit": _AT_ONCE,
            }
            answer = await self._ask("collapse", "POST", "/flow_runs/bulk_set_state", body)
            ended += sum(1 for one in answer["results"] if one["status"] == "ACCEPT")
        return ended

    async def deployments(self, ids: Sequence[str]) -> list[Json]:
        """Return deployments by id.

        Args:
            ids: ids of deployments

        Returns:
            The deployments that exist.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        found: list[Json] = []
        for start in range(0, len(ids), PAGE):
            some = {"id": {"any_": list(ids[start : start + PAGE])}}
            body: Json = {"deployments": some, "limit": PAGE}
            found += await self._ask("deployments", "POST", "/deployments/filter", body)
        return found

    async def changed_deployments(self, most: int) -> list[Json]:
        """Return the deployments of the pool that changed last, the latest first.

        Args:
            most: largest number of deployments

        Returns:
            The deployments.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body: Json = {
            "work_pools": {"name": {"any_": [self._pool]}},
            "sort": "UPDATED_DESC",
            "limit": most,
        }
        return await self._ask("changes", "POST", "/deployments/filter", body)

    async def in_state(self, *kinds: str) -> list[Json]:
        """Return the flow runs of the pool whose state has one of these types.

        Args:
            kinds: types of states, such as RUNNING

        Returns:
            At most `PAGE` flow runs.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body: Json = {
            "work_pools": {"name": {"any_": [self._pool]}},
            "flow_runs": {"state": {"type": {"any_": list(kinds)}}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": PAGE,
        }
        return await self._ask("in_state", "POST", "/flow_runs/filter", body)

    async def _ask(self, what: str, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        self.calls[what] = self.calls.get(what, 0) + 1
        route = cast("Any", path)  # Prefect's own routes have a type that names them all
        try:
            response = await self._client.request(cast("Any", method), route, json=body)
        except (ObjectNotFound, httpx.HTTPError) as error:
            raise _refused(what, error) from error
        return msgspec.json.decode(response.content)


def _claim(state: Json, transition: str, why: str) -> Claim:
    """Return whose the run is: ours if its state is the Pending that we proposed."""
    proposed: Json = state.get("state_details") or {}
    mine = state.get("type") == "PENDING" and proposed.get("transition_id") == transition
    return Claim(mine, state, why)


def _refused(what: str, error: Exception) -> SentinelError:
    response = error.response if isinstance(error, httpx.HTTPStatusError) else None
    if isinstance(error, ObjectNotFound) or (response is not None and response.status_code == 404):
        return NotFound(f"the Prefect API does not have that ({what})")
    if response is None:
        answer = f"does not answer ({type(error).__name__})"
    elif response.status_code in (401, 403):
        answer = "rejected the credentials: set PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
    else:
        answer = f"answered {response.status_code} to {what}: {response.text[:300]}"
        if response.status_code < 500 and response.status_code not in (408, 429):
            return Conflict(f"the Prefect API {answer}")  # a retry would get the same answer
    return PrefectUnreachable(f"the Prefect API {answer}")
