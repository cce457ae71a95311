"""The agent sends to a real API with its store, and dies while it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from sentinel.agent.buffer import Buffer
from sentinel.agent.config import AgentConfig, HostMetrics, TailedFiles
from sentinel.agent.host import METRICS, Sample
from sentinel.agent.run import Collector
from sentinel.agent.sending import Sender
from sentinel.store import Store
from sentinel.store.telemetry.client import TelemetryClient
from tests.api.served import TOKEN, served
from tests.waiting import eventually


class Killed(BaseException):
    """As `kill -9`: nothing of the process runs after it."""


def one_sample() -> Iterator[Sample]:
    yield "load", "1", 2.0, {}


@pytest.mark.parametrize("step", ["before the answer", "after the answer"])
def test_an_agent_that_dies_while_it_sends_counts_once(
    telemetry_api: httpx.Client, telemetry: TelemetryClient, store: Store, tmp_path: Path, step: str
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "app.log").write_text("one\ntwo\n")
    config = AgentConfig(
        url="http://127.0.0.1", token_file=str(tmp_path / "token"), state=str(tmp_path / "state"),
        host="web-1", metrics=HostMetrics(),
        files=[TailedFiles(path=f"{tmp_path}/*.log", start="beginning")],
    )  # fmt: skip

    def answered(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        found = telemetry_api.post(path, content=request.content, headers=request.headers)
        assert found.status_code == 200
        return httpx.Response(found.status_code)

    def dies(request: httpx.Request) -> httpx.Response:
        if step == "after the answer" or request.url.path == METRICS:
            found = answered(request)
            if request.url.path == METRICS:
                return found
        raise Killed

    def life(now: datetime, answers: Callable[[httpx.Request], httpx.Response]) -> None:
        buffer = Buffer(Path(config.state), 10**6)
        collector = Collector(config, buffer, one_sample)
        http = httpx.Client(base_url=config.url, transport=httpx.MockTransport(answers))
        try:
            collector.step(now)
            sender = Sender(config, buffer, http)
            while sender.send(now):
                pass
        finally:
            collector.close()
            buffer.close()

    with pytest.raises(Killed):
        life(store.now() - timedelta(seconds=2), dies)
    life(store.now(), answered)
    assert telemetry.rows("SELECT Body, count() AS n FROM logs GROUP BY 1 ORDER BY 1") == [
        {"Body": "one", "n": 1},
        {"Body": "two", "n": 1},
    ]
    minute = timedelta(minutes=1)
    found = store.metrics.reader("default").window(
        "load", [], store.now() - minute, store.now() + minute
    )
    assert len(found.times) == 2


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_sends_every_line_once(
    telemetry_api: httpx.Client, app: FastAPI, telemetry: TelemetryClient, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    path, lines = tmp_path / "app.log", 0
    count = "SELECT count() AS lines, uniqExact(Body) AS others FROM logs WHERE ServiceName = 'app'"
    with served(app, lifespan="off") as url:
        config = tmp_path / "agent.yaml"
        config.write_text(
            f"url: {url}\ntoken_file: {tmp_path}/token\nstate: {tmp_path}/state\n"
            f"files: [{{path: {path}, service: app, start: beginning}}]\n"
            "heartbeat: {job: web-1}\n"
        )
        command = [sys.executable, "-m", "sentinel.cli", "agent", "run", "--config", str(config)]
        for life in range(3):
            with path.open("a") as file:
                file.writelines(f"line {lines + number}\n" for number in range(2_000))
            lines += 2_000
            agent = subprocess.Popen(command, env={**os.environ, "NO_PROXY": "*"})
            enough = lines if life == 2 else lines - 1_999
            eventually(
                lambda enough=enough: telemetry.rows(count)[0]["lines"] >= enough, "sent", 60
            )
            agent.send_signal(signal.SIGKILL if life < 2 else signal.SIGTERM)
            assert agent.wait(30) == (-signal.SIGKILL if life < 2 else 0)
            path.rename(f"{path}.{life + 1}")
        job = httpx.get(
            f"{url}/api/v1/alerts/heartbeats/web-1", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert job.json()["status"] == "ok"
    assert telemetry.rows(count) == [{"lines": lines, "others": lines}]
