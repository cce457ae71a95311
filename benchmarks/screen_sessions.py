"""Many screens at once, as plain clients: each asks what a browser was seen to ask.

A real browser opens the page once and what it sends is written down: how it opens, its
heart-beat, and what it asks for when there is news. Each client then sends the same to the same
server, waits for the answers as the browser does, and parses nothing of them but their ends, so
that twenty screens fit beside the server on a small machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
from playwright.sync_api import Browser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

__all__ = ["EVERY", "Cost", "Recorded", "record", "watch"]

EVERY = 2.0
"""Seconds between two refreshes of a screen."""
_MEGABYTE = 1024 * 1024


@dataclass(kw_only=True)
class Recorded:
    """What a browser sends: to open the page, at every heart-beat, and when there is news."""

    opening: bytes
    beat: bytes
    news: bytes | None = None


@dataclass(kw_only=True)
class Cost:
    """What so many screens cost the server.

    Attributes:
        share: percent of one core
        refreshes: how many were answered
        waited: seconds that each refresh took until its last answer
        memory: (refreshes so far, megabytes) each time it was looked at
    """

    share: float = 0.0
    refreshes: int = 0
    waited: list[float] = field(default_factory=list[float])
    memory: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])

    @property
    def growth(self) -> float:
        """Megabytes per 1,000 refreshes: the slope of the straight line that fits best."""
        n = len(self.memory)
        middle = sum(at for at, _ in self.memory) / n
        mean = sum(size for _, size in self.memory) / n
        over = sum((at - middle) * (size - mean) for at, size in self.memory)
        return 1000 * over / (sum((at - middle) ** 2 for at, _ in self.memory) or 1)


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
    page.goto(address)
    page.wait_for_selector(ready)
    page.wait_for_timeout(3 * EVERY * 1000)
    before = len(sent)
    if change is not None:
        change()
        page.wait_for_timeout(3 * EVERY * 1000)
    page.close()
    asked = [one.rerun_script for one in sent if one.WhichOneof("type") == "rerun_script"]
    later = [one.rerun_script for one in sent[before:] if one.WhichOneof("type") == "rerun_script"]

    def written(some: list[ClientState]) -> bytes | None:
        return BackMsg(rerun_script=some[0]).SerializeToString() if some else None

    beat = written([one for one in asked if one.is_auto_rerun])
    news = written([one for one in later if one.fragment_id and not one.is_auto_rerun])
    if beat is None or (change is not None and news is None):
        raise RuntimeError(f"the page at {address} was not seen to refresh")
    opening = BackMsg(rerun_script=asked[0]).SerializeToString()
    return Recorded(opening=opening, beat=beat, news=news)


def watch(
    address: str,
    recorded: Recorded,
    server: psutil.Process,
    *,
    sessions: int,
    seconds: float,
    change: Callable[[], object] | None = None,
) -> Cost:
    """Have so many screens look for so long, and see what that costs.

    Args:
        address: of the server
        recorded: what each screen sends
        server: its process; what it started counts too
        sessions: how many screens
        seconds: how long, once all of them have opened and settled
        change: made once a second, so that every screen has news at every refresh
    """
    # The browser's driver has an event loop in this thread.
    watching = _watch(address, recorded, server, sessions, seconds, change)
    with ThreadPoolExecutor(1, "screens") as thread:
        return thread.submit(asyncio.run, watching).result()


async def _watch(
    address: str,
    recorded: Recorded,
    server: psutil.Process,
    sessions: int,
    seconds: float,
    change: Callable[[], object] | None,
) -> Cost:
    cost, over, opened = Cost(), asyncio.Event(), asyncio.Semaphore(0)

    async def screen(number: int) -> None:
        place = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
        async with connect(
            place, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None
        ) as socket:
            await _asked(socket, recorded.opening)
            opened.release()
            await asyncio.sleep(EVERY * number / sessions)  # as people come, one after another
            while not over.is_set():
                began = time.perf_counter()
                await _asked(socket, recorded.beat)
                if change is not None and recorded.news is not None:
                    await _asked(socket, recorded.news)
                took = time.perf_counter() - began
                cost.refreshes += 1
                cost.waited.append(took)
                await asyncio.sleep(max(0.0, EVERY - took))

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
            await asyncio.sleep(1)
        cost.share = 100 * (_used(server) - used) / passed
        over.set()
    return cost


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
