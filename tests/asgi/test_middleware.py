"""The middleware in front of real applications, with the database there, away, slow and back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket

from sentinel.api_usage.consumer_keys import Consumer, KeyState, public_keys, token_for
from sentinel.api_usage.decision import Ask, Decision
from sentinel.asgi import SentinelMiddleware
from sentinel.asgi.guarding import PAUSE_SECONDS, Away, Guard
from sentinel.asgi.offline_keys import FOLLOW_SECONDS
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.store import Store
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.signing_keys import SigningKeys

GUIDE = Path(__file__).parents[2] / "docs/how-to/limit-an-api.md"


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/orders")
    def orders(request: Request) -> dict[str, str]:
        found = request.state.consumer
        return {"of": found.consumer if found else ""}

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    return app


def guarded(store: Store | str, **more: Any) -> SentinelMiddleware:
    return SentinelMiddleware(application(), store=store, except_paths=["/health"], **more)


def costs_three(_: object) -> int:
    return 3


def all_of_it(_: object) -> str:
    return "all of it"


def asked(app: Any, *paths: str, **headers: str) -> list[httpx.Response]:
    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return [await client.get(one, headers=headers) for one in paths]

    return asyncio.run(all_of_them())


def test_the_example_of_the_guide(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    url = store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    (code,) = (one for one in GUIDE.read_text("utf-8").split("```python\n") if "# shop.py" in one)
    shop: dict[str, Any] = {}
    exec(compile(code.split("```")[0], "shop.py", "exec"), shop)
    key = ConsumerKeys(store).create("a", tenant="default", actor="ann", consumer="user-7")
    health, stranger = asked(shop["app"], "/health", "/orders")
    assert health.json() == {"ok": True}
    assert stranger.status_code == 401
    mine = {"Authorization": f"Bearer {key.secret.text}"}
    answers = asked(shop["app"], *["/orders"] * 4, **mine)
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[0].json() == {"orders_of": "user-7"}
    assert answers[0].headers["RateLimit-Policy"] == (
        '"3-per-minute-by-key";q=3;w=60, "1000-per-day-by-user";q=1000;w=86400'
    )
    assert answers[2].headers["RateLimit"].startswith('"3-per-minute-by-key";r=0;t=')
    refused = answers[3]
    assert refused.json()["violated-policies"] == ["3-per-minute-by-key"]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 80


def test_a_key_that_does_not_hold_here_is_refused_and_says_why(store: Store, clock: FakeClock):
    keys = ConsumerKeys(store)
    other = keys.create("a", tenant="beta", actor="ann")
    short = keys.create("b", tenant="default", actor="ann", expires_in=timedelta(hours=1))
    gone = keys.create("c", tenant="default", actor="ann")
    keys.revoke(gone.key.id, actor="ann")
    clock.forward(hours=2)
    app = guarded(store, keys="required")
    said = [
        asked(app, "/orders", **{"X-API-Key": one})[0].json()["detail"]
        for one in (other.secret.text, short.secret.text, gone.secret.text, "x")
    ]
    assert said == [
        "The key is unknown.", "The key is expired.", "The key is revoked.", "The key is unknown.",
    ]  # fmt: skip
    assert asked(app, "/orders")[0].headers["WWW-Authenticate"] == "Bearer"
    assert asked(app, "/health")[0].status_code == 200


def test_who_comes_without_a_key_is_limited_by_address(store: Store):
    app = guarded(store, keys="optional", limits="9/minute by key; 2/minute by address")
    answers = asked(app, "/orders", "/orders", "/orders", "/health")
    assert [one.status_code for one in answers] == [200, 200, 429, 200]
    assert answers[0].json() == {"of": ""}


def test_an_offline_token_is_taken_without_the_database(clock: FakeClock, store: Store):
    keys = ConsumerKeys(store)
    who = keys.verify(keys.create("a", tenant="default", actor="ann", consumer="u").secret.text).who
    assert who is not None
    signing = SigningKeys(store).current()
    token = token_for(signing, who, clock.now(), timedelta(minutes=5))
    away = Store("postgresql://x@127.0.0.1:1/x", clock=clock)
    app = guarded(away, keys="required", public_keys=public_keys(signing))
    assert asked(app, "/orders", Authorization=f"Bearer {token}")[0].json() == {"of": "u"}
    assert asked(app, "/orders", Authorization=f"Bearer {token[:-3]}")[0].status_code == 401


def test_offline_tokens_follow_the_rotation_of_what_signs_them(clock: FakeClock, store: Store):
    signers, seconds = SigningKeys(store), [0.0]
    who = Consumer(key="k", tenant="default", name="a", consumer="u")
    guard = Guard(store, public_keys="stored", patience=60, monotonic=lambda: seconds[0])

    def state(token: str) -> KeyState:
        return asyncio.run(guard.verify(token)).state

    def token() -> str:
        return token_for(signers.current(), who, clock.now(), timedelta(minutes=5))

    leaked = token()
    assert state(leaked) is KeyState.VALID
    signers.rotate(actor="ann", at_once=True)
    seconds[0] += FOLLOW_SECONDS
    assert (state(leaked), state(token())) == (KeyState.UNKNOWN, KeyState.VALID)
    guard.close()


def test_the_last_known_keys_of_tokens_stay_while_the_database_is_away(
    clock: FakeClock, store: Store, monkeypatch: pytest.MonkeyPatch
):
    seconds, who = [0.0], Consumer(key="k", tenant="default", name="a", consumer="u")
    token = token_for(SigningKeys(store).current(), who, clock.now(), timedelta(minutes=5))
    guard = Guard(store, public_keys="stored", patience=60, monotonic=lambda: seconds[0])

    def away(_: object) -> None:
        raise DatabaseUnreachable("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(SigningKeys, "public", away)
        with pytest.raises(Away):
            asyncio.run(guard.verify(token))
    seconds[0] += PAUSE_SECONDS
    assert asyncio.run(guard.verify(token)).state is KeyState.VALID
    monkeypatch.setattr(SigningKeys, "public", away)
    seconds[0] += FOLLOW_SECONDS
    assert asyncio.run(guard.verify(token)).state is KeyState.VALID
    guard.close()


def test_a_websocket_is_refused_before_it_is_opened(store: Store):
    app = guarded(store, limits="1/minute")

    def opened() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "websocket", "path": "/live", "raw_path": b"/live", "headers": [],
            "query_string": b"", "client": ("10.0.0.1", 1), "scheme": "ws", "root_path": "",
            "subprotocols": [],
        }  # fmt: skip
        asyncio.run(app(scope, receive, send))
        return sent

    accepted, said, *_ = opened()
    assert accepted["type"] == "websocket.accept"
    assert b"ratelimit" in dict(accepted["headers"])
    assert said["text"] == "hello"
    (refused,) = opened()
    assert (refused["type"], refused["code"]) == ("websocket.close", 1008)


def test_a_route_may_cost_more_and_have_a_name(store: Store):
    app = guarded(
        store, limits="5/minute bucket by endpoint", cost=costs_three,
        endpoint=all_of_it,
    )  # fmt: skip
    answers = asked(app, "/orders", "/orders")
    assert [one.status_code for one in answers] == [200, 429]
    assert '";r=2;' in answers[0].headers["RateLimit"]


def test_nothing_to_do_is_said_at_once(store: Store):
    with pytest.raises(ConfigurationError, match="neither limits nor keys"):
        guarded(store)
    with pytest.raises(ConfigurationError, match="no unit"):
        guarded(store, limits="1/fortnight")


@pytest.fixture
def silent() -> Any:
    """A database that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://x@127.0.0.1:{server.getsockname()[1]}/x"


