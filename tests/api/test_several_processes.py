"""Several processes of the API on one port, as `sentinel api` starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.served import TOKEN
from tests.databases import sqlite_copy
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def process(port: int, tmp_path: Path, migrated_sqlite: Path) -> Generator[psutil.Process]:
    environment = {
        **os.environ,
        "SENTINEL_DATABASE_URL": sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"),
        "SENTINEL_HOME": str(tmp_path),
        "SENTINEL_API_PORT": str(port),
        "SENTINEL_API_TOKEN": TOKEN,
        "SENTINEL_API_PROCESSES": "2",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    log = (tmp_path / "log").open("w")
    started = subprocess.Popen(
        [sys.executable, "-m", "sentinel.api"], env=environment, stderr=log, start_new_session=True
    )
    yield psutil.Process(started.pid)
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
    started.wait(60)
    log.close()


def answers(port: int) -> bool:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(trust_env=False, timeout=5, headers=headers) as client:
            url = f"http://127.0.0.1:{port}/api/v1/alerts/alerts"
            return client.get(url).status_code == 200
    except httpx.TransportError:
        return False


def workers(process: psutil.Process) -> list[psutil.Process]:
    """The processes that answer; Python's tracker of resources is none of them."""
    return [
        one
        for one in process.children()
        if one.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(one.cmdline())
    ]


def pair(
    process: psutil.Process, without: psutil.Process | None = None
) -> list[psutil.Process] | None:
    found = workers(process)
    return found if len(found) == 2 and without not in found else None


def test_they_share_the_port_replace_each_other_and_end_together(
    process: psutil.Process, port: int, tmp_path: Path
):
    eventually(lambda: answers(port), "it answers")
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        asked = {"key": "log_level", "component": "api", "value": "DEBUG"}
        url = f"http://127.0.0.1:{port}/api/v1/admin/settings"
        assert client.post(url, json=asked).status_code == 200
    log = tmp_path / "log"
    eventually(
        lambda: log.read_text().count("log levels changed: sentinel.api DEBUG") == 3,
        "both of them and their parent, which has the relay, log at the level",
    )
    two = eventually(lambda: pair(process), "there are two")
    two[0].kill()
    eventually(lambda: answers(port), "the other answers")
    left = eventually(lambda: pair(process, without=two[0]), "there are two again")
    process.terminate()
    _, alive = psutil.wait_procs([process, *left], timeout=30)
    assert alive == []
