"""Draw the pictures of docs/images: `PYTHONPATH=. python docs/images/make.py`.

It needs the browser that `make browser` installs.

Two weeks of ten rules of an imagined company are evaluated and acted on, by the store's own code on
a simulated clock that ends now. Then the dashboard shows that database to a browser. The seed is
fixed, so that the alerts are the same each time; only their dates differ.
"""

from __future__ import annotations

import heapq
import os
import random
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from sentinel import Reading, Rule
from sentinel.alerts.actions import Acknowledge, Action, Assign, Comment, Suppress
from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock, SystemClock
from sentinel.evaluation.model import Evaluation
from sentinel.schema.columns import new_id
from sentinel.store import Store
from tests.dashboard.browser import open_browser, row, serve
from tests.dashboard.scene import Scene

HERE = Path(__file__).parent
DAYS = 14
SOON = timedelta(hours=3)
"""The last hours are evaluated every 5 minutes, the days before every 30."""
BUSY = 18
"""How many times as many alerts open in these hours, so that the live page has some."""
PEOPLE = ("maria", "omar", "lena", "jonas", "priya")
COMMENTS = ("checking with the data team", "ticket OPS-2217", "vendor says 20 minutes", "", "")
HOSTS = ("web-01", "web-02", "api-01", "db-01", "db-02", "etl-01")
REGIONS = ("ams", "fra")
TABLES = ("fx_rates", "invoices", "positions", "customers", "trades")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, its series, and the values that they have.

    Attributes:
        rule: fields of the rule
        unit: of the values
        series: the labels of each series
        usual: mean and deviation of an OK value
        firing: least and greatest firing value
        daily: how often a series begins to fire in a day
        whole: whether values are whole numbers
    """

    rule: Mapping[str, Any]
    unit: str
    series: Sequence[Mapping[str, str]]
    usual: tuple[float, float]
    firing: tuple[float, float]
    daily: float
    whole: bool = False


def labels(**values: Sequence[str]) -> list[dict[str, str]]:
    """Return every combination of the values."""
    found: list[dict[str, str]] = [{}]
    for name, words in values.items():
        found = [{**one, name: word} for one in found for word in words]
    return found


def rule(name: str, category: str, team: str, severity: str, when: object, title: str) -> Any:
    """Return the fields of a rule that is evaluated every 5 minutes."""
    return {
        "name": name, "category": category, "team": team, "severity": severity, "when": when,
        "every": "5m", "description": DESCRIPTIONS.get(name, ""),
        "annotations": {"summary": title, "runbook": f"https://wiki.example.com/{name}"},
    }  # fmt: skip


DESCRIPTIONS = {"disk-space": "Writes fail when a volume is full. Remove old partitions first."}
KINDS = (
    Kind(
        rule=rule(
            "disk-space", "system", "platform", "medium",
            {"levels": {"medium": 85, "high": 92, "critical": 97}, "clear": 80},
            "Disk {labels.mount} on {labels.host} is almost full",
        ),
        unit="percent", series=labels(host=HOSTS, mount=("/", "/data")), usual=(60, 6),
        firing=(86, 96), daily=0.35,
    ),
    Kind(
        rule=rule("cpu-usage", "system", "platform", "medium", {"above": 90},
                  "CPU of {labels.host} is busy"),
        unit="percent", series=labels(host=HOSTS), usual=(45, 10), firing=(91, 99), daily=0.8,
    ),
    Kind(
        rule=rule("memory-usage", "system", "platform", "high", {"above": 92},
                  "{labels.host} runs out of memory"),
        unit="percent", series=labels(host=HOSTS), usual=(64, 6), firing=(92.5, 99), daily=0.4,
    ),
    Kind(
        rule=rule("api-latency", "system", "platform", "high", {"above": 900},
                  "{labels.service} answers slowly"),
        unit="ms", series=labels(service=("checkout", "search", "login"), region=REGIONS),
        usual=(250, 40), firing=(905, 2200), daily=0.7,
    ),
    Kind(
        rule=rule("queue-depth", "data", "trading", "critical", {"above": 5000},
                  "Queue {labels.queue} is too long"),
        unit="messages", series=labels(queue=("orders", "ticks", "mail"), region=REGIONS),
        usual=(800, 200), firing=(5100, 9000), daily=0.25, whole=True,
    ),
    Kind(
        rule=rule("table-freshness", "data", "data", "medium", {"above": 60},
                  "Table {labels.table} is {value:.1f} min old"),
        unit="min", series=labels(table=TABLES),
        usual=(20, 5), firing=(60.5, 160), daily=0.7,
    ),
    Kind(
        rule=rule("flow-runs-failed", "prefect", "data", "high", {"above": 2},
                  "Flow {labels.flow} failed {value:d} times"),
        unit="runs", series=labels(flow=("load-orders", "risk-var", "invoice-export", "dbt-daily"),
                                   pool=("etl",)),
        usual=(0, 0.4), firing=(3, 7), daily=1.0, whole=True,
    ),
    Kind(
        rule=rule("price-feed-stale", "market", "trading", "low", {"above": 60},
                  "No price of {labels.symbol} for {value:.1f} s"),
        unit="s", series=labels(symbol=("EURUSD", "GBPUSD", "DAX", "BTCUSD", "XAU")), usual=(2, 1),
        firing=(61, 400), daily=1.2,
    ),
    Kind(
        rule=rule("certificate-expiry", "security", "security", "info", {"below": 14},
                  "Certificate of {labels.domain} expires in {value:d} days"),
        unit="days", series=labels(domain=("login.example.com", "api.example.com")),
        usual=(60, 5), firing=(9, 13), daily=0.15, whole=True,
    ),
    Kind(
        rule=rule("replication-lag", "data", "data", "critical", {"above": 30},
                  "Replica {labels.replica} lags {value:.1f} s"),
        unit="s", series=labels(replica=("db-02", "db-03")), usual=(2, 1), firing=(31, 90),
        daily=0.15,
    ),
)  # fmt: skip


class Company:
    """Two weeks of it, in a database."""

    def __init__(self, url: str) -> None:
        self.clock = FakeClock()
        self.store = Store(url, clock=self.clock)
        self.store.migrate()
        self._random = random.Random(7)
        self._ends: dict[tuple[str, int], datetime] = {}
        self._level: dict[tuple[str, int], float] = {}
        self._known: set[str] = set()
        self._plans: list[tuple[datetime, int, str, Action]] = []

    def lives(self, until: datetime) -> None:
        """Evaluate every rule and let people act, up to `until`."""
        rules = [Rule.model_validate(kind.rule) for kind in KINDS]
        for at, step in _moments(until):
            self._act(at)
            self.clock.set(at)
            growth = 0.4 + 0.6 * (1 - (until - at) / timedelta(days=DAYS))
            growth *= BUSY if until - at <= SOON else 1
            for kind, checked in zip(KINDS, rules, strict=True):
                self._evaluate(kind, checked, at, step, growth)
        self._act(until)
        self.clock.set(until)

    def _evaluate(
        self, kind: Kind, rule: Rule, at: datetime, step: timedelta, growth: float
    ) -> None:
        run = new_id()
        readings = [
            Reading(
                labels=dict(about), value=self._value(kind, (rule.name, place), at, step, growth)
            )
            for place, about in enumerate(kind.series)
        ]
        self.store.apply(
            Evaluation(
                rule=rule, trigger=rule.name.replace("-", "_"), slot=at, at=at, unit=kind.unit,
                observation=Observation(readings=readings, state={}),
                source=RunSource(flow_run_id=run, flow_run_name=f"{rule.name} · firing"),
            )
        )  # fmt: skip
        for alert in self.store.alerts.by_run(run):
            if alert.id not in self._known and alert.status == "open":
                self._known.add(alert.id)
                self._plan(alert.id, at)

    def _value(
        self, kind: Kind, key: tuple[str, int], at: datetime, step: timedelta, growth: float
    ) -> float:
        draw = self._random
        firing = self._ends.get(key, at) > at
        if not firing and draw.random() < kind.daily * growth * (step / timedelta(days=1)):
            self._ends[key] = at + timedelta(minutes=max(10, draw.lognormvariate(4.3, 0.8)))
            self._level[key] = draw.uniform(*kind.firing)
            firing = True
        if firing:
            low, high = sorted(kind.firing)
            value = min(high, max(low, self._level[key] + draw.gauss(0, (high - low) / 12)))
        else:
            value = max(0.0, draw.gauss(*kind.usual))
        return float(round(value)) if kind.whole else round(value, 1)

    def _plan(self, alert: str, at: datetime) -> None:
        draw = self._random
        person = draw.choice(PEOPLE)
        soon = at + timedelta(minutes=draw.uniform(3, 45))
        if draw.random() < 0.5:
            self._later(soon, alert, Acknowledge(actor=person, comment=draw.choice(COMMENTS)))
        if draw.random() < 0.25:
            self._later(soon + timedelta(seconds=40), alert, Assign(actor=person, assignee=person))
        if draw.random() < 0.1:
            self._later(soon, alert, Comment(actor=person, comment="same as yesterday"))
        if draw.random() < 0.04:
            until = soon + timedelta(hours=4)
            why = "planned migration of the feed handler"
            self._later(soon, alert, Suppress(actor=person, until=until, comment=why))

    def _later(self, at: datetime, alert: str, action: Action) -> None:
        heapq.heappush(self._plans, (at, len(self._plans), alert, action))

    def _act(self, until: datetime) -> None:
        while self._plans and self._plans[0][0] <= until:
            at, _, alert, action = heapq.heappop(self._plans)
            self.clock.set(at)
            self.store.act([alert], action)


def _moments(until: datetime) -> Iterator[tuple[datetime, timedelta]]:
    at = until - timedelta(days=DAYS)
    while at < until:
        step = timedelta(minutes=5 if until - at <= SOON else 30)
        yield at, step
        at += step


def company(url: str) -> None:
    """Fill a new database."""
    life = Company(url)
    now = SystemClock().now() - timedelta(seconds=30)
    life.lives(now)
    store = life.store
    store.views.save("maria", "history", "Critical this week", "severities=critical&span=7d")
    store.views.save("maria", "live", "By host", "group=label%3Ahost")
    store.views.save("maria", "live", "Platform", "q=team%3Aplatform")
    store.close()
    scene = Scene(url)
    for alert in scene.store.alerts.page(order="live", limit=16).items:
        scene.tells(alert.id, f"{alert.severity}: {alert.title}")
    scene.store.close()


class Prefect(BaseHTTPRequestHandler):
    """Stands for a Prefect server that is well, which the dashboard asks."""

    def do_POST(self) -> None:
        """Answer as the count of flows does, which the dashboard asks for."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"1")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Print nothing."""


