"""Many screens at once, as plain clients: each asks what a browser was seen to ask.

A real browser opens the page once and what it sends is written down: how it opens its session of
Streamlit, its heart-beat, and what it asks for when there is news. Each client then keeps a
session of its own open and asks the same of the same server, over one connection as a browser
does: where the page has a door beside Streamlit, there; else by a run of Streamlit's script. It
waits for the answers and parses nothing of them but what it must, so that many screens fit beside
the server on a small machine. Nothing is drawn: what a browser needs for that is in `screens.py`.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
from playwright.sync_api import Browser, Request
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

__all__ = ["EVERY", "Cost", "Recorded", "record", "served", "watch"]

EVERY = 2.0
"""Seconds between two refreshes of a screen."""
AT_ONCE = 4
"""How many screens open at the same time."""
_MEGABYTE = 1024 * 1024
_NUMBER = re.compile(rb'"number":(\d+)')


@dataclass(kw_only=True)
class Recorded:
    """What a browser sends: to open the page, at every heart-beat, and when there is news.

    Attributes:
        opening, beat, news: messages to Streamlit
        rows: at the door, the path and query of the rows
        headers: at the door, those that it wants
    """

    opening: bytes
    beat: bytes = b""
    news: bytes | None = None
    rows: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(kw_only=True)
class Cost:
    """What so many screens cost the server.

    Attributes:
        share: percent of one core
        refreshes: how many were answered
        waited: seconds that each refresh took until its last answer
        memory: (refreshes so far, megabytes) each time it was looked at
        opened: seconds that each screen took to open
    """

    share: float = 0.0
    refreshes: int = 0
    waited: list[float] = field(default_factory=list[float])
    memory: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    opened: list[float] = field(default_factory=list[float])

    @property
    def growth(self) -> float:
        """Megabytes per 1,000 refreshes: the slope of the straight line that fits best.

        The first fifth is left out: caches and thread pools fill there.
        """
        settled = self.memory[len(self.memory) // 5 :]
        n = len(settled)
        middle = sum(at for at, _ in settled) / n
        mean = sum(size for _, size in settled) / n
        over = sum((at - middle) * (size - mean) for at, size in settled)
        return 1000 * over / (sum((at - middle) ** 2 for at, _ in settled) or 1)


@contextmanager
def served(
    app: Path, database: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Generator[tuple[str, psutil.Process]]:
    """A dashboard that runs; gives its address and its process.

    Args:
        app: what `streamlit run` starts
        database: URL of the store
        folder: where it runs
        environment: of its process; None for that of this one
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "server.port": str(port), "server.headless": "true", "server.address": "127.0.0.1",
        "server.fileWatcherType": "none", "browser.gatherUsageStats": "false",
    }  # fmt: skip
    started = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app),
         *(f"--{name}={value}" for name, value in options.items())],
        env={**(environment or os.environ), "SENTINEL_DATABASE_URL": database,
             "SENTINEL_USER": "bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{address}/_stcore/health", trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address, psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(20)


def record(
    browser: Browser, address: str, ready: str, change: Callable[[], object] | None
) -> Recorded:
    """Open the page in a browser, and write down what it sends.

    Args:
        browser: a real one
        address: of the server
        ready: a selector of what the page has once it is there
        change: makes news that the page fetches; None for a page that fetches all at each beat
    """
    sent: list[BackMsg] = []
    asked: list[Request] = []
    page = browser.new_page()
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framesent",
            lambda frame: sent.append(
                BackMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
            ),
        ),
    )
    page.on("request", lambda one: asked.append(one) if "/sentinel/" in one.url else None)
    page.goto(address)
    page.wait_for_selector(ready)
    page.wait_for_timeout(3 * EVERY * 1000)
    before = len(sent)
    if change is not None:
        change()
        page.wait_for_timeout(3 * EVERY * 1000)
    rows = next((one for one in asked if "/rows?" in one.url), None)
    given = {} if rows is None else rows.all_headers()
    page.close()
    runs = [one.rerun_script for one in sent if one.WhichOneof("type") == "rerun_script"]
    later = [one.rerun_script for one in sent[before:] if one.WhichOneof("type") == "rerun_script"]

    def written(some: list[ClientState]) -> bytes:
        return BackMsg(rerun_script=some[0]).SerializeToString() if some else b""

    opening = written(runs)
    if rows is not None:
        place = urlsplit(rows.url)
        wanted = ("accept-encoding", "user-agent", "accept", "sec-fetch-site")
        kept = {
            name: value
            for name, value in given.items()
            if name in wanted or name.startswith("x-sentinel-")
        }
        query = re.sub(r"&?number=\d+", "", place.query)
        return Recorded(opening=opening, rows=f"{place.path}?{query}", headers=kept)
    beat = written([one for one in runs if one.is_auto_rerun])
    news = written([one for one in later if one.fragment_id and not one.is_auto_rerun]) or None
    if not beat or (change is not None and news is None):
        raise RuntimeError(f"the page at {address} was not seen to refresh")
    return Recorded(opening=opening, beat=beat, news=news)


