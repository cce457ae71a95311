"""Status pages at the small door: for everybody or by a token, in a browser, light and dark."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, sync_playwright

from sentinel.clock import FakeClock
from sentinel.public_pages import create_app
from sentinel.services.status_page import status_page_of
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.options import StoreOptions
from sentinel.store.services.status_pages import ServedPage, StatusPages
from sentinel.store.services.status_writing import write_pages
from tests.dashboard.browser import open_browser

HOST = "https://status.example.org"
AXE = (Path(__file__).parents[1] / "dashboard/vendor/axe-core-4.14.1.min.js").read_text()
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Reader:
    """Somebody who reads status pages, with the cookies that they are given."""

    def __init__(self, store: Store, path: str = "") -> None:
        settings = Settings(public_url=f"{HOST}{path}")
        self.app: Any = create_app(settings, store=store, guesses=ClientLimits())
        self.cookies = httpx.Cookies()

    def asks(
        self, path: str, method: str = "GET", *, data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, content: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url=HOST, cookies=self.cookies
            ) as client:
                answer = await client.request(
                    method, path, data=data, content=content, headers=dict(headers or {})
                )
                self.cookies = client.cookies
                return answer

        # In a thread, since Playwright has a loop of its own in this one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(asked())).result()


@pytest.fixture
def pages(store: Store, clock: FakeClock) -> StatusPages:
    clock.set(NOW)
    store.options = StoreOptions(public_url=HOST, status_mail="sentinel-email/status")
    pages = StatusPages(store)
    for name, public in (("shop", True), ("inside", False)):
        given = {"name": name, "title": f"Title of {name}", "public": public,
                 "subscribe": ["email", "webhook"],
                 "components": [{"service": "checkout"}, {"service": "search"}]}  # fmt: skip
        pages.save(status_page_of(given), actor="ann")
    write_pages(store)
    return pages


def test_everybody_reads_a_public_page_and_its_feed(pages: StatusPages, store: Store):
    reader = Reader(store)
    answer = reader.asks("/status/shop")
    assert answer.status_code == 200
    assert "Title of shop" in answer.text
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "public, max-age=15"
    assert "X-Robots-Tag" not in answer.headers
    feed = reader.asks("/status/shop/feed.atom")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    assert reader.asks("/status/shop", "HEAD").status_code == 200
    assert reader.asks("/status/shop/more").status_code == 404


@pytest.mark.parametrize("path", ["/status/{}", "/status/{}/feed.atom"])
@pytest.mark.parametrize(
    ("method", "given"),
    [("GET", {}), ("GET", {"headers": {"Authorization": "Bearer x"}}), ("HEAD", {}),
     ("POST", {"data": {"token": "x"}})],
)  # fmt: skip
def test_no_answer_tells_a_private_page_from_none(
    path: str, method: str, given: dict[str, Any], pages: StatusPages, store: Store
):
    pages.new_token("inside", actor="ann")

    def answers(name: str) -> list[tuple[int, list[tuple[str, str]], str]]:
        reader = Reader(store)
        found = [reader.asks(path.format(name), method, **given) for _ in range(32)]
        return [
            (one.status_code,
             [pair for pair in one.headers.multi_items() if pair[0] != "retry-after"], one.text)
            for one in found
        ]  # fmt: skip

    assert answers("inside") == answers("others")


def test_below_a_path_the_cookie_and_the_redirect_are_of_the_page(pages: StatusPages, store: Store):
    token, reader = pages.new_token("inside", actor="ann"), Reader(store, "/sentinel")
    answer = reader.asks("/sentinel/status/inside", "POST", data={"token": token})
    assert answer.headers["Location"] == "/sentinel/status/inside"
    assert "Path=/sentinel/status/inside" in answer.headers["Set-Cookie"]


def test_a_private_page_is_read_with_its_token_alone(pages: StatusPages, store: Store):
    token, reader = pages.new_token("inside", actor="ann"), Reader(store)
    for path in ("/status/inside", "/status/inside/feed.atom"):
        answer = reader.asks(path)
        assert answer.status_code == 401
        assert "Title of" not in answer.text
        assert reader.asks(f"{path}?token={token}").status_code == 401
    assert reader.asks("/status/inside", "POST", data={"token": "x"}).status_code == 401
    opened = reader.asks("/status/inside", "POST", data={"token": token})
    assert (opened.status_code, opened.headers["Location"]) == (303, "/status/inside")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/status/inside"} <= {
        one.strip() for one in opened.headers["Set-Cookie"].split(";")
    }
    shown = reader.asks("/status/inside")
    assert "Title of inside" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert reader.asks("/status/inside/feed.atom").status_code == 200
    bearer = {"Authorization": f"Bearer {token}"}
    assert Reader(store).asks("/status/inside/feed.atom", headers=bearer).status_code == 200
    pages.new_token("inside", actor="ann")
    assert Reader(store).asks("/status/inside", headers=bearer).status_code == 401


def test_who_guesses_tokens_is_stopped_and_readers_are_not(pages: StatusPages, store: Store):
    reader = Reader(store)
    codes = [
        reader.asks("/status/inside", "POST", data={"token": str(number)}).status_code
        for number in range(32)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert all(reader.asks("/status/shop").status_code == 200 for _ in range(5))


def test_names_of_no_page_make_no_page_be_read_again(
    pages: StatusPages, store: Store, monkeypatch: pytest.MonkeyPatch
):
    read: list[str] = []
    served = StatusPages.served

    def noted(given: StatusPages, name: str) -> ServedPage | None:
        read.append(name)
        return served(given, name)

    monkeypatch.setattr(StatusPages, "served", noted)
    monkeypatch.setattr("sentinel.public_pages.status._FRESH_SECONDS", 600.0)
    reader = Reader(store)
    for number in range(250):
        reader.asks(f"/status/none-{number}")
        reader.asks("/status/shop")
    assert (read.count("shop"), len(read)) == (1, 251)


def test_a_page_that_nobody_writes_says_so(pages: StatusPages, store: Store, clock: FakeClock):
    assert "was last written" not in Reader(store).asks("/status/shop").text
    clock.forward(minutes=6)
    assert "last written 2026-11-30 12:00 UTC" in Reader(store).asks("/status/shop").text


@pytest.mark.slow
def test_the_page_is_for_everybody_light_and_dark_at_390_pixels(
    pages: StatusPages, store: Store, clock: FakeClock
):
    one = Incidents(store).open(NewIncident(title="x", service="checkout", severity=5), actor="ann")
    Incidents(store).update(one.id, "word" * 200, actor="ann", public=True)
    MatcherSilences(store).create(
        ['service="checkout"'], until=NOW + timedelta(hours=2), actor="ann", comment="x",
        maintenance=True,
    )  # fmt: skip
    clock.forward(minutes=1)
    write_pages(store)
    reader, asked = Reader(store), list[str]()

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        got = reader.asks(route.request.url.removeprefix(HOST))
        route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.text)

    wrong: list[str] = []
    with sync_playwright() as playwright, open_browser(playwright) as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 390, "height": 800}, color_scheme=scheme, bypass_csp=False
            )
            page = context.new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.route("**/*", answer)
            for path in ("/status/shop", "/status/inside"):
                page.goto(f"{HOST}{path}")
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                assert page.evaluate("document.documentElement.scrollWidth") <= 390
                page.evaluate(AXE)
                found = page.evaluate("async () => (await axe.run()).violations.map((v) => v.id)")
                assert found == [], f"{path} in {scheme}"
            # The style sheet is allowed by its hash, or the page would have no colour of its own.
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert background == {"light": "rgb(244, 246, 248)", "dark": "rgb(18, 22, 27)"}[scheme]
            context.close()
    assert [one for one in wrong if "401" not in one] == []
    assert set(asked) <= {f"{HOST}/status/shop", f"{HOST}/status/inside", f"{HOST}/favicon.ico"}
