"""Clients of the API that ask one after another: `python -m benchmarks.api_clients`.

A program of its own, so that the clients have an event loop that measures nothing else, and a small
one, since it computes on the cores of what it measures. It reads one JSON object from standard
input: port, token, clients, seconds, and kinds, each a list of requests `[method, path, body]`.
Each client keeps its connection, and asks for all kinds equally often. The requests of a kind whose
name is in `once` are sent once each; `#` in a body becomes a number that none had before. It writes
one object: by kind, the latency of each answer in seconds, and how long all of it took.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvloop

Next = Callable[[], tuple[str, bytes]]


class _Client(asyncio.Protocol):
    """One connection.

    Args:
        following: gives the next request, and its kind
        until: when to send no more, by `time.perf_counter`
        took: the latencies by kind
        done: is set when the last answer has come
    """

    def __init__(
        self, following: Next, until: float, took: dict[str, list[float]],
        done: asyncio.Future[None],
    ) -> None:  # fmt: skip
        self._following, self._until, self._took, self._done = following, until, took, done
        self._got, self._missing = bytearray(), -1

    def connection_made(self, transport: Any) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Note the answer once it is whole, and send the next request."""
        if self._missing < 0:
            self._got += data
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._got[:end]).lower()
            if head[9:12] not in (b"200", b"201"):
                self._fail(f"{self._request.decode()!r} was answered {bytes(self._got).decode()!r}")
                return
            at = head.index(b"content-length:") + 15
            length = int(head[at:].partition(b"\r")[0])
            self._missing = length - (len(self._got) - end - 4)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            now = time.perf_counter()
            self._took[self._kind].append(now - self._began)
            if now < self._until:
                self._send()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that no more answers come."""
        if self._missing:
            self._fail(f"the connection was lost during {self._request.decode()!r}: {exc}")
        elif not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._kind, self._request = self._following()
        self._got.clear()
        self._missing = -1
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(AssertionError(why))


def _requests(asked: dict[str, Any]) -> Next:
    """Return what gives the requests, of all kinds equally often."""
    dice, numbers = random.Random(11), itertools.count(time.time_ns())
    kinds: dict[str, list[list[str]]] = asked["kinds"]
    left: dict[str, Iterator[list[str]]] = {name: iter(kinds[name]) for name in asked["once"]}
    names = list(kinds)

    def following() -> tuple[str, bytes]:
        kind = dice.choice(names)
        method, path, body = next(left[kind]) if kind in left else dice.choice(kinds[kind])
        body = body.replace("#", str(next(numbers)))
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}"
        head += f"Authorization: Bearer {asked['token']}\r\n\r\n"
        return kind, f"{head}{body}".encode()

    return following


async def _all(asked: dict[str, Any]) -> None:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    took: dict[str, list[float]] = {name: [] for name in asked["kinds"]}
    until, following = began + asked["seconds"], _requests(asked)
    ends = [loop.create_future() for _ in range(asked["clients"])]
    for done in ends:
        await loop.create_connection(
            lambda done=done: _Client(following, until, took, done), "127.0.0.1", asked["port"]
        )
    await asyncio.gather(*ends)
    json.dump({"took": took, "seconds": time.perf_counter() - began}, sys.stdout)


if __name__ == "__main__":
    uvloop.run(_all(json.load(sys.stdin)))