def watch(
    address: str,
    recorded: Recorded,
    server: psutil.Process,
    *,
    sessions: int,
    seconds: float,
    change: Callable[[], object] | None = None,
    faster: float = 1.0,
) -> Cost:
    """Have so many screens look for so long, and see what that costs.

    Args:
        address: of the server
        recorded: what each screen sends
        server: its process; what it started counts too
        sessions: how many screens
        seconds: how long, once all of them have opened and settled
        change: made once a second, so that every screen has news at every refresh
        faster: how many times as fast everything goes, refreshes as changes
    """
    # The browser's driver has an event loop in this thread.
    watching = _watch(address, recorded, server, sessions, seconds, change, faster)
    with ThreadPoolExecutor(1, "screens") as thread:
        return thread.submit(asyncio.run, watching).result()


async def _watch(
    address: str,
    recorded: Recorded,
    server: psutil.Process,
    sessions: int,
    seconds: float,
    change: Callable[[], object] | None,
    faster: float,
) -> Cost:
    cost, over, opened = Cost(), asyncio.Event(), asyncio.Semaphore(0)
    doorway, every = asyncio.Semaphore(AT_ONCE), EVERY / faster
    place = f"{address.replace('http', 'ws', 1)}/_stcore/stream"

    async def screen(number: int) -> None:
        async with connect(
            place, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None
        ) as socket:
            async with doorway:
                began = time.perf_counter()
                await _asked(socket, recorded.opening)
                cost.opened.append(time.perf_counter() - began)
            opened.release()
            asks = _Page(address, recorded, socket, news=change is not None)
            await asyncio.sleep(every * number / sessions)  # as people come, one after another
            while not over.is_set():
                began = time.perf_counter()
                await asks.refresh()
                took = time.perf_counter() - began
                cost.refreshes += 1
                cost.waited.append(took)
                await asyncio.sleep(max(0.0, every - took))
            asks.close()

    async with asyncio.TaskGroup() as group:
        for number in range(sessions):
            group.create_task(screen(number))
        for _ in range(sessions):
            await opened.acquire()
        await asyncio.sleep(3 * EVERY)
        cost.refreshes, cost.waited = 0, []
        began, used = time.perf_counter(), _used(server)
        while (passed := time.perf_counter() - began) < seconds:
            cost.memory.append((cost.refreshes, server.memory_info().rss / _MEGABYTE))
            if change is not None:
                await asyncio.to_thread(change)
            await asyncio.sleep(1 / faster)
        cost.share = 100 * (_used(server) - used) / passed
        over.set()
    return cost


class _Page:
    """One open page, and how it asks for what is new."""

    def __init__(
        self, address: str, recorded: Recorded, socket: ClientConnection, *, news: bool
    ) -> None:
        self._address = urlsplit(address)
        self._recorded = recorded
        self._socket = socket
        self._news = news
        self._number = self._tag = b""
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def refresh(self) -> None:
        """Its heart-beat, and what it asks for when that tells of news."""
        asked = self._recorded
        if not asked.rows:
            await _asked(self._socket, asked.beat)
            if self._news and asked.news is not None:
                await _asked(self._socket, asked.news)
            return
        folder = asked.rows.rpartition("/")[0]
        _, body = await self._get(f"{folder}/beat")
        found = _NUMBER.search(body)
        if found is None or found[1] == self._number:
            return
        head, _ = await self._get(f"{asked.rows}&number={found[1].decode()}", self._tag)
        self._number = found[1]
        if (tag := re.search(rb"\r\netag: (\S+)", head)) is not None:
            self._tag = tag[1]

    async def _get(self, path: str, tag: bytes = b"") -> tuple[bytes, bytes]:
        if self._connection is None:
            host, port = self._address.hostname, self._address.port
            self._connection = await asyncio.open_connection(host, port, limit=2**24)
        reader, writer = self._connection
        lines = [f"GET {path} HTTP/1.1", f"host: {self._address.netloc}"]
        lines += [f"{name}: {value}" for name, value in self._recorded.headers.items()]
        lines += [f"if-none-match: {tag.decode()}"] if tag else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if head[9:12] not in (b"200", b"304"):
            raise RuntimeError(f"{path} was answered {head[9:12].decode()}: {body[:200].decode()}")
        return head, body

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()


async def _asked(socket: ClientConnection, message: bytes) -> None:
    """Send it, and wait until the server has said all that it has to say to it."""
    await socket.send(message)
    while True:
        answer = await socket.recv()
        if isinstance(answer, bytes) and _ends(answer):
            return


def _ends(answer: bytes) -> bool:
    # A table of many rows need not be taken apart only to see that it is no end.
    return len(answer) < 2000 and ForwardMsg.FromString(answer).WhichOneof("type") == (
        "script_finished"
    )


def _used(server: psutil.Process) -> float:
    """Seconds of processor time, of the server and what it started."""
    family = [server, *server.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)
