"""The API as it runs in production: a process of its own, with the relay in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx

__all__ = ["api_process"]

TOKEN = "a-token-of-the-benchmarks"


@contextmanager
def api_process(
    database: str, home: str, *, python: str = sys.executable, processes: int = 1
) -> Generator[httpx.Client]:
    """Start it on a free port and end it afterwards; gives a client of it.

    Args:
        database: its URL
        home: a folder of its own
        python: the interpreter of the build to start, that of this one by default
        processes: how many answer
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "SENTINEL_DATABASE_URL": database,
        "SENTINEL_HOME": home,
        "SENTINEL_API_PORT": str(port),
        "SENTINEL_API_TOKEN": TOKEN,
        "SENTINEL_API_PROCESSES": str(processes),
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    process = subprocess.Popen(
        [python, "-P", "-m", "sentinel.api"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
            trust_env=False,
        ) as client:
            deadline = time.monotonic() + 300
            while True:
                try:
                    client.get("/health")
                    break
                except httpx.TransportError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise
                    time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(60)
