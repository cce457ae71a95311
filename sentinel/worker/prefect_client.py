"""What the parent asks of the Prefect API: plain JSON over Prefect's own client.

The client brings address, credentials and headers from Prefect's settings. Answers stay JSON:
turning two hundred runs into models at every poll would cost more than the poll.
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
"""Prefect sets the state of at most this many runs in one call."""


class Claim(msgspec.Struct, frozen=True):
    """What came of asking for a run.

    `mine` is false where somebody else has it, or it must wait; then `why` says so.
    """

    mine: bool
    state: Json
    why: str = ""


class PoolApi:
    """One work pool.

    Args:
        client: of the worker, entered
        pool: its name
    """

    def __init__(self, client: PrefectClient, pool: str) -> None:
        self._client = client
        self._pool = pool
        self.calls: dict[str, int] = {}

    async def scheduled(self, before: datetime, queues: Sequence[str] = ()) -> list[Json]:
        """Flow runs that are due before then, at most `PAGE`, the one due longest first.

        Args:
            before: the moment
            queues: names of work queues; empty means all

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
        """The type of workers that the pool was made for.

        Raises:
            NotFound: there is no such pool
            PrefectUnreachable: the API does not answer
        """
        return str((await self._ask("pool", "GET", f"/work_pools/{self._pool}", None))["type"])

    async def priorities(self) -> dict[str, int]:
        """The work queues' priorities by name; 1 comes first.

        Raises:
            NotFound: there is no such pool
            PrefectUnreachable: the API does not answer
        """
        path = f"/work_pools/{self._pool}/queues/filter"
        found = await self._ask("queues", "POST", path, {"limit": PAGE})
        return {queue["name"]: queue["priority"] for queue in found}

    async def claim(self, run: str, transition: str, owner: str) -> Claim:
        """Propose Pending, which the API grants to one worker only.

        Args:
            run: its id
            transition: id of this proposal, the same when it is sent again, so that an answer
                which got lost counts
            owner: who claims, for the state's message

        Raises:
            NotFound: the run is gone
            PrefectUnreachable: the API does not answer
        """
        state = {
            "type": "PENDING",
            "name": "Pending",
            "message": owner,
            "state_details": {"flow_run_id": run, "transition_id": transition},
        }
        path = f"/flow_runs/{run}/set_state"
        answer = await self._ask("claim", "POST", path, {"state": state, "force": False})
        given: Json = answer.get("state") or {}
        details: Json = answer.get("details") or {}
        told: Json = given.get("state_details") or {}
        mine = answer["status"] == "ACCEPT" or told.get("transition_id") == transition
        return Claim(mine and given.get("type") == "PENDING", given, details.get("reason") or "")

    async def end(
        self,
        run: str,
        kind: Literal["CRASHED", "FAILED", "CANCELLED"],
        message: str,
        *,
        name: str = "",
        force: bool = False,
    ) -> bool:
        """Propose a final state for a run that nobody else can tell of; whether it was taken.

        Without `force` a run that has ended by now stays as it is.

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
        """Have a run that was cut short done once more.

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
        """End runs, late ones that a newer one stands for; how many that ended.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        ended = 0
        for start in range(0, len(runs), _AT_ONCE):
            body: Json = {
                "flow_runs": {
                    "id": {"any_": list(runs[start : start + _AT_ONCE])},
                    # One that somebody has claimed meanwhile is theirs.
                    "state": {"type": {"any_": ["SCHEDULED"]}},
                },
                "state": {"type": "CANCELLED", "name": "Collapsed", "message": message},
                "limit": _AT_ONCE,
            }
            answer = await self._ask("collapse", "POST", "/flow_runs/bulk_set_state", body)
            ended += sum(1 for one in answer["results"] if one["status"] == "ACCEPT")
        return ended

    async def deployments(self, ids: Sequence[str]) -> list[Json]:
        """Deployments by id; those that are gone are left out.

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
        """The deployments of the pool that were changed last, the latest first.

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
        """Flow runs of the pool that are in one of these types of state, at most `PAGE`.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body: Json = {
            "work_pools": {"name": {"any_": [self._pool]}},
            "flow_runs": {"state": {"type": {"any_": list(kinds)}}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": PAGE,
        }
        return await self._ask("look", "POST", "/flow_runs/filter", body)

    async def _ask(self, what: str, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        self.calls[what] = self.calls.get(what, 0) + 1
        route = cast("Any", path)  # Prefect's own routes have a type that names them all
        try:
            response = await self._client.request(cast("Any", method), route, json=body)
        except (ObjectNotFound, httpx.HTTPError) as error:
            raise _refused(what, error) from error
        return msgspec.json.decode(response.content)


def _refused(what: str, error: Exception) -> SentinelError:
    response = error.response if isinstance(error, httpx.HTTPStatusError) else None
    if isinstance(error, ObjectNotFound) or (response is not None and response.status_code == 404):
        return NotFound(f"the Prefect API knows nothing of that ({what})")
    if response is None:
        said = f"does not answer ({type(error).__name__})"
    elif response.status_code in (401, 403):
        said = "does not let us in: set PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
    else:
        said = f"answered {response.status_code} to {what}: {response.text[:300]}"
        if response.status_code < 500 and response.status_code not in (408, 429):
            return Conflict(f"the Prefect API {said}")  # asked again it says the same
    return PrefectUnreachable(f"the Prefect API {said}")
