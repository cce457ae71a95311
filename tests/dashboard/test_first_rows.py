"""The first rows of the live page, in the page that a browser opens: for whom, and of what."""

from __future__ import annotations

import asyncio
from threading import Event

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboard import session
from dashboard.data import Data
from dashboard.first_rows import MOST, first_rows
from dashboard.index_middleware import IndexMiddleware
from dashboard.login_gate import LoginGate
from dashboard.opened_page import AT_ONCE, OpenedPage
from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.access.cookies import COOKIE
from sentinel.alerts.actions import Acknowledge
from sentinel.links import Addresses
from sentinel.settings import settings
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun
from tests.dashboard.scene import Scene

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")
PASSWORD = "seven green bicycles"
PROGRAM = '<script type="module" crossorigin src="./static/js/index.Dorm_-1.js"></script>'
OPENED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html"}
SCOPE = {
    "type": "http", "path": "/", "query_string": b"",
    "headers": [(name.encode(), value.encode()) for name, value in OPENED.items()],
}  # fmt: skip
ADA = Principal(name="ada", kind="local", role=Role.ADMIN)


def rows(scene: Scene, who: Principal = ADA, **given: str) -> str:
    return first_rows(Data(scene.store, ADDRESSES, lambda: True), who, given).decode()


def asked(path: str = "/", cookie: str = "", **headers: str) -> httpx.Response:
    """What a browser is answered by the dashboard of this process, Streamlit's page apart."""

    def page(_: Request) -> Response:
        return HTMLResponse(
            f"<html><head>{PROGRAM}</head><body><div id='root'></div></body></html>"
        )

    gate = Middleware(
        LoginGate, path=session.api_path, base=session.base_path, sign_in=session.sign_in,
        public_url=lambda: "http://d",
    )  # fmt: skip
    app = Starlette(
        routes=[Route("/{rest:path}", page)],
        middleware=[gate, Middleware(IndexMiddleware, first_rows=OpenedPage(wait=120).rows)],
    )
    given = headers | ({"cookie": f"{COOKIE}={cookie}"} if cookie else {})

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as browser:
            return await browser.get(path, headers=given)

    return asyncio.run(ask())


def test_the_most_urgent_rows_come_first_and_every_text_is_escaped(scene: Scene):
    scene.raises("low one", severity="low")
    scene.raises("<script>alert(1)</script>", severity="critical", labels={"a": "<i>"})
    taken = scene.raises("taken")
    scene.store.act([taken], Acknowledge(actor="lena"))
    text = rows(scene)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "<i>" not in text
    places = [text.index(one) for one in ("Unacknowledged", "alert(1)", "low one", "taken")]
    assert places == sorted(places)
    assert text.count('class="row ') == 3
    assert 'class="row is-open sev-critical"' in text


def test_a_screen_full_of_them_is_enough(scene: Scene):
    scene.storm(MOST + 20)
    assert rows(scene).count('class="row ') == MOST
    assert f"{MOST + 20} alerts" in rows(scene)


def test_the_address_filters_them_and_what_the_browser_orders_is_left_to_it(scene: Scene):
    scene.raises("disk", severity="critical")
    scene.raises("cpu", severity="low")
    assert "cpu" not in rows(scene, severity="critical")
    assert "cpu" not in rows(scene, q="disk")
    for name, value in (("sort", "age-down"), ("group", "rule"), ("alert", "x"), ("q", "no-such")):
        assert rows(scene, ADA, **{name: value}) == ""


def test_only_who_is_signed_in_gets_rows_of_their_own_tenant(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    scene.raises("mine", tenant="acme")
    scene.raises("theirs", tenant="globex")
    session.data()  # opened, as by the first page
    local = asked(**OPENED)
    assert ("mine" in local.text, "theirs" in local.text) == (True, True)
    assert local.headers["cache-control"] == "no-store"
    assert local.text.index('<div id="first-rows">') > local.text.index("<body>")
    # Streamlit's program starts once they are painted, and is still the same.
    assert PROGRAM not in local.text
    assert 'src: "./static/js/index.Dorm_-1.js"' in local.text
    # What a script of any site reads, another page, and a frame have none.
    for path, headers in (
        ("/", {}), ("/", OPENED | {"sec-fetch-mode": "cors"}),
        ("/", OPENED | {"sec-fetch-dest": "iframe"}), ("/history", OPENED),
    ):  # fmt: skip
        other = asked(path, **headers)
        assert "first-rows" not in other.text
        assert PROGRAM in other.text
        assert other.headers.get("cache-control") != "no-store"
    People(scene.store).create("vera", Role.VIEWER, password=PASSWORD, actor="root",
                               tenants=["acme"])  # fmt: skip
    begun = SignIn(scene.store, settings()).log_in("vera", PASSWORD)
    assert isinstance(begun, Begun)
    here = session.sign_in()
    assert here is not None
    monkeypatch.setattr(here, "is_on", lambda: True)
    refused = asked(**OPENED)
    assert (refused.status_code, "mine" in refused.text) == (303, False)
    hers = asked(cookie=begun.secret, **OPENED)
    assert ("mine" in hers.text, "theirs" in hers.text) == (True, False)


def test_rows_that_take_long_are_not_waited_for_and_do_not_pile_up():
    going = Event()
    begun: list[int] = []

    def slow(_: Request) -> bytes:
        begun.append(1)
        going.wait(60)
        return b"late"

    page = OpenedPage(wait=120, make=slow)

    async def ask() -> None:
        asking = [asyncio.ensure_future(page.rows(SCOPE)) for _ in range(AT_ONCE)]
        while len(begun) < AT_ONCE:
            await asyncio.sleep(0.01)
        for one in asking:  # as where the wait is over, or the browser has gone
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert [await page.rows(SCOPE) for _ in range(3)] == [b""] * 3
        assert (len(begun), page.running) == (AT_ONCE, AT_ONCE)
        going.set()
        while page.running:
            await asyncio.sleep(0.01)
        assert await page.rows(SCOPE) == b"late"

    asyncio.run(ask())
    assert asyncio.run(OpenedPage(wait=0, make=slow).rows(SCOPE)) == b""


def test_no_error_of_the_first_rows_is_one_of_the_page(caplog: pytest.LogCaptureFixture):
    def breaks(_: Request) -> bytes:
        raise KeyError("a bug")

    page = OpenedPage(wait=120, make=breaks)
    for _ in range(AT_ONCE + 1):
        assert asyncio.run(page.rows(SCOPE)) == b""
    assert caplog.text.count("a bug") >= AT_ONCE + 1
