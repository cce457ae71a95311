"""Bodies: large enough for a storm on every intake, and bounded in memory all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from sentinel.api.limits import MOST_BYTES, MOST_INTAKE_BYTES, Limits, allow
from tests.api.senders import BASE, sent

STORM: dict[str, Any] = {
    "version": "4",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Down", "instance": f"host-{n:04}.example.org:9100"},
            "annotations": {"summary": f"host-{n:04} is down", "description": "x" * 500},
            "startsAt": "2026-01-01T00:00:00.828Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        }
        for n in range(2000)
    ],
}


def test_a_storm_of_alerts_is_taken(client: httpx.Client):
    assert sent(client, "prometheus", STORM)["changed"] == 2000


INTAKES = [
    (f"{BASE}/metrics", b'[{"name": "n", "value": 1}', b"]"),
    (f"{BASE}/process-event", b'{"a": 1', b"}"),
    ("/api/v1/events", b'[{"a": 1}', b"]"),
    (f"{BASE}/webhooks/grafana", b'[{"metric": "n", "value": 1}', b"]"),
    (f"{BASE}/webhooks/prometheus", b'{"alerts": []', b"}"),
]


@pytest.mark.parametrize(("path", "begin", "end"), INTAKES)
def test_every_intake_takes_more_than_a_mebibyte(
    client: httpx.Client, path: str, begin: bytes, end: bytes
):
    # White space is part of a body and costs the test no rows.
    body = begin + b" " * (3 * MOST_BYTES) + end
    assert client.post(path, content=body).status_code == 200


@pytest.mark.parametrize("path", [path for path, _, _ in INTAKES])
@pytest.mark.parametrize("claim", [None, "10", str(MOST_INTAKE_BYTES + 1)])
def test_a_body_beyond_the_bound_is_refused_whatever_it_claims(
    client: httpx.Client, path: str, claim: str | None
):
    def pieces() -> Iterator[bytes]:
        yield b"["
        for _ in range(33):
            yield b" " * MOST_BYTES
        yield b"]"

    headers = {} if claim is None else {"Content-Length": claim}
    answer = client.post(path, content=pieces(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "the body is larger than 33,554,432 bytes"


def test_what_all_bodies_hold_together_is_bounded(app: FastAPI):
    """Two requests of which each is allowed, and both together are not."""

    async def taking(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        allow(request, 100)
        await request.body()
        await PlainTextResponse("ok")(scope, receive, send)

    async def story() -> list[str]:
        limits = Limits(taking, together=120)
        more = asyncio.Event()

        def one(first: asyncio.Event | None) -> tuple[Scope, Receive, Send, list[Message]]:
            said: list[Message] = []
            pieces: Iterator[Message] = iter(
                [
                    {"type": "http.request", "body": b"x" * 40, "more_body": True},
                    {"type": "http.request", "body": b"x" * 50, "more_body": False},
                ]
            )

            async def receive() -> Message:
                piece = next(pieces)
                if first is not None and not piece["more_body"]:
                    await first.wait()
                return piece

            async def send(message: Message) -> None:
                said.append(message)

            scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
            return scope, receive, send, said

        scope, receive, send, _ = one(more)
        waits = asyncio.create_task(limits(scope, receive, send))
        await asyncio.sleep(0)
        scope, receive, send, _ = one(None)
        done: list[str] = []
        try:
            await limits(scope, receive, send)
        except HTTPException as error:  # the application's handlers make an answer of it
            done.append(str(error))
        more.set()
        await waits
        scope, receive, send, said = one(None)
        await limits(scope, receive, send)
        done.append(str(said[0]["status"]))
        return done

    assert asyncio.run(story()) == ["503: too many large bodies at once", "200"]
