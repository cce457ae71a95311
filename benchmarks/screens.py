"""The dashboard in a real browser: what people wait for, and what many screens cost the server.

A dashboard is started over a database with many alerts (`SENTINEL_BENCH_ALERTS`, 1,000,000 by
default). Measured are: the processor time of the server while 20 live pages are open and refresh
every 2 s, first with nothing going on, then with one change a second, which every screen fetches;
an acknowledgement, from the key to the row that the server confirmed; the live page and a search
of the history, from the request to what stands on the screen. The peers are the budgets.

The browser runs on the same machine, so that times on the screen are the worse for it; the share
of a core counts the server's process alone.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, Page

import benchmarks.dashboard as alerts
from benchmarks.table import Row
from sentinel.clock import FakeClock
from sentinel.lifecycle import Assign
from sentinel.store import Store
from tests.dashboard.browser import open_browser

SESSIONS = int(os.environ.get("SENTINEL_BENCH_SESSIONS", "20"))
MEASURED = 30.0
"""Seconds that the server's processor time is watched for."""
TIMES = 20


def run() -> list[Row]:
    """One row a figure."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        store = Store(url)
        store.migrate()
        alerts.fill(Store(url, clock=FakeClock(store.now())))
        with _served(url, Path(folder)) as (address, process), open_browser() as browser:
            acknowledged = _acknowledged(browser, address)
            opened, searched = _waits(browser, address)
            quiet, busy = _shares(browser, address, process, store)
        store.close()
    return [
        _row("screens_acknowledge_to_confirmed", acknowledged, "ms p95", "budget", 500),
        _row("screens_live_page", opened, "ms p95", "budget", 1000),
        _row("screens_history_search", searched, "ms p95", "budget", 1000),
        _row(f"screens_{SESSIONS}_sessions_quiet", quiet, "% of a core", "budget", 15),
        _row(f"screens_{SESSIONS}_sessions_a_change_a_second", busy, "% of a core", "budget", 15),
    ]


def _row(name: str, value: float, unit: str, peer: str, peer_value: float) -> Row:
    return Row(name=name, value=value, unit=unit, peer=peer, peer_value=peer_value)


@contextmanager
def _served(url: str, folder: Path) -> Generator[tuple[str, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = Path(__file__).parents[1] / "dashboard" / "app.py"
    started = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)],
        env={**os.environ, "SENTINEL_DATABASE_URL": url, "SENTINEL_USER": "bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            if httpx.get(f"{address}/_stcore/health", trust_env=False).is_success:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield address, psutil.Process(started.pid)
    started.terminate()
    started.wait(20)


def _p95(took: list[float]) -> float:
    return sorted(took)[min(len(took) - 1, int(len(took) * 0.95))] * 1000


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _page(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(".blotter .row")
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
    page = _page(browser, address)
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


def _waits(browser: Browser, address: str) -> tuple[float, float]:
    page = _page(browser, address)
    rows = page.locator(".blotter .row").first
    opened: list[float] = []
    for _ in range(TIMES):
        page.get_by_role("link", name="Settings").click()
        page.wait_for_selector(".meanings")

        def live() -> None:
            page.get_by_role("link", name="Live").click()
            rows.wait_for()

        opened.append(_timed(live))
    page.get_by_role("link", name="History").click()
    page.wait_for_selector("[data-testid=stDataFrame] canvas")
    box = page.get_by_label("Search", exact=True)
    said = page.locator(".fresh-count", has_text=" ms ")
    searched: list[float] = []
    for number in range(TIMES):
        before = said.inner_text()
        # Very many and few by turns, so that what is shown differs each time.
        words = f"{alerts.CAUSES[number % 12]} team:{alerts.TEAMS[number % 5]}"
        box.fill(f"host:host-{number:04d}" if number % 2 else words)

        def search(before: str = before) -> None:
            box.press("Enter")
            page.wait_for_function(
                "(was) => [...document.querySelectorAll('.fresh-count, .empty')]"
                ".some((one) => one.innerText !== was)",
                arg=before,
                polling=20,
            )

        searched.append(_timed(search))
    page.context.close()
    return _p95(opened), _p95(searched)


def _shares(
    browser: Browser, address: str, server: psutil.Process, store: Store
) -> tuple[float, float]:
    """Of one core, in percent: with nothing going on, and with one change a second."""
    pages = [_page(browser, address) for _ in range(SESSIONS)]
    ids = [alert.id for alert in store.alerts.page(limit=100, order="live").items]
    pages[0].wait_for_timeout(5000)

    def share(change: Callable[[int], object] | None) -> float:
        began, used = time.perf_counter(), sum(server.cpu_times()[:2])
        second = 0
        while time.perf_counter() - began < MEASURED:
            if change is not None:
                change(second)
            second += 1
            pages[0].wait_for_timeout(1000)
        return 100 * (sum(server.cpu_times()[:2]) - used) / (time.perf_counter() - began)

    quiet = share(None)
    busy = share(
        lambda second: store.act(
            [ids[second % len(ids)]], Assign(actor="bench", assignee=f"p{second}")
        )
    )
    for page in pages:
        page.context.close()
    return quiet, busy
