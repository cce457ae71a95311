"""What waits is sent once, in its order, when the API says; what the API never takes is counted."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import orjson
import pytest

from sentinel.agent import check
from sentinel.agent.buffer import Buffer
from sentinel.agent.check import check_agent
from sentinel.agent.config import AgentConfig, Heartbeat, HostMetrics, SyslogPort, TailedFiles
from sentinel.agent.host import METRICS, Sample, body_of_samples, host_samples
from sentinel.agent.run import Collector
from sentinel.agent.sending import Sender, decide
from sentinel.agent.syslog import AgentSyslog
from sentinel.agent.tail import LOGS
from tests.api.served import TOKEN


def one_sample() -> Iterator[Sample]:
    yield "load", "1", 1.0, {}


NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> AgentConfig:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").chmod(0o600)
    return AgentConfig(
        url="http://127.0.0.1", token_file=str(tmp_path / "token"), state=str(tmp_path / "state"),
        host="web-1", heartbeat=Heartbeat(job="web-1"), metrics=HostMetrics(),
        files=[TailedFiles(path=f"{tmp_path}/*.log", start="beginning")],
    )  # fmt: skip


@pytest.fixture
def buffer(config: AgentConfig) -> Iterator[Buffer]:
    made = Buffer(Path(config.state), 10**6)
    yield made
    made.close()


class Api:
    """Answers as a test says, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.answers.pop(0) if self.answers else httpx.Response(200)
        if isinstance(found, Exception):
            raise found
        return found

    def sender(self, config: AgentConfig, buffer: Buffer) -> Sender:
        http = httpx.Client(base_url=config.url, transport=httpx.MockTransport(self))
        return Sender(config, buffer, http)


@pytest.mark.parametrize(
    ("status", "retry_after", "failures", "kind", "seconds"),
    [
        (200, "", 5, "sent", 0),
        (201, "", 0, "sent", 0),
        (422, "", 0, "refused", 0),
        (413, "9", 0, "refused", 0),
        (503, "7", 4, "again", 7),
        (429, format_datetime(NOW + timedelta(seconds=90), usegmt=True), 0, "again", 90),
        (429, format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0, "again", 0),
        (503, "99999999", 0, "again", 3600),
        (503, "soon", 3, "again", 8),
        (500, "", 0, "again", 1),
        (0, "", 100, "again", 60),
        (401, "", 0, "again", 1),
        (404, "", 1, "again", 2),
        (302, "", 1, "again", 2),
    ],
)
def test_what_an_answer_means(
    status: int, retry_after: str, failures: int, kind: str, seconds: float
):
    found = decide(status, retry_after, failures, NOW)
    assert (found.kind, found.seconds) == (kind, seconds)


def test_nothing_is_sent_before_the_time_that_the_api_names(config: AgentConfig, buffer: Buffer):
    api = Api()
    sender = api.sender(config, buffer)
    buffer.put(LOGS, b'{"message": "one"}', 1)
    buffer.put(LOGS, b'{"message": "two"}', 1)
    buffer.put(METRICS, b"[1]", 1)
    # Samples are sent first, and wait for no log store.
    api.answers = [httpx.Response(200), httpx.Response(503, headers={"Retry-After": "7"})]
    assert sender.send(NOW)
    assert not sender.send(NOW + timedelta(seconds=6.9))
    assert len(api.asked) == 2
    assert sender.send(NOW + timedelta(seconds=7))
    assert sender.send(NOW + timedelta(seconds=7))
    assert not sender.send(NOW + timedelta(seconds=7))
    assert [one.url.path for one in api.asked] == [METRICS, LOGS, LOGS, LOGS]
    assert api.asked[1].content == api.asked[2].content, "what is sent again is the same bytes"
    assert buffer.bytes == 0


def test_what_the_api_never_takes_is_dropped_and_counted(config: AgentConfig, buffer: Buffer):
    api = Api()
    sender = api.sender(config, buffer)
    named = {"error": {"code": "invalid", "errors": [{"index": 1}, {"index": 2}]}}
    api.answers = [httpx.Response(422, json=named), httpx.Response(413, json={})]
    buffer.put(LOGS, b"1", 10)
    buffer.put(LOGS, b"2", 3)
    assert sender.send(NOW)
    assert sender.send(NOW)
    assert buffer.counts() == {"refused": 5}
    assert buffer.first(LOGS) is None


def test_a_new_key_in_the_file_is_used_after_a_refusal(config: AgentConfig, buffer: Buffer):
    api = Api()
    sender = api.sender(config, buffer)
    buffer.put(LOGS, b"1", 1)
    api.answers = [httpx.Response(401), httpx.ConnectError("refused")]
    sender.send(NOW)
    Path(config.token_file).write_text("another")
    sender.send(NOW + timedelta(minutes=1))
    sender.send(NOW + timedelta(minutes=2))
    keys = [one.headers["Authorization"] for one in api.asked]
    assert keys == [f"Bearer {TOKEN}", "Bearer another", "Bearer another"]


def test_a_heartbeat_is_sent_when_it_is_due_and_never_later(config: AgentConfig, buffer: Buffer):
    api = Api()
    sender, minute = api.sender(config, buffer), timedelta(minutes=1)
    api.answers = [httpx.ConnectError("refused")]
    assert not sender.beat(minute, NOW)
    assert not sender.beat(minute, NOW + timedelta(seconds=59))
    assert sender.beat(minute, NOW + minute)
    assert [one.url.path for one in api.asked] == ["/api/v1/alerts/heartbeats/web-1"] * 2
    assert buffer.bytes == 0


