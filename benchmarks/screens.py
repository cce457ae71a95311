"""The dashboard in a real browser: what people wait for, and what many screens cost the server.

A dashboard is started over a SQLite database with many alerts (`SENTINEL_BENCH_ALERTS`, 1,000,000
by default) and what a busy installation has beside them (`screen_seed.py`). With 20,000 alerts all
of it takes about a minute: a try, as `screen_sizes.py` says. `SENTINEL_BENCH_PARTS` names parts:

- `open`, `rest`: the live page as it opens, and 500 screens at rest (`SENTINEL_BENCH_CROWD`), both
  beside an earlier build (`screen_earlier.py`)
- `pages`, `queries`: every page on the screen, and its queries (`screen_pages.py`)
- `waits`: in a real Chromium, how long the live page and a search of the history take until they
  stand on the screen, and an acknowledgement from the key to the row that the server confirmed
- `sessions`: with 20 screens as plain clients (`screen_sessions.py`), each refreshing every 2 s,
  the processor time of the server, first with nothing going on, then with one change a second,
  which every screen fetches. The same with 500, which are clients too and no browsers: they hold a
  session of Streamlit each, ask what a browser asks, and draw nothing. And how the server's memory
  grows over the refreshes and changes of an hour of 20 screens, pressed into
  `SENTINEL_BENCH_MINUTES` (6 by default: everything happens ten times as fast; 60 is a real hour).

The peer is a page of Streamlit's own parts over the same rows (`peers/table_page.py`), measured
the same way in the same run with 20 screens, also beside the row of 500. Browser, clients and
server share the machine, so that times are the worse for it; shares and memory are the server's
alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

import benchmarks.dashboard as alerts
from benchmarks.screen_earlier import beside_earlier
from benchmarks.screen_pages import CANVAS, fill_telemetry, pages_opened, queries_of_pages
from benchmarks.screen_seed import fill_pages
from benchmarks.screen_sessions import Cost, Recorded, record, served, watch
from benchmarks.screen_sizes import (
    CROWD,
    HOUR,
    MEASURED,
    MINUTES,
    RUNS,
    SESSIONS,
    note,
    p95,
    wanted,
)
from benchmarks.table import Row
from benchmarks.telemetry import embedded_store
from sentinel.alerts.actions import Assign
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.dashboard.browser import open_browser

HERE = Path(__file__).parent
OURS = HERE.parent / "dashboard" / "app.py"
PEER = HERE / "peers" / "table_page.py"
STREAMLIT = "a page of st.dataframe"
ROW = ".blotter .row"


def run() -> list[Row]:
    """One row a figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/bench.db"
        store = Store(url)
        store.migrate()
        note(f"filling a database with {alerts.ALERTS:,} alerts")
        alerts.fill(Store(url, clock=FakeClock(store.now())))
        fill_pages(store, lambda words: note(f"filling: {words}"))
        with sync_playwright() as playwright, open_browser(playwright) as browser:
            rows = beside_earlier(browser, url, folder) if wanted("open", "rest") else []
            if wanted("pages", "queries"):
                with embedded_store(folder):
                    rows += _pages(browser, store, url, folder)
            if wanted("waits", "sessions"):
                rows += _beside_streamlit(browser, store, url, folder)
        store.close()
    return rows


def _pages(browser: Browser, store: Store, url: str, folder: Path) -> list[Row]:
    """Return the figures of every page, with a telemetry store."""
    fill_telemetry()
    rows: list[Row] = []
    if wanted("pages"):
        with served(OURS, url, folder) as (address, _):
            rows += pages_opened(browser, address)
    if wanted("queries"):
        # The browser's driver has an event loop in this thread.
        with ThreadPoolExecutor(1, "pages") as thread:
            rows += thread.submit(queries_of_pages, url, _changes(store)).result()
    return rows