def draw() -> None:
    """Draw all six pictures."""
    prefect = HTTPServer(("127.0.0.1", 0), Prefect)
    threading.Thread(target=prefect.serve_forever, daemon=True).start()
    os.environ["NO_PROXY"] = "127.0.0.1"
    os.environ["SENTINEL_PREFECT_API_URL"] = f"http://127.0.0.1:{prefect.server_port}/api"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'company.db'}"
        company(url)
        scene = Scene(url)
        with (
            serve(scene, folder) as served,
            sync_playwright() as playwright,
            open_browser(playwright) as browser,
        ):
            for scheme in ("light", "dark"):
                page = browser.new_context(
                    color_scheme=scheme, viewport={"width": 1440, "height": 900},
                    device_scale_factor=2, timezone_id="UTC", locale="en-GB",
                ).new_page()  # fmt: skip
                (_light if scheme == "light" else _dark)(page, served.url)
        scene.store.close()
    prefect.shutdown()


def _light(page: Page, url: str) -> None:
    _open(page, url, ".blotter .row")
    _take(page, "live")
    for name in ("history", "audit"):
        _open(page, f"{url}/{name}", "canvas")
        _take(page, name)
    _open(page, f"{url}/rules?rule=disk-space", "h3.section")
    _take(page, "rules")


def _dark(page: Page, url: str) -> None:
    _open(page, url, ".blotter .row")
    row(page, "Disk").first.click()
    page.locator(".drawer .timeline").wait_for()
    _take(page, "live-drawer")
    _open(page, f"{url}/overview?length=7d", "canvas")
    _take(page, "overview")


def _open(page: Page, address: str, shown: str) -> None:
    page.goto(address)
    page.locator(shown).first.wait_for(timeout=60_000)
    page.wait_for_timeout(4000)  # tables and charts are drawn a moment after they are there


def _take(page: Page, name: str) -> None:
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    draw()
