"""The dashboard beside an earlier build: the live page as it opens, and many screens at rest.

The earlier build (`SENTINEL_BENCH_BEFORE`, a commit of this repository) runs from its own source,
over a database that it filled itself with the same alerts. For the live page both servers run, and
the browser opens each in turn. For screens at rest one server runs after the other, each watched
for as long; its screens ask as its own page was seen to ask.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.screen_pages import FIRST, TABLE, warm
from benchmarks.screen_sessions import record, served, watch
from benchmarks.screen_sizes import CROWD, MEASURED, RUNS, note, p95, wanted
from benchmarks.table import Row

__all__ = ["beside_earlier"]

ROOT = Path(__file__).parents[1]
OURS = ROOT / "dashboard" / "app.py"
BEFORE = os.environ.get("SENTINEL_BENCH_BEFORE", "232a76fa")
MORE_AT_REST = 10.0
"""Percent of a core that the screens at rest may cost more than with the earlier build."""
_PEER = f"the build {BEFORE}"
_CHANGE = (
    "import sys; from sentinel.store import Store; from sentinel.alerts.actions import Assign; "
    "store = Store(sys.argv[1]); one = store.alerts.page(limit=1, order='live').items[0]; "
    "store.act([one.id], Assign(actor='bench', assignee='anybody'))"
)
"""Makes news once, so that it is seen how a page asks for it."""


@contextmanager
def _earlier(folder: Path) -> Generator[tuple[Path, str] | None]:
    """The earlier build's source and its filled database; None where there is no such commit."""
    source = folder / "before"
    source.mkdir()
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, check=False, capture_output=True)
    if packed.returncode:
        note(f"not beside an earlier build: {packed.stderr.decode().strip()}")
        yield None
        return
    subprocess.run(["tar", "-x", "-C", str(source)], input=packed.stdout, check=True)
    url = f"sqlite:///{folder}/before.db"
    fill = (
        "import sys; from sentinel.store import Store; from sentinel.clock import FakeClock; "
        "import benchmarks.dashboard as alerts; store = Store(sys.argv[1]); store.migrate(); "
        "alerts.fill(Store(sys.argv[1], clock=FakeClock(store.now())))"
    )
    note("filling the database of the earlier build")
    subprocess.run([sys.executable, "-c", fill, url], cwd=source, env=_of(source), check=True)
    yield source, url


def _of(source: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(source)}


def beside_earlier(browser: Browser, url: str, folder: Path) -> list[Row]:
    """Return the figures that have the earlier build as their peer.

    Args:
        browser: a real one
        url: of the database
        folder: for what is made

    Returns:
        Rows; none where the earlier build is not there.
    """
    with _earlier(folder) as before:
        if before is None:
            return []
        source, their_url = before
        rows: list[Row] = []
        if wanted("open"):
            rows += _opened(browser, url, folder, source, their_url)
        if wanted("rest"):
            theirs = _at_rest(browser, their_url, source, source)
            rows += _rested(_at_rest(browser, url, folder, ROOT), theirs)
        return rows


def _opened(browser: Browser, url: str, folder: Path, source: Path, their_url: str) -> list[Row]:
    """Return how long the live page takes to show its first rows."""
    note("the live page beside the earlier build")
    with (
        served(OURS, url, folder) as (ours, _),
        served(source / "dashboard" / "app.py", their_url, source, _of(source)) as (theirs, _),
    ):
        windows = {ours: warm(browser, ours), theirs: warm(browser, theirs)}
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
    return [
        Row(name="live_page_open", value=p95(taken[ours]), unit="ms p95", peer=_PEER,
            peer_value=p95(taken[theirs])),
        Row(name="live_page_open_median", value=sorted(taken[ours])[RUNS // 2], unit="ms",
            peer=_PEER, peer_value=sorted(taken[theirs])[RUNS // 2]),
        Row(name="live_page_drawn", value=p95(whole), unit="ms p95", peer=_PEER,
            peer_value=p95(taken[theirs])),
    ]  # fmt: skip


def _at_rest(browser: Browser, url: str, folder: Path, source: Path) -> float:
    """Return the percent of a core that a server uses while its screens are at rest."""
    note(f"{CROWD} screens at rest: {'this build' if source == ROOT else _PEER}")

    def change() -> None:
        subprocess.run(
            [sys.executable, "-c", _CHANGE, url], cwd=source, env=_of(source), check=True
        )

    with served(source / "dashboard" / "app.py", url, folder, _of(source)) as (address, server):
        asked = record(browser, address, TABLE, change)
        return watch(address, asked, server, sessions=CROWD, seconds=MEASURED).share


def _rested(ours: float, theirs: float) -> list[Row]:
    name = f"screens_{CROWD}_sessions_at_rest"
    return [
        Row(name=name, value=ours, unit="% of a core", peer=_PEER, peer_value=theirs),
        Row(name=f"{name}_more", value=ours - theirs, unit="% of a core", peer="the budget",
            peer_value=MORE_AT_REST),
    ]  # fmt: skip