def _beside_streamlit(browser: Browser, store: Store, url: str, folder: Path) -> list[Row]:
    """Return the figures that have a page of Streamlit's own parts as their peer."""
    change = _changes(store)
    waits, sessions = wanted("waits"), wanted("sessions")
    ours, peer = dict[str, float](), dict[str, float]()
    costs, crowd, peers, hour = _Costs(), _Costs(), _Costs(), Cost()
    with served(OURS, url, folder) as (address, server):
        if waits:
            note("the live page, a search and an acknowledgement")
            ours = {
                "live_page_opened": _opened(browser, address, ROW),
                "live_page_turned_to": _turned(browser, address),
                "history_search": _searched(browser, address),
                "acknowledge_to_confirmed": _acknowledged(browser, address),
            }
        if sessions:
            note(f"{SESSIONS} screens, and an hour of them")
            asked = record(browser, address, ROW, change)
            costs.measure(address, asked, server, change)
            hour = watch(
                address, asked, server, sessions=SESSIONS, seconds=MINUTES * 60, change=change,
                faster=HOUR / (MINUTES * 60),
            )  # fmt: skip
    if sessions:
        with served(OURS, url, folder) as (address, server):
            note(f"{CROWD} screens")
            asked = record(browser, address, ROW, change)
            crowd.measure(address, asked, server, change, CROWD)
    with served(PEER, url, folder) as (address, server):
        note("the peer, a page of st.dataframe")
        if waits:
            peer = _peer_waits(browser, address)
        if sessions:
            asked = record(browser, address, CANVAS, None)
            peers.measure(address, asked, server, change)

    def row(name: str, value: float, unit: str, other: float, also: str = "") -> Row:
        name, words = f"screens_{name}", f"{STREAMLIT}{also}"
        return Row(name=name, value=value, unit=unit, peer=words, peer_value=other)

    rows = [row(name, value, "ms p95", peer[name]) for name, value in ours.items()]
    if not sessions:
        return rows
    few = f", {SESSIONS} sessions"
    return [
        *rows,
        row(f"{SESSIONS}_sessions_quiet", costs.quiet.share, "% of a core", peers.quiet.share),
        row(f"{SESSIONS}_sessions_busy", costs.busy.share, "% of a core", peers.busy.share),
        row(f"{SESSIONS}_sessions_news", costs.news, "ms p95", peers.news),
        row(f"{CROWD}_sessions_quiet", crowd.quiet.share, "% of a core", peers.quiet.share, few),
        row(f"{CROWD}_sessions_busy", crowd.busy.share, "% of a core", peers.busy.share, few),
        row(f"{CROWD}_sessions_news", crowd.news, "ms p95", peers.news, few),
        row(f"{CROWD}_sessions_memory", crowd.busy.memory[-1][1], "MB",
            peers.busy.memory[-1][1], few),
        row(f"memory_over_{hour.refreshes}_refreshes", hour.memory[-1][1], "MB",
            peers.busy.memory[-1][1]),
        row("memory_per_1000_refreshes", hour.growth, "MB", peers.busy.growth),
    ]  # fmt: skip


@dataclass(kw_only=True)
class _Costs:
    """What screens cost while nothing goes on, and while there is a change a second."""

    quiet: Cost = field(default_factory=Cost)
    busy: Cost = field(default_factory=Cost)

    def measure(
        self, address: str, asked: Recorded, server: psutil.Process,
        change: Callable[[], object], sessions: int = SESSIONS,
    ) -> None:  # fmt: skip
        self.quiet = watch(address, asked, server, sessions=sessions, seconds=MEASURED)
        self.busy = watch(
            address, asked, server, sessions=sessions, seconds=MEASURED, change=change
        )  # fmt: skip

    @property
    def news(self) -> float:
        return _p95(self.busy.waited)


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


def _p95(seconds: Sequence[float]) -> float:
    """Milliseconds that 95 of 100 stay under."""
    return p95(seconds) * 1000


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
    for number in range(RUNS + 3):
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
    for _ in range(RUNS):
        page.goto("about:blank")
        took.append(_timed(lambda: (page.goto(address), page.wait_for_selector(ready))))
    page.context.close()
    return _p95(took)


def _turned(browser: Browser, address: str) -> float:
    """From the click on the live page's name, on another page, until its rows stand there."""
    page = _page(browser, address, ROW)
    rows = page.locator(ROW).first
    took: list[float] = []
    for _ in range(RUNS):
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
    for number in range(RUNS):
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
    for _ in range(RUNS):
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

    for number in range(RUNS):
        found.append(ask(_words(number), f"found for {_words(number)}:"))
        turned.append(ask("", "acknowledged:"))
    page.context.close()
    return {
        "live_page_opened": _opened(browser, address, CANVAS),
        "live_page_turned_to": _p95(turned),
        "acknowledge_to_confirmed": _p95(done),
        "history_search": _p95(found),
    }
