"""What `make run` starts, for real, on free ports: the way a newcomer meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.prefect,
    pytest.mark.xdist_group("whole"),
]


class Product:
    """`sentinel up` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENTINEL_"))},
            "SENTINEL_HOME": str(folder / "home"),
            "SENTINEL_API_PORT": "0",
            "SENTINEL_DASHBOARD_PORT": "0",
            "SENTINEL_PREFECT_PORT": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sentinel.cli", "up", *arguments],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def says(self, text: str, within: float = 600.0) -> None:
        def said() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.output.read_text()
            return text in self.output.read_text()

        eventually(said, within)

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=240)

    def sentinel(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def is_well(self, within: float = 300.0) -> None:
        deadline = time.monotonic() + within
        while (done := self.run("doctor")).returncode:
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(1)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sentinel.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def processes(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)


def eventually(what: Callable[[], bool], within: float = 120.0) -> None:
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)


def none_runs(processes: list[psutil.Process]) -> bool:
    return not [
        one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.fixture
def product(reachable: Path) -> Generator[Product]:
    product = Product(reachable)
    yield product
    if product.process is not None and product.process.poll() is None:
        product.end(signal.SIGTERM)


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_newcomer_sees_an_alert_and_a_second_start_still_has_it(
    product: Product, kind: str
) -> None:
    arguments = ["--sqlite"] if kind == "sqlite" else []
    product.start(*arguments)
    product.says("Sentinel runs.")
    product.says("First alert after")

    places = product.sentinel("status")["places"]
    assert httpx.get(places["Dashboard"]).status_code == 200
    assert httpx.get(places["Prefect UI"]).status_code == 200
    assert httpx.get(places["API"]).status_code == 200
    alerts = product.sentinel("alert", "list")["items"]
    assert {alert["rule"] for alert in alerts} & {"demo-cpu", "demo-disk"}
    assert {alert["severity"] for alert in alerts} == {"info"}
    product.is_well()

    second = product.run("up")
    assert second.returncode == 4
    assert places["Dashboard"] in second.stderr

    started = product.processes()
    assert product.end(signal.SIGINT) == 0
    eventually(lambda: none_runs(started))
    assert product.run("alert", "list").returncode == (0 if kind == "sqlite" else 5)

    product.start(*arguments, "--no-demo")
    product.says("Sentinel runs.")
    again = product.sentinel("alert", "list", "--history")["items"]
    assert {alert["id"] for alert in alerts} <= {alert["id"] for alert in again}
    started = product.processes()
    assert product.run("down").returncode == 0
    eventually(lambda: none_runs(started))


def test_a_supervisor_that_is_killed_leaves_nothing_for_long(product: Product) -> None:
    product.start("--no-demo")
    product.says("Sentinel runs.")
    started = product.processes()
    product.end(signal.SIGKILL)
    eventually(lambda: none_runs(started))

    product.start("--no-demo")
    product.says("Sentinel runs.")
    assert product.end(signal.SIGTERM) == 0
