"""Requests of an application leave rows, and never wait for where the rows go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from sentinel.api_usage.privacy import RequestPrivacy, header_names
from sentinel.api_usage.request_log import requests_of
from sentinel.asgi import RequestLog, RequestLogging, SentinelMiddleware
from sentinel.asgi.request_log import Refused
from sentinel.errors import SentinelError
from sentinel.store import Store

TRACE = "5b8efff798038103d269b633813fc60c"


class Sent:
    """Keeps batches; raises what it is asked to."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[dict[str, Any]], str, int]] = []
        self.raises: Exception | None = None

    def __call__(self, rows: Sequence[dict[str, Any]], batch: str, dropped: int) -> None:
        self.batches.append((list(rows), batch, dropped))
        if self.raises:
            raise self.raises


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/orders/{order}")
    async def order(order: int, request: Request) -> dict[str, int]:
        await request.body()
        return {"order": order}

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError

    return app


def test_the_route_has_the_prefix_of_its_router(sent: Sent) -> None:
    app, router = FastAPI(), APIRouter()

    @router.get("/orders/{order}")
    def order(tenant: str, order: int) -> str:
        return f"{tenant} {order}"

    @router.get("")
    def all_of_it(tenant: str) -> str:
        return tenant

    @app.get("/files/{name:path}")
    def file(name: str) -> str:
        return name

    app.include_router(router, prefix="/v1/{tenant}")
    log = RequestLog(sent)
    ask(RequestLogging(app, request_log=log), "GET /v1/acme/orders/7", "GET /v1/acme",
        "GET /files/a/b")  # fmt: skip
    log.turn()
    assert [one["endpoint"] for one in sent.batches[0][0]] == [
        "/v1/{tenant}/orders/{order}", "/v1/{tenant}", "/files/{name:path}",
    ]  # fmt: skip


def ask(app: Any, *paths: str, **more: Any) -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            for path in paths:
                method, _, place = path.partition(" ")
                await client.request(method, place, **more)

    asyncio.run(run())


def _not_started(_: RequestLog) -> None:
    """Turns are the tests' own."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    monkeypatch.setattr(RequestLog, "start", _not_started)
    return Sent()


def test_a_request_leaves_a_row_with_nothing_private(sent: Sent) -> None:
    log = RequestLog(sent, service="shop", privacy=RequestPrivacy(headers=header_names("x-region")))
    headers = {
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "authorization": "Bearer secret",
        "x-region": "eu", "user-agent": "curl/8.5.0",
    }  # fmt: skip
    app = RequestLogging(application(), request_log=log)
    ask(app, "POST /orders/17?token=secret", "GET /broken", "GET /no/17", headers=headers,
        content=b"12345")  # fmt: skip
    assert not log.turn()
    ((rows, batch, dropped),) = sent.batches
    assert (len(batch), dropped) == (32, 0)
    first = {name: value for name, value in rows[0].items() if name not in ("timestamp",)}
    assert first.pop("duration_ms") > 0
    assert first == {
        "service": "shop", "method": "POST", "path": "/orders/17", "endpoint": "/orders/{order}",
        "status": 200, "request_bytes": 5, "response_bytes": 12, "address": "203.0.113.0/24",
        "user_agent": "curl/8.5.0", "trace_id": TRACE, "refused_by": "", "key_prefix": "",
        "headers": {"x-region": "eu"},
    }  # fmt: skip
    assert [(one["status"], one["endpoint"]) for one in rows[1:]] == [(500, "/broken"), (404, "")]
    assert "secret" not in json.dumps(rows)
    assert requests_of(json.dumps(rows).encode()) is not None


def test_a_batch_keeps_its_id_until_it_is_answered_and_what_finds_no_room_is_counted(
    sent: Sent,
) -> None:
    log = RequestLog(sent, room=2)
    app = RequestLogging(application(), request_log=log)
    sent.raises = SentinelError("away")
    ask(app, *["GET /x"] * 2)
    for _ in range(2):
        assert not log.turn()
    ask(app, *["GET /y"] * 5)
    assert log.dropped == 3
    sent.raises = None
    assert log.turn()
    log.turn()
    assert [(len(rows), dropped) for rows, _, dropped in sent.batches] == [
        (2, 0), (2, 0), (2, 0), (2, 3),
    ]  # fmt: skip
    assert len({batch for _, batch, _ in sent.batches}) == 2
    sent.raises = Refused("no")
    ask(app, "GET /z")
    log.turn()
    assert log.dropped == 1, "what is refused for good is not sent again"


def test_over_http_a_batch_is_lines_under_an_id(sent: Sent) -> None:
    asked: list[httpx.Request] = []
    answers = [503, 413, 200]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(answers[len(asked) - 1])

    log = RequestLog.over_http(
        "http://sentinel", "token", tenant="acme", transport=httpx.MockTransport(answer)
    )
    app = RequestLogging(application(), request_log=log)
    for _ in answers:
        ask(app, "GET /x")
        log.turn()
    assert [one.url.params.get("dropped") for one in asked] == [None, None, "1"]
    assert asked[0].headers["idempotency-key"] == asked[1].headers["idempotency-key"]
    assert asked[2].url.params["tenant"] == "acme"
    assert requests_of(asked[2].content) is not None
    assert sent.batches == []


def test_what_a_limit_refused_is_logged_with_its_name(sent: Sent, store: Store) -> None:
    log = RequestLog(sent, service="shop")
    app = SentinelMiddleware(
        application(), store=store, limits="1/day quota by address named free", request_log=log
    )
    ask(app, "GET /x", "GET /x")
    app.guard.close()
    log.turn()
    ((rows, _, _),) = sent.batches
    assert [(one["status"], one["refused_by"]) for one in rows] == [(404, ""), (429, "free")]


def test_an_application_with_a_consumer_of_its_own_keeps_its_log(sent: Sent) -> None:
    app = application()

    @app.get("/own")
    def own(request: Request) -> str:
        request.state.consumer = "ann"  # not that of SentinelMiddleware
        return "ok"

    log = RequestLog(sent)
    ask(RequestLogging(app, request_log=log), "GET /own")
    log.turn()
    assert [one["endpoint"] for one in sent.batches[0][0]] == ["/own"]


def test_a_function_of_the_application_that_fails_drops_the_row_alone(sent: Sent) -> None:
    def caller_of(scope: Any) -> dict[str, str]:
        return {"consumer": scope["state"]["tenant"]} if scope["path"] == "/bad" else {}

    log = RequestLog(sent, caller_of=caller_of)
    ask(RequestLogging(application(), request_log=log), "GET /bad", "GET /good")
    log.turn()
    assert [[one["path"] for one in rows] for rows, _, _ in sent.batches] == [["/good"]]
    assert sent.batches[0][2] == 1, "it is counted"


def test_the_thread_sends_by_itself_and_at_the_end() -> None:
    sent = Sent()
    log = RequestLog(sent)
    ask(RequestLogging(application(), request_log=log), "GET /x")
    log.close()
    assert [len(rows) for rows, _, _ in sent.batches] == [1]