def test_limits_pass_or_refuse_as_they_say_while_the_database_is_away():
    away = "postgresql://x@127.0.0.1:1/x"
    assert asked(guarded(away, limits="1/hour"), "/orders", "/orders")[1].status_code == 200
    closed = asked(guarded(away, limits="1/hour fail-closed"), "/orders")[0]
    assert (closed.status_code, closed.json()["title"]) == (503, "Service unavailable")
    key = {"X-API-Key": f"snc_abcdefgh_{'x' * 43}"}
    assert asked(guarded(away, keys="required"), "/orders", **key)[0].status_code == 503


def test_a_slow_database_is_asked_by_one_request_and_not_again_at_once(silent: str):
    app = guarded(silent, limits="1/hour", patience=0.05)
    questions: list[Sequence[Ask]] = []
    real = app.guard.leases.decide_in_store

    def counting(asks: Sequence[Ask]) -> Decision:
        questions.append(asks)
        return real(asks)

    app.guard.leases.decide_in_store = counting
    app.guard._monotonic = lambda: 5.0  # pyright: ignore[reportPrivateUsage]
    answers = asked(app, *["/orders"] * 20)
    assert {one.status_code for one in answers} == {200}
    assert len(questions) == 1


def test_it_goes_on_when_the_database_is_back_and_keeps_what_it_knew_of_keys(
    store: Store, clock: FakeClock
):
    made = ConsumerKeys(store).create("a", tenant="default", actor="ann", consumer="u")
    now, broken = [0.0], [False]
    guard = Guard(store, patience=60, monotonic=lambda: now[0])
    decide, verify = guard.leases.decide_in_store, guard._keys.verify  # pyright: ignore[reportPrivateUsage]

    def failing(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(given: Any) -> Any:
            if broken[0]:
                raise DatabaseUnreachable("gone")
            return work(given)

        return call

    guard.leases.decide_in_store = failing(decide)
    guard._keys.verify = failing(verify)  # type: ignore[method-assign] # pyright: ignore[reportPrivateUsage]
    app = guarded(store, keys="required", limits="3/hour by key")
    app.guard = guard

    def status() -> tuple[int, bool]:
        (answer,) = asked(app, "/orders", **{"X-API-Key": made.secret.text})
        return answer.status_code, "RateLimit" in answer.headers

    assert status() == (200, True)
    broken[0], now[0] = True, 100.0
    assert [status() for _ in range(5)] == [(200, False)] * 5
    now[0] = 500.0  # the key was seen too long ago
    assert status() == (503, False)
    broken[0], now[0] = False, 500.5
    assert status() == (503, False)
    now[0] = 501.5
    assert [status() for _ in range(3)] == [(200, True), (200, True), (429, True)]


def test_a_key_that_is_held_ends_on_time_also_while_the_database_is_away(
    store: Store, clock: FakeClock
):
    short = timedelta(seconds=3)
    made = ConsumerKeys(store).create("a", tenant="default", actor="ann", expires_in=short)
    guard = Guard(store, patience=60, monotonic=lambda: 1.0)

    def state() -> KeyState:
        return asyncio.run(guard.verify(made.secret.text)).state

    assert state() is KeyState.VALID
    clock.forward(seconds=3)
    assert state() is KeyState.EXPIRED


def test_who_hammers_at_a_limit_does_not_reach_the_database(store: Store):
    app = guarded(store, limits="2/minute by address; 90/day quota", patience=60)
    questions: list[Sequence[Ask]] = []
    real, now = app.guard.leases.decide_in_store, [5.0]

    def counting(asks: Sequence[Ask]) -> Decision:
        questions.append(asks)
        return real(asks)

    app.guard.leases.decide_in_store = counting
    app.guard._monotonic = lambda: now[0]  # pyright: ignore[reportPrivateUsage]
    answers = asked(app, *["/orders"] * 20)
    assert [one.status_code for one in answers] == [200] * 2 + [429] * 18
    assert len(questions) == 3
    last = answers[-1]
    assert last.json()["violated-policies"] == ["2-per-minute-by-address"]
    assert int(last.headers["Retry-After"]) > 0
    now[0] += 6  # and is asked about again, before long
    assert asked(app, "/orders")[0].status_code == 429
    assert len(questions) == 4


def test_leases_are_given_back_when_the_application_ends(store: Store):
    app = guarded(store, limits="100/day quota by address lease 40")

    async def lifespan(
        scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        await send(await receive())

    sent: list[Any] = []

    async def run() -> None:
        async def receive() -> Any:
            return {"type": "lifespan.shutdown"}

        async def send(message: Any) -> None:
            sent.append(message)

        app._app = lifespan  # pyright: ignore[reportPrivateUsage]
        await app({"type": "lifespan"}, receive, send)

    asked(app, *["/orders"] * 7)
    asyncio.run(run())
    assert sent
    (left,) = asked(guarded(store, limits="100/day quota by address lease 40"), "/orders")
    assert ";r=92;" in left.headers["RateLimit"]
