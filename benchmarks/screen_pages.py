"""Every page of the dashboard: its queries, how long until it stands on the screen, and the live
page opened beside an earlier build.

The queries of a page are those that one run of its script sends, summed, with something changed
before each run, so that no cache answers. The earlier build runs from its own source, over a
database that it filled itself with the same alerts; both servers run, and the browser opens each
in turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

from benchmarks.screen_sessions import served
from benchmarks.table import Row
from sentinel.access import EVERYTHING
from sentinel.settings import settings

__all__ = ["live_page_open", "pages_opened", "queries_of_pages"]

ROOT = Path(__file__).parents[1]
BEFORE = os.environ.get("SENTINEL_BENCH_BEFORE", "232a76fa")
"""The earlier build, as a commit of this repository."""
RUNS = 20
QUERIES_MS, OPENED_MS = 50.0, 1000.0
PAGES = {
    "": "live.py", "inbox": "inbox.py", "on-call": "oncall.py", "escalations": "escalations.py",
    "silences": "silences.py", "rules": "rules.py", "channels": "receivers.py",
    "routing": "routing.py", "overview": "overview.py", "analytics": "analytics.py",
    "dashboards": "boards.py",
    "history": "history.py", "compare": "compare.py", "audit": "audit.py", "health": "health.py",
    "log": "log.py", "people": "people.py", "settings": "settings.py",
}  # fmt: skip
"""The script of each page by its address."""
FIRST = ".first-rows .row, .blotter .row"
TABLE = ".blotter .row"


def _p95(taken: list[float]) -> float:
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.95))]


def queries_of_pages(url: str, change: Callable[[], object]) -> list[Row]:
    """Return the time of each page's queries, p95 of `RUNS` runs.

    Args:
        url: of the database
        change: makes one change, so that nothing is answered from a cache

    Returns:
        A row for each page.
    """
    os.environ |= {"SENTINEL_DATABASE_URL": url, "SENTINEL_USER": "bench"}
    os.environ["SENTINEL_PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    settings.cache_clear()
    from dashboard import session

    engine = session.data().within(EVERYTHING).store.engine
    begun: list[float] = []
    spent = [0.0]

    def before(*_: object) -> None:
        begun.append(time.perf_counter())

    def after(*_: object) -> None:
        spent[0] += time.perf_counter() - begun.pop()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    rows: list[Row] = []
    for path, script in PAGES.items():
        app = AppTest.from_file(str(ROOT / "dashboard" / "pages" / "frame.py"), default_timeout=60)
        app.run().switch_page(script).run()
        taken: list[float] = []
        for _ in range(RUNS):
            change()
            spent[0] = 0.0
            app.run()
            taken.append(spent[0] * 1000)
        rows.append(_budget(f"queries_{path or 'live'}", _p95(taken), QUERIES_MS))
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)
    return rows


def _budget(name: str, value: float, budget: float) -> Row:
    return Row(name=f"screens_{name}", value=value, unit="ms p95", peer="the budget",
               peer_value=budget)  # fmt: skip


def pages_opened(browser: Browser, address: str) -> list[Row]:
    """Return how long each page takes from its address until its content stands there.

    Args:
        browser: a real one
        address: of the dashboard

    Returns:
        A row for each page.
    """
    page = _warm(browser, address)
    rows: list[Row] = []
    for path in PAGES:
        ready = FIRST if not path else ".stMain .page-head h1"
        taken: list[float] = []
        for _ in range(RUNS // 2):
            page.goto("about:blank")
            began = time.perf_counter()
            page.goto(f"{address}/{path}", wait_until="commit")
            page.wait_for_selector(ready)
            taken.append((time.perf_counter() - began) * 1000)
        rows.append(_budget(f"opened_{path or 'live'}", _p95(taken), OPENED_MS))
    page.context.close()
    return rows


def _warm(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(TABLE)
    return page


@contextmanager
def _earlier(folder: Path) -> Generator[tuple[Path, str] | None]:
    """The earlier build's source and its filled database; None where there is no such commit."""
    source = folder / "before"
    source.mkdir()
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, check=False, capture_output=True)
    if packed.returncode:
        yield None
        return
    subprocess.run(["tar", "-x", "-C", str(source)], input=packed.stdout, check=True)
    url = f"sqlite:///{folder}/before.db"
    fill = (
        "import sys; from sentinel.store import Store; from sentinel.clock import FakeClock; "
        "import benchmarks.dashboard as alerts; store = Store(sys.argv[1]); store.migrate(); "
        "alerts.fill(Store(sys.argv[1], clock=FakeClock(store.now())))"
    )
    subprocess.run([sys.executable, "-c", fill, url], cwd=source, env=_of(source), check=True)
    yield source, url


def _of(source: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(source)}


def live_page_open(browser: Browser, url: str, folder: Path) -> list[Row]:
    """Return how long the live page takes to show its first rows, beside the earlier build.

    Args:
        browser: a real one
        url: of the database
        folder: for what is made

    Returns:
        Three rows; none where the earlier build is not there.
    """
    ours_app = ROOT / "dashboard" / "app.py"
    with _earlier(folder) as before:
        if before is None:
            return []
        source, their_url = before
        with (
            served(ours_app, url, folder) as (ours, _),
            served(source / "dashboard" / "app.py", their_url, source, _of(source)) as (theirs, _),
        ):
            windows = {ours: _warm(browser, ours), theirs: _warm(browser, theirs)}
            taken: dict[str, list[float]] = {ours: [], theirs: []}
            whole: list[float] = []
            for _ in range(RUNS):
                for address, page in windows.items():
                    page.goto("about:blank")
                    began = time.perf_counter()
                    page.goto(address, wait_until="commit")
                    page.wait_for_selector(FIRST)
                    taken[address].append((time.perf_counter() - began) * 1000)
                    page.wait_for_selector(TABLE)
                    if address == ours:
                        whole.append((time.perf_counter() - began) * 1000)
            for page in windows.values():
                page.context.close()
    peer = f"the build {BEFORE}"
    return [
        Row(name="live_page_open", value=_p95(taken[ours]), unit="ms p95", peer=peer,
            peer_value=_p95(taken[theirs])),
        Row(name="live_page_open_median", value=sorted(taken[ours])[RUNS // 2], unit="ms",
            peer=peer, peer_value=sorted(taken[theirs])[RUNS // 2]),
        Row(name="live_page_drawn", value=_p95(whole), unit="ms p95", peer=peer,
            peer_value=_p95(taken[theirs])),
    ]  # fmt: skip
