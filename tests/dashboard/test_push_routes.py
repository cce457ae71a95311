"""Subscribing a browser to Web Push over the live API, and the files that it needs for it."""

from __future__ import annotations

import asyncio
import base64
import io
import os
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard.push_routes import MovedBrowsers
from dashboard.web_app import WebAppFiles, head_of
from sentinel.access.vapid import public_key
from sentinel.notifications.push_subscription import id_of, move_of
from sentinel.store import Store
from sentinel.store.notifications.push_subscriptions import PushSubscriptions
from tests.dashboard.test_live_api import Browser
from tests.store.notifications.test_push_subscriptions import new_point

ENDPOINT = "https://push.example/send/phone"


@pytest.fixture
def push(store: Store) -> PushSubscriptions:
    return PushSubscriptions(store)


@pytest.fixture
def browser(store: Store, push: PushSubscriptions) -> Browser:
    return Browser(store, push=lambda: push)


def subscription(endpoint: str = ENDPOINT) -> dict[str, Any]:
    raw = (new_point(), os.urandom(16))
    point, auth = (base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in raw)
    return {"endpoint": endpoint, "keys": {"p256dh": point, "auth": auth}}


def test_a_browser_is_subscribed_for_whom_the_page_belongs_to(
    browser: Browser, push: PushSubscriptions
):
    named = {"id": id_of(ENDPOINT)}
    before = browser.asks("push", params=named).json()
    assert before == {"key": public_key(push.private_key()), "subscribed": False}
    assert browser.asks("push", "POST", json=subscription()).json() == {"subscribed": True}
    assert [one.endpoint for one in push.of(["maria"])] == [ENDPOINT]
    assert browser.asks("push", params=named).json()["subscribed"] is True
    assert browser.asks("push").json()["subscribed"] is False
    answer = browser.asks("push", "DELETE", json={"endpoint": ENDPOINT})
    assert answer.json() == {"subscribed": False}
    assert push.of(["maria"]) == []


def test_what_is_no_subscription_is_refused_and_says_why(browser: Browser):
    plain = subscription() | {"endpoint": "http://push.example/send/phone"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"json": plain}, "https://"), ({"content": b"\xff"}, ""), ({"json": {}}, "endpoint"),
        ({"json": []}, ""),
    ]  # fmt: skip
    for sent, why in wrong:
        answer = browser.asks("push", "POST", **sent)
        assert answer.status_code == 400, sent
        assert why in answer.json()["error"]
    assert browser.asks("push", "DELETE", json=3).status_code == 400
    assert browser.asks("push", "POST", content=b" " * 9000).status_code == 413


def test_who_has_no_page_subscribes_nothing(browser: Browser, push: PushSubscriptions):
    browser.token = "maria.s1.forged"
    for method in ("GET", "POST", "DELETE"):
        assert browser.asks("push", method, json=subscription()).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert browser.asks("push", "POST", headers=foreign, json=subscription()).status_code == 403
    assert push.of(["maria"]) == []


def test_a_database_that_is_down_is_named(
    browser: Browser, push: PushSubscriptions, monkeypatch: pytest.MonkeyPatch
):
    def down(*_: object) -> str:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(push, "private_key", down)
    monkeypatch.setattr(push, "add", down)
    for method in ("GET", "POST"):
        answer = browser.asks("push", method, json=subscription())
        assert answer.status_code == 503
        assert "the database failed" in answer.json()["error"]


def moves(push: PushSubscriptions, **sent: Any) -> httpx.Response:
    """What a service worker is answered, which has no page and perhaps nobody signed in."""

    def behind(_: Request) -> Response:
        return PlainTextResponse("login")

    asked = Middleware(MovedBrowsers, path=lambda: "/sentinel", browsers=lambda: push)
    app = Starlette(routes=[Route("/{rest:path}", behind)], middleware=[asked])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
            return await client.post("/sentinel/push_moved", **sent)

    return asyncio.run(ask())


