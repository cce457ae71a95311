"""Every page of the dashboard: its queries, and how long until it stands on the screen.

The queries of a page are those that one run of its script sends to the database, summed, with
something changed before each run, so that no answer is one of the run before. A page stands on the
screen when what it is opened for is there, and Streamlit has nothing left to run. Both begin after
one opening that is not counted: the browser has the scripts of the page by then, and the process
what it keeps for all screens. What Logs, Traces and Services ask of the telemetry store is counted
on the screen alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Page
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

from benchmarks.screen_seed import ACTOR, BOARD, SLO
from benchmarks.screen_sizes import RUNS, note, p95
from benchmarks.table import Row
from sentinel.access import EVERYTHING
from sentinel.settings import settings
from tests.dashboard.telemetry_scene import sends_logs, sends_requests, sends_spans, shop

__all__ = ["CANVAS", "FIRST", "TABLE", "fill_telemetry", "pages_opened", "queries_of_pages", "warm"]

ROOT = Path(__file__).parents[1]
QUERIES_MS, OPENED_MS = 50.0, 1000.0
FIRST = ".first-rows .row, .blotter .row"
TABLE = ".blotter .row"
CANVAS = "[data-testid=stDataFrame] canvas"
_CHART = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
_SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


class _Opened(NamedTuple):
    """A page, the script of it, and what it is opened for."""

    address: str
    script: str
    drawn: str

    @property
    def name(self) -> str:
        """The page and what is chosen in it, as a name of a row."""
        place = urlsplit(self.address)
        chosen = [name for name, _ in parse_qsl(place.query)]
        return "_".join([place.path or "live", *chosen]).replace("-", "_")


PAGES = [
    _Opened(*one)
    for one in (
        ("", "live.py", TABLE),
        ("inbox", "inbox.py", ".alert .title"),
        ("incidents", "incidents.py", "article.incident"),
        ("on-call", "oncall.py", ".calendar .bar"),
        ("escalations", "escalations.py", ".policy-step"),
        ("silences", "silences.py", ".status-active"),
        ("logs", "logs.py", CANVAS),
        ("traces", "traces.py", CANVAS),
        ("services", "services.py", "[data-testid=stGraphVizChart] svg .node"),
        ("slos", "slos.py", ".slo-objective"),
        (f"slos?slo={SLO}", "slos.py", _CHART),
        ("api-usage", "usage.py", CANVAS),
        ("requests", "requests.py", CANVAS),
        ("consumer-keys", "consumer_keys.py", CANVAS),
        ("limits", "limits.py", "textarea"),
        ("rules", "rules.py", CANVAS),
        ("rules?rule=rule-000", "rules.py", ".rule-state"),
        ("rules?build=@new", "rules.py", "[data-testid=stSelectbox]"),
        ("channels", "receivers.py", CANVAS),
        ("routing", "routing.py", ".routes svg"),
        ("overview", "overview.py", _CHART),
        ("overview?length=30d", "overview.py", _CHART),
        ("analytics", "analytics.py", _CHART),
        (f"dashboards?board={BOARD}", "boards.py", ".tile .number"),
        ("history", "history.py", CANVAS),
        ("history?q=timeout", "history.py", CANVAS),
        ("compare", "compare.py", CANVAS),
        ("audit", "audit.py", CANVAS),
        ("health", "health.py", ".component"),
        ("log", "log.py", CANVAS),
        ("people?people-view=API+keys", "people.py", CANVAS),
        ("settings", "settings.py", ".meanings"),
    )
]
"""Every page, and some with what is chosen in them most."""


def _budget(name: str, value: float, budget: float) -> Row:
    return Row(name=f"screens_{name}", value=value, unit="ms p95", peer="the budget",
               peer_value=budget)  # fmt: skip


def fill_telemetry() -> None:
    """Write 5,000 log lines and requests, and 200 traces, to the store that settings name."""
    from sentinel.store.telemetry.client import telemetry_client

    settings.cache_clear()
    client = telemetry_client(settings(), write=True)
    levels = ("ERROR", "WARN", "INFO", "DEBUG")
    lines = [
        {"message": f"request {number} took {number % 90} ms", "level": levels[number % 4],
         "service_name": f"service-{number % 20}"}
        for number in range(1_000)
    ]  # fmt: skip
    for _ in range(5):
        sends_logs(client, lines)
    requests = [
        {"service": "shop", "consumer": f"user-{number % 50}", "key": f"k{number % 9}",
         "method": "GET", "path": f"/orders/{number % 70}", "duration_ms": number % 90,
         "status": 500 if not number % 40 else 200}
        for number in range(1_000)
    ]  # fmt: skip
    for _ in range(5):
        sends_requests(client, requests)
    sends_spans(client, [one for number in range(200) for one in shop(number, bad=not number % 9)])


def queries_of_pages(url: str, change: Callable[[], object]) -> list[Row]:
    """Return the time of each page's queries, p95 of `RUNS` runs.

    Args:
        url: of the database
        change: makes one change, so that nothing is answered from a cache

    Returns:
        A row for each page.
    """
    os.environ |= {"SENTINEL_DATABASE_URL": url, "SENTINEL_USER": ACTOR}
    os.environ["SENTINEL_PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    settings.cache_clear()
    from dashboard import session

    engine = session.data().within(EVERYTHING).store.engine
    begun: list[float] = []
    spent: list[float] = []

    def before(*_: object) -> None:
        begun.append(time.perf_counter())

    def after(*_: object) -> None:
        spent.append(time.perf_counter() - begun.pop())

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    rows: list[Row] = []
    for one in PAGES:
        app = AppTest.from_file(str(ROOT / "dashboard" / "pages" / "frame.py"), default_timeout=60)
        app.run().switch_page(one.script)
        for name, value in parse_qsl(urlsplit(one.address).query):
            app.query_params[name] = value
        app.run()
        taken: list[float] = []
        for _ in range(RUNS):
            change()
            spent.clear()
            app.run()
            taken.append(sum(spent) * 1000)
        if app.exception:
            raise RuntimeError(f"{one.name}: {app.exception[0].value}")
        note(f"queries of {one.name}: {p95(taken):.1f} ms in {len(spent)} statements")
        rows.append(_budget(f"queries_{one.name}", p95(taken), QUERIES_MS))
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)
    return rows


def pages_opened(browser: Browser, address: str) -> list[Row]:
    """Return how long each page takes from its address until it stands on the screen.

    Args:
        browser: a real one
        address: of the dashboard

    Returns:
        A row for each page.
    """
    page = warm(browser, address)
    rows: list[Row] = []
    for one in PAGES:
        taken: list[float] = []
        for _ in range(RUNS + 1):
            page.goto("about:blank")
            began = time.perf_counter()
            page.goto(f"{address}/{one.address}", wait_until="commit")
            page.locator(one.drawn).first.wait_for()
            page.wait_for_selector(_SETTLED)
            taken.append((time.perf_counter() - began) * 1000)
        note(f"opened {one.name}: {p95(taken[1:]):,.0f} ms, at first {taken[0]:,.0f} ms")
        rows.append(_budget(f"opened_{one.name}", p95(taken[1:]), OPENED_MS))
    page.context.close()
    return rows


def warm(browser: Browser, address: str) -> Page:
    """Return a window with the live page, whose scripts the browser has by then."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(TABLE)
    return page
