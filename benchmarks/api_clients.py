"""Clients of the API that ask one after another: `python -m benchmarks.api_clients`.

A program of its own, so that the clients have an event loop that measures nothing else. It reads
one JSON object from standard input (port, token, paths, clients, seconds) and writes one (latency
of each answer in seconds, and how long all of it took). Each client keeps its connection.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any


async def _client(asked: dict[str, Any], seed: int, until: float) -> list[float]:
    dice, took = random.Random(seed), list[float]()
    head = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {asked['token']}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", asked["port"], limit=1 << 20)
    while time.perf_counter() < until:
        path = dice.choice(dice.choice(asked["paths"]))
        began = time.perf_counter()
        writer.write(f"GET {path}{head}".encode())
        status, *headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        if status.split()[1] != b"200":
            raise AssertionError(f"{path}: {status.decode()}")
        (length,) = (h[15:] for h in headers if h.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length))
        took.append(time.perf_counter() - began)
    writer.close()
    return took


async def _all(asked: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    until = began + asked["seconds"]
    clients = (_client(asked, seed, until) for seed in range(asked["clients"]))
    took = [one for many in await asyncio.gather(*clients) for one in many]
    return {"took": took, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(json.load(sys.stdin)))))
