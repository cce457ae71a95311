"""The dashboard in a real browser: what people wait for, and what many screens cost the server.

A dashboard is started over a SQLite database with many alerts (`SENTINEL_BENCH_ALERTS`, 1,000,000
by default). In a real Chromium: how long the live page and a search of the history take until
they stand on the screen, and an acknowledgement from the key to the row that the server confirmed.

Every page, the queries of it, and the live page beside an earlier build: `screen_pages.py`.

With 20 screens as plain clients (`screen_sessions.py`), each refreshing every 2 s: the processor
time of the server, first with nothing going on, then with one change a second, which every screen
fetches. The same with 500 (`SENTINEL_BENCH_CROWD`), which are clients too and no browsers: they
hold a session of Streamlit each, ask what a browser asks, and draw nothing. And how the server's
memory grows over the refreshes and changes of an hour of 20 screens, pressed into
`SENTINEL_BENCH_MINUTES` (6 by default: everything happens ten times as fast; 60 is a real hour).

The peer is a page of Streamlit's own parts over the same rows (`peers/table_page.py`), measured
the same way in the same run with 20 screens, also beside the row of 500. Browser, clients and
server share the machine, so that times are the worse for it; shares and memory are the server's
alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

import benchmarks.dashboard as alerts
from benchmarks.screen_pages import live_page_open, pages_opened, queries_of_pages
from benchmarks.screen_sessions import Cost, Recorded, record, served, watch
from benchmarks.table import Row
from sentinel.alerts.actions import Assign
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.dashboard.browser import open_browser

SESSIONS = int(os.environ.get("SENTINEL_BENCH_SESSIONS", "20"))
CROWD = int(os.environ.get("SENTINEL_BENCH_CROWD", "500"))
MINUTES = float(os.environ.get("SENTINEL_BENCH_MINUTES", "6"))
MEASURED = 40.0
"""Seconds that the server's processor time is watched for."""
HOUR = 3600.0
TIMES = 20
HERE = Path(__file__).parent
OURS = HERE.parent / "dashboard" / "app.py"
PEER = HERE / "peers" / "table_page.py"
STREAMLIT = "a page of st.dataframe"
ROW = ".blotter .row"
CANVAS = "[data-testid=stDataFrame] canvas"


