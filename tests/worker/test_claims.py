"""A flow run is claimed by one worker, and only while it is scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sentinel.errors import NotFound
from sentinel.worker.prefect_client import Claim, PoolApi
from tests.prefect_server import PrefectServer

pytestmark = [pytest.mark.prefect]

Use = Callable[[PoolApi, httpx.AsyncClient, str], Awaitable[None]]


def used(server: PrefectServer, use: Use) -> None:
    """Give `use` the pool's API, a client of the server, and a scheduled run."""

    async def work() -> None:
        hooks = {"response": [raised]}  # as Prefect's own client does
        async with httpx.AsyncClient(base_url=server.url, timeout=30, event_hooks=hooks) as http:
            flow = (await http.post("/flows/", json={"name": "claimed"})).json()["id"]
            body = {"flow_id": flow, "state": {"type": "SCHEDULED"}}
            run = (await http.post("/flow_runs/", json=body)).json()["id"]
            client: Any = http
            await use(PoolApi(client, "sentinel"), http, run)

    asyncio.run(work())


async def raised(response: httpx.Response) -> None:
    response.raise_for_status()


async def claimed(api: PoolApi, run: str) -> Claim:
    return await api.claim(run, str(uuid4()), "a worker")


async def is_now(http: httpx.AsyncClient, run: str, kind: str) -> None:
    answer = await http.post(f"/flow_runs/{run}/set_state", json={"state": {"type": kind}})
    assert answer.json()["status"] == "ACCEPT"


def test_of_several_claims_at_once_one_has_the_run(prefect_server: PrefectServer):
    async def use(api: PoolApi, _http: httpx.AsyncClient, run: str) -> None:
        claims = await asyncio.gather(*[claimed(api, run) for _ in range(8)])
        assert sum(claim.mine for claim in claims) == 1

    used(prefect_server, use)


@pytest.mark.parametrize("ended", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_a_run_that_ended_since_the_poll_is_not_claimed(prefect_server: PrefectServer, ended: str):
    async def use(api: PoolApi, http: httpx.AsyncClient, run: str) -> None:
        assert (await claimed(api, run)).mine
        await is_now(http, run, "RUNNING")
        await is_now(http, run, ended)
        late = await claimed(api, run)
        assert not late.mine
        assert late.why == "it is not scheduled any more"
        assert (await http.get(f"/flow_runs/{run}")).json()["state_type"] == ended

    used(prefect_server, use)


def test_a_claim_whose_answer_was_lost_is_recognized(prefect_server: PrefectServer):
    async def use(api: PoolApi, _http: httpx.AsyncClient, run: str) -> None:
        transition = str(uuid4())
        first = await api.claim(run, transition, "a worker")
        again = await api.claim(run, transition, "a worker")
        assert first.mine
        assert again.mine
        assert again.state["id"] == first.state["id"]

    used(prefect_server, use)


def test_a_run_that_is_scheduled_again_is_claimed_again(prefect_server: PrefectServer):
    async def use(api: PoolApi, http: httpx.AsyncClient, run: str) -> None:
        await claimed(api, run)
        await is_now(http, run, "RUNNING")
        body = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
        await http.post(f"/flow_runs/{run}/set_state", json=body)
        assert (await claimed(api, run)).mine

    used(prefect_server, use)


def test_a_run_that_is_gone_is_not_found(prefect_server: PrefectServer):
    async def use(api: PoolApi, http: httpx.AsyncClient, run: str) -> None:
        await http.delete(f"/flow_runs/{run}")
        with pytest.raises(NotFound):
            await claimed(api, run)

    used(prefect_server, use)