def test_a_service_worker_moves_its_subscription_without_a_page(
    browser: Browser, push: PushSubscriptions
):
    old, new = subscription(), subscription(f"{ENDPOINT}-2")
    browser.asks("push", "POST", json=old)
    named = {"endpoint": ENDPOINT, "auth": old["keys"]["auth"]}
    foreign = {"sec-fetch-site": "cross-site"}
    refused: list[tuple[int, dict[str, Any]]] = [
        (403, {"json": {"from": named, "to": new}, "headers": foreign}),
        (400, {"json": {"from": named, "to": {"endpoint": "http://x"}}}),
        (400, {"json": {"to": new}}), (400, {"content": b"\xff"}),
        (413, {"content": b" " * 9000}),
    ]  # fmt: skip
    for status, sent in refused:
        answer = moves(push, **sent)
        assert (answer.status_code, bool(answer.json()["error"])) == (status, True), sent
    assert [one.endpoint for one in push.of(["maria"])] == [ENDPOINT]
    forged = named | {"auth": new["keys"]["auth"]}
    assert moves(push, json={"from": forged, "to": new}).json() == {"subscribed": False}
    assert [one.endpoint for one in push.of(["maria"])] == [ENDPOINT]
    assert moves(push, json={"from": named, "to": new}).json() == {"subscribed": True}
    assert [one.endpoint for one in push.of(["maria"])] == [f"{ENDPOINT}-2"]


def fetched(path: str, base: str = "/sentinel") -> httpx.Response:
    """What is served before the login."""

    def behind(_: Request) -> Response:
        return PlainTextResponse("login")

    files = Middleware(WebAppFiles, path=lambda: base)
    app = Starlette(routes=[Route("/{rest:path}", behind)], middleware=[files])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_files_of_the_app_are_served_before_the_login_and_nothing_else():
    worker = fetched("/sentinel/push_worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert 'addEventListener("push"' in worker.text
    assert fetched("/sentinel/icon.svg").headers["content-type"] == "image/svg+xml"
    for path in ("/push_worker.js", "/sentinel/beat", "/sentinel/__init__.py", "/other/icon.svg"):
        assert fetched(path).text == "login"


@pytest.mark.parametrize(("base", "home"), [("/sentinel", "/"), ("/ops/sentinel", "/ops/")])
def test_the_manifest_names_the_app_where_it_is_served(base: str, home: str):
    answer = fetched(f"{base}/manifest.webmanifest", base)
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["start_url"], manifest["scope"]) == (home, home)
    assert manifest["icons"][0]["src"] == f"{base}/icon.svg"
    assert (manifest["display"], manifest["theme_color"]) == ("standalone", "#0b0f16")
    # What Chromium asks of an app that can be installed: pictures of at least 192 and 512 pixels.
    pictures = [one for one in manifest["icons"] if one["type"] == "image/png"]
    assert {"192x192", "512x512"} <= {one["sizes"] for one in pictures}
    assert "maskable" in {one["purpose"] for one in pictures}
    for one in pictures:
        picture = Image.open(io.BytesIO(fetched(one["src"], base).content))
        assert "x".join(map(str, picture.size)) == one["sizes"]
    assert f'href="{base}/manifest.webmanifest"' in head_of(base)
    assert head_of(base).count('<meta name="theme-color"') == 2


def test_who_proves_nothing_holds_up_no_writer(
    store: Store, push: PushSubscriptions, monkeypatch: pytest.MonkeyPatch
):
    def writes(_: object) -> None:
        raise AssertionError("a transaction that writes")

    given = subscription()
    named = {"endpoint": ENDPOINT, "auth": given["keys"]["auth"]}
    move = move_of({"from": named, "to": subscription(f"{ENDPOINT}-2")})
    monkeypatch.setattr(store, "in_transaction", writes)
    assert push.move(move.endpoint, move.auth, move.subscription) is False


def test_a_browser_that_goes_while_it_moves_is_no_error(push: PushSubscriptions):
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def unused(*_: Any) -> None:
        raise AssertionError("nobody is left to answer")

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/push_moved", "headers": []}
    asked = MovedBrowsers(unused, path=str, browsers=lambda: push)
    asyncio.run(asked(scope, gone, unused))
