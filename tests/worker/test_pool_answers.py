"""What the worker makes of what the pool's API answers, and of no answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from sentinel.worker.deployments import Deployments
from sentinel.worker.prefect_client import PoolApi
from sentinel.worker.run_ownership import Owner
from sentinel.worker.settings import Options
from sentinel.worker.supervisor import Supervisor

Answer = Callable[[str, dict[str, Any]], object]


def api_that(answers: Answer) -> PoolApi:
    """The API, of which `answers` gives what a path and a body come to."""

    async def respond(request: httpx.Request) -> httpx.Response:
        body: dict[str, Any] = json.loads(request.content) if request.content else {}
        return httpx.Response(200, json=answers(request.url.path, body))

    transport = httpx.MockTransport(respond)
    client: Any = httpx.AsyncClient(transport=transport, base_url="http://prefect.example")
    return PoolApi(client, "sentinel")


def due(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "deployment_id": None,
        "expected_start_time": (datetime.now(UTC) - timedelta(seconds=1)).isoformat(),
        "work_queue_name": "default",
    }


def test_an_outage_is_not_over_before_the_api_has_answered():
    claims = 0

    def answers(path: str, _body: dict[str, Any]) -> object:
        nonlocal claims
        if path.endswith("set_state"):
            claims += 1
            raise httpx.ConnectError("nobody listens")
        if path.endswith("/queues/filter"):
            return [{"name": "default", "priority": 1}]
        if path.endswith("/get_scheduled_flow_runs"):
            return [{"flow_run": due("one")}, {"flow_run": due("two")}]
        return []

    async def work() -> int:
        options = Options(poll=timedelta(milliseconds=10), drain=timedelta(0))
        # One place and two runs: while the first is not claimed, nothing asks for more.
        owner = Owner("me", "here", "1-1")
        supervisor = Supervisor(api_that(answers), options, owner, 1, None)
        polling = asyncio.create_task(supervisor.poll_forever())
        async with asyncio.timeout(30):
            while claims < 3:
                await asyncio.sleep(0.01)
        polling.cancel()
        await supervisor.drain()
        return supervisor.metrics.outages

    assert asyncio.run(work()) == 1


def test_notifications_that_back_up_do_not_keep_rules_from_being_polled(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("sentinel.worker.supervisor._AT_LEAST", 10_000.0)
    whole = 0
    over = asyncio.Event()

    async def respond(request: httpx.Request) -> httpx.Response:
        nonlocal whole
        body: dict[str, Any] = json.loads(request.content) if request.content else {}
        path, found = request.url.path, list[object]()
        if path.endswith("set_state"):
            await over.wait()  # until then, every place for notifications is taken
            raise httpx.ConnectError("nobody listens")
        if path.endswith("/queues/filter"):
            found = [{"name": "notify", "priority": 1}, {"name": "default", "priority": 2}]
        if path.endswith("/get_scheduled_flow_runs"):
            whole += not body.get("work_queue_names")
            runs = [due(f"run-{number}") | {"work_queue_name": "notify"} for number in range(9)]
            found = [{"flow_run": run} for run in runs]
        return httpx.Response(200, json=found)

    async def work() -> int:
        quick = timedelta(milliseconds=10)
        options = Options(poll=quick, poll_others=quick, drain=timedelta(0), notification_limit=1)
        client: Any = httpx.AsyncClient(
            transport=httpx.MockTransport(respond), base_url="http://prefect.example"
        )
        owner = Owner("me", "here", "1-1")
        supervisor = Supervisor(PoolApi(client, "sentinel"), options, owner, 2, None)
        polling = asyncio.create_task(supervisor.poll_forever())
        async with asyncio.timeout(30):
            while whole < 3:
                await asyncio.sleep(0.01)
        polling.cancel()
        waiting = supervisor.waiting
        over.set()
        await supervisor.drain()
        return waiting

    assert asyncio.run(work()) == 8


def test_deployments_that_changed_all_at_once_are_all_taken_in():
    there = {
        f"d{number}": {"id": f"d{number}", "entrypoint": "old", "updated": "2026-01-01T00:00:00Z"}
        for number in range(20)
    }

    def answers(_path: str, body: dict[str, Any]) -> object:
        asked = body.get("deployments")
        if asked:
            return [there[one] for one in asked["id"]["any_"]]
        newest = sorted(there.values(), key=lambda one: one["updated"], reverse=True)
        return newest[: body["limit"]]

    def deployed(number: int) -> None:
        there[f"d{number}"] |= {"entrypoint": "new", "updated": f"2026-01-02T00:00:{number:02}Z"}

    async def work() -> tuple[list[str], list[str]]:
        known = Deployments(api_that(answers))
        await known.load(there)
        for number in range(10):
            deployed(number)
        await known.refresh()
        first = [cast("dict[str, Any]", known.get(one))["entrypoint"] for one in there]
        for number in range(10, 20):
            deployed(number)
        await known.refresh()
        return first, [cast("dict[str, Any]", known.get(one))["entrypoint"] for one in there]

    first, then = asyncio.run(work())
    assert first == ["new"] * 10 + ["old"] * 10
    assert then == ["new"] * 20