def test_a_full_buffer_keeps_what_is_in_it_and_counts_what_it_refuses(config: AgentConfig):
    buffer = Buffer(Path(config.state), 1_000_000)
    assert buffer.put(METRICS, b"x" * 999_990, 1)
    collector = Collector(config, buffer, one_sample)
    collector.step(NOW)
    assert buffer.counts() == {"dropped": 4}  # with the three of the agent itself
    buffer.close()
    again = Buffer(Path(config.state), 1_000_000)
    assert (again.bytes, again.counts()) == (999_990, {"dropped": 4})
    again.close()


def test_a_host_has_metrics_by_the_names_of_opentelemetry():
    found = list(host_samples())
    names = {name for name, _, _, _ in found}
    assert {"system.cpu.utilization", "system.memory.utilization", "system.uptime"} <= names
    assert all(0 <= value <= 1 for _, unit, value, _ in found if unit == "1")
    body, number = body_of_samples(iter(found), "web-1", NOW)
    first = orjson.loads(body)[0]
    assert number == len(found)
    assert (first["timestamp"], first["labels"]["host.name"]) == (NOW.isoformat(), "web-1")


def test_check_says_what_would_not_work(config: AgentConfig, tmp_path: Path):
    Path(config.token_file).chmod(0o644)
    found = {one.what: one for one in check_agent(config)}
    assert "chmod 600" in found["token_file"].says
    assert found["state"].ok
    assert found["files"].says.endswith("no files yet")
    assert (found["url"].ok, "does not answer" in found["url"].says) == (False, True)
    Path(config.token_file).unlink()
    assert not next(iter(check_agent(config))).ok


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_check_tries_the_port_of_syslog_unless_an_agent_has_it(config: AgentConfig, kind: int):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = SyslogPort(port=other.getsockname()[1])
        alone = msgspec.structs.replace(config, syslog=port)

        def syslog() -> tuple[bool, str]:
            (found,) = [one for one in check_agent(alone) if one.what == "syslog"]
            return found.ok, found.says

        where = f"127.0.0.1:{port.port}"
        assert syslog() == (False, f"{where} cannot be used: Address already in use")
        buffer = Buffer(Path(config.state), 10**6)
        assert syslog() == (True, f"{where}: in use, as an agent with this state runs")
        buffer.close()
        assert not syslog()[0]
    assert syslog() == (True, f"{where}: free, for UDP and TCP")


@pytest.mark.parametrize(
    ("answer", "ok", "says"),
    [
        (httpx.Response(200, json={"job": "web-1", "ping": "/ping/web-1/k"}), True, "takes"),
        (httpx.Response(200, json={"job": "web-1", "ping": None}), False, "not send them"),
        (httpx.Response(401, text="no such key"), False, "401 no such key"),
        (httpx.Response(200, text="<p>It works!</p>"), False, "otherwise than Sentinel's API"),
    ],
)
def test_check_asks_whether_the_key_may_send_heartbeats(
    config: AgentConfig,
    monkeypatch: pytest.MonkeyPatch,
    answer: httpx.Response,
    ok: bool,
    says: str,
):
    api = Api()
    api.answers = [answer]
    connection = httpx.Client(base_url=config.url, transport=httpx.MockTransport(api))

    def connected(_: AgentConfig) -> httpx.Client:
        return connection

    monkeypatch.setattr(check, "connection_of", connected)
    alone = msgspec.structs.replace(config, metrics=None, files=[])
    (found,) = [one for one in check_agent(alone) if one.what == "url"]
    assert (found.ok, says in found.says) == (ok, True)
    assert [one.url.path for one in api.asked] == ["/api/v1/alerts/heartbeats/web-1"]
    assert "/ping/" not in found.says


def test_syslog_is_taken_by_udp_and_tcp_and_held_back_where_there_is_no_room(tmp_path: Path):
    buffer = Buffer(tmp_path, 2_000)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    syslog = AgentSyslog(SyslogPort(port=port, service="unnamed"), buffer, "web-1")

    def served(lines: int) -> list[Any]:
        found: list[Any] = []
        deadline = time.monotonic() + 20
        while len(found) < lines and time.monotonic() < deadline:
            syslog.serve(0.05, lambda: NOW)
            while (batch := buffer.first(LOGS)) is not None:
                found += map(orjson.loads, batch.body.split(b"\n"))
                buffer.done(batch)
        return found

    with (
        socket.create_connection(("127.0.0.1", port)) as stream,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        stream.sendall(b"<11>1 2026-01-31T11:59:59Z h app 7 - - counted\n<13>plain\n")
        datagrams.sendto(b"<12>Jan 31 11:59:58 h2 other: by udp", ("127.0.0.1", port))
        found = {one["message"]: one for one in served(3)}
        assert set(found) == {"counted", "plain", "by udp"}
        assert (found["counted"]["service_name"], found["counted"]["host.name"]) == ("app", "h")
        assert (found["plain"]["service_name"], found["plain"]["host.name"]) == ("unnamed", "web-1")
        assert found["plain"]["timestamp"] == NOW.isoformat()
        assert buffer.put(METRICS, b"x" * 2_000, 1)
        stream.sendall(b"waits\n")
        for _ in range(3):
            syslog.serve(0.05, lambda: NOW)
        assert buffer.first(LOGS) is None
        batch = buffer.first(METRICS)
        assert batch is not None
        buffer.done(batch)
        assert [one["message"] for one in served(1)] == ["waits"]
    syslog.close()
    buffer.close()