def run() -> list[Row]:
    """One row a figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/bench.db"
        store = Store(url)
        store.migrate()
        alerts.fill(Store(url, clock=FakeClock(store.now())))
        with sync_playwright() as playwright, open_browser(playwright) as browser:
            rows = live_page_open(browser, url, folder)
            with served(OURS, url, folder) as (address, _):
                rows += pages_opened(browser, address)
            rows += measured(browser, store, url, folder)
        rows += queries_of_pages(url, _changes(store))
        store.close()
    return rows


def measured(browser: Browser, store: Store, url: str, folder: Path) -> list[Row]:
    """Every figure, over the database at `url`."""
    change = _changes(store)
    with served(OURS, url, folder) as (address, server):
        ours = {
            "opened": _opened(browser, address, ROW),
            "turned": _turned(browser, address),
            "search": _searched(browser, address),
            "acknowledge": _acknowledged(browser, address),
        }
        asked = record(browser, address, ROW, change)
        quiet = _cost(address, asked, server, MEASURED)
        busy = _cost(address, asked, server, MEASURED, change)
        hour = watch(
            address, asked, server, sessions=SESSIONS, seconds=MINUTES * 60, change=change,
            faster=HOUR / (MINUTES * 60),
        )  # fmt: skip
    with served(OURS, url, folder) as (address, server):
        asked = record(browser, address, ROW, change)
        crowd = watch(address, asked, server, sessions=CROWD, seconds=MEASURED)
        crowd_busy = watch(
            address, asked, server, sessions=CROWD, seconds=MEASURED, change=change
        )  # fmt: skip
    with served(PEER, url, folder) as (address, server):
        peer = _peer_waits(browser, address)
        asked = record(browser, address, CANVAS, None)
        peer_quiet = _cost(address, asked, server, MEASURED)
        peer_busy = _cost(address, asked, server, MEASURED, change)

    def row(name: str, value: float, unit: str, other: float, also: str = "") -> Row:
        name, words = f"screens_{name}", f"{STREAMLIT}{also}"
        return Row(name=name, value=value, unit=unit, peer=words, peer_value=other)

    few = f", {SESSIONS} sessions"
    return [
        row("live_page_opened", ours["opened"], "ms p95", peer["opened"]),
        row("live_page_turned_to", ours["turned"], "ms p95", peer["turned"]),
        row("history_search", ours["search"], "ms p95", peer["search"]),
        row("acknowledge_to_confirmed", ours["acknowledge"], "ms p95", peer["acknowledge"]),
        row(f"{SESSIONS}_sessions_quiet", quiet.share, "% of a core", peer_quiet.share),
        row(f"{SESSIONS}_sessions_busy", busy.share, "% of a core", peer_busy.share),
        row(f"{SESSIONS}_sessions_news", _p95(busy.waited), "ms p95", _p95(peer_busy.waited)),
        row(f"{CROWD}_sessions_quiet", crowd.share, "% of a core", peer_quiet.share, few),
        row(f"{CROWD}_sessions_busy", crowd_busy.share, "% of a core", peer_busy.share, few),
        row(f"{CROWD}_sessions_news", _p95(crowd_busy.waited), "ms p95",
            _p95(peer_busy.waited), few),
        row(f"{CROWD}_sessions_memory", crowd_busy.memory[-1][1], "MB",
            peer_busy.memory[-1][1], few),
        row(f"memory_over_{hour.refreshes}_refreshes", hour.memory[-1][1], "MB",
            peer_busy.memory[-1][1]),
        row("memory_per_1000_refreshes", hour.growth, "MB", peer_busy.growth),
    ]  # fmt: skip


def _changes(store: Store) -> Callable[[], object]:
    """Makes one change, which every screen sees."""
    ids = [alert.id for alert in store.alerts.page(limit=100, order="live").items]
    made = 0

    def change() -> object:
        nonlocal made
        made += 1
        one = Assign(actor="bench", assignee=f"p{made}")
        return store.act([ids[made % len(ids)]], one)

    return change


def _cost(
    address: str,
    asked: Recorded,
    server: psutil.Process,
    seconds: float,
    change: Callable[[], object] | None = None,
) -> Cost:
    return watch(address, asked, server, sessions=SESSIONS, seconds=seconds, change=change)


def _p95(seconds: Sequence[float]) -> float:
    """Milliseconds that 95 of 100 stay under."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.95))] * 1000


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _page(browser: Browser, address: str, ready: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(ready)
    page.mouse.move(5, 5)
    return page


CONFIRMED = """(id) => {
    const seek = (root) => {
        for (const one of root.querySelectorAll('*')) {
            if (one.id === id) return one;
            if (one.shadowRoot) { const found = seek(one.shadowRoot); if (found) return found; }
        }
        return null;
    };
    const found = seek(document);
    // One that is acknowledged may come after the last that is loaded.
    return found === null
        || (found.classList.contains('is-acknowledged') && !found.classList.contains('pending'));
}"""


def _acknowledged(browser: Browser, address: str) -> float:
    """From the key to the row that the server confirmed."""
    page = _page(browser, address, ROW)
    took: list[float] = []
    for number in range(TIMES + 3):
        page.keyboard.press("Home")
        wanted = page.locator(".blotter .grid").get_attribute("aria-activedescendant")

        def acknowledge(wanted: str | None = wanted) -> None:
            page.keyboard.press("a")
            page.wait_for_function(CONFIRMED, arg=wanted, polling=20)

        spent = _timed(acknowledge)
        if number >= 3:  # the first few warm the server
            took.append(spent)
    page.context.close()
    return _p95(took)


def _opened(browser: Browser, address: str, ready: str) -> float:
    """From the address until rows stand there, the browser's cache being warm."""
    page = _page(browser, address, ready)
    took: list[float] = []
    for _ in range(TIMES):
        page.goto("about:blank")
        took.append(_timed(lambda: (page.goto(address), page.wait_for_selector(ready))))
    page.context.close()
    return _p95(took)


def _turned(browser: Browser, address: str) -> float:
    """From the click on the live page's name, on another page, until its rows stand there."""
    page = _page(browser, address, ROW)
    rows = page.locator(ROW).first
    took: list[float] = []
    for _ in range(TIMES):
        page.get_by_role("link", name="Settings").click()
        page.wait_for_selector(".meanings")

        def live() -> None:
            page.get_by_role("link", name="Live").click()
            rows.wait_for()

        took.append(_timed(live))
    page.context.close()
    return _p95(took)


def _searched(browser: Browser, address: str) -> float:
    """From Enter until what was found, and how many, stand there."""
    page = _page(browser, address, ROW)
    page.get_by_role("link", name="History").click()
    page.wait_for_selector(CANVAS)
    box = page.get_by_label("Search", exact=True)
    said = page.locator(".fresh-count, .empty")
    took: list[float] = []
    for number in range(TIMES):
        before = said.first.inner_text()
        box.fill(_words(number))

        def search(before: str = before) -> None:
            box.press("Enter")
            page.wait_for_function(
                "(was) => [...document.querySelectorAll('.fresh-count, .empty')]"
                ".some((one) => one.innerText !== was)",
                arg=before,
                polling=20,
            )

        took.append(_timed(search))
    page.context.close()
    return _p95(took)


def _words(number: int) -> str:
    """Very many are found and few by turns, so that what is shown differs each time."""
    if number % 2:
        return f"host-{number:04d}"
    return alerts.CAUSES[number // 2 % len(alerts.CAUSES)]


def _peer_waits(browser: Browser, address: str) -> dict[str, float]:
    """The same waits at the peer's page; p95 in milliseconds."""
    page = _page(browser, address, CANVAS)
    done: list[float] = []
    said = page.get_by_test_id("stText")
    for _ in range(TIMES):
        before = said.first.inner_text()

        def acknowledge(before: str = before) -> None:
            page.get_by_role("button", name="Acknowledge").click()
            page.wait_for_function(
                "(was) => [...document.querySelectorAll('[data-testid=stText]')]"
                ".some((one) => one.innerText !== was)",
                arg=before,
                polling=20,
            )

        done.append(_timed(acknowledge))
    found: list[float] = []
    turned: list[float] = []
    box = page.get_by_test_id("stTextInputField")

    def ask(words: str, answer: str) -> float:
        box.fill(words)
        return _timed(lambda: (box.press("Enter"), page.get_by_text(answer).wait_for()))

    for number in range(TIMES):
        found.append(ask(_words(number), f"found for {_words(number)}:"))
        turned.append(ask("", "acknowledged:"))
    page.context.close()
    return {
        "opened": _opened(browser, address, CANVAS),
        "turned": _p95(turned),
        "acknowledge": _p95(done),
        "search": _p95(found),
    }
