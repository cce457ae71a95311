"""How fast logs and spans become durable by OTLP over HTTP, beside PostgreSQL and SQLite.

Three senders post batches of 20,000 records, protobuf, to the API as it runs in production (one
process, with the relay), which writes them to the embedded store in its own process, with fsync.
An answer means that the batch is on disk. Meanwhile a reader asks for the newest page of a service
and for a word. The peers get the same records already decoded, from one writer, a batch in one
transaction: PostgreSQL by COPY into a table with a GIN index over the words (spans: over the trace
id), SQLite with FTS5 (spans: an index over the trace id), both durable.

Patterns are found of lines whose values never come again, a trace id in every second one, from 200
statements, in processor time of one core, beside Drain as published on the same lines.

`log_line_to_alert_p95` is the time from the beginning of a request with 2,000 lines, one of which
one of 20 event policies matches, until its alert is committed, while another sender posts batches.

Then the store is filled with 20,000,000 lines and searched (`benchmarks/log_search.py`).
"""

from __future__ import annotations

import http.client
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import psycopg
from pydantic import SecretStr

from benchmarks.api_process import TOKEN, api_process
from benchmarks.log_alerts import intake_to_alert
from benchmarks.log_search import large_store, peak_memory
from benchmarks.original_drain import OriginalDrain
from benchmarks.table import Row
from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import telemetry_client
from sentinel.telemetry.patterns import PatternMiner
from sentinel.up.ports import any_free
from sentinel.up.temporary import temporary_postgres

BATCH, BATCHES, SENDERS, ROUNDS = 20_000, 6, 3, 3
WORDS = [f"w{number}" for number in range(3_000)]
WORDS_OF_LETTERS = ["".join(map(chr, (97 + n % 26, 97 + n // 26, 120))) for n in range(300)]
SERVICES = ("shop", "db", "mail", "search")
RESOURCE = {
    "host.name": "h1", "service.version": "1.4.2", "deployment.environment.name": "production",
    "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry",
}  # fmt: skip
Record = tuple[int, str, str, str]
"""Time, service, trace id and text, as the peers get them."""


def run() -> list[Row]:
    """Rows for logs and spans, each beside PostgreSQL and SQLite."""
    print("patterns", flush=True)
    rows: list[Row] = [_patterns()]
    with tempfile.TemporaryDirectory() as folder, embedded_store(Path(folder)) as settings:
        database = f"sqlite:///{folder}/sentinel.db"
        store = Store(database)
        store.migrate()
        with api_process(database, folder) as client:
            port = client.base_url.port
            assert port is not None
            for signal in ("logs", "traces"):
                print(f"{signal}: {ROUNDS} rounds of {BATCHES * BATCH:,} records", flush=True)
                ours: list[float] = []
                before = _processor_seconds()
                for number in range(ROUNDS):
                    bodies = [_body(signal, number * BATCHES + one) for one in range(BATCHES)]
                    ours.append(_sent(port, signal, bodies, settings))
                    print(f"{signal}: round {number + 1}, {ours[-1]:,.0f}/s", flush=True)
                spent = (_processor_seconds() - before) / (ROUNDS * BATCHES * BATCH)
                print(f"{signal}: {spent * 1e6:.1f} us of processor time a record, API and store")
                rows += _rows(signal, sorted(ours)[ROUNDS // 2])
            print("log lines to alerts", flush=True)
            rows.append(intake_to_alert(client, store, lambda number: _body("logs", 100 + number)))
        store.close()
        rows += large_store(settings)
        rows.append(peak_memory())
    return rows


def _patterns() -> Row:
    draw = random.Random("patterns")
    said = [" ".join(draw.choices(WORDS_OF_LETTERS, k=draw.randrange(3, 12))) for _ in range(200)]

    def line(number: int) -> str:
        trace = f" trace={draw.getrandbits(128):032x}" if number % 2 else ""
        return f"{draw.choice(said)} {number}: user{draw.randrange(10**6)} took {number} ms{trace}"

    lines = [line(number) for number in range(100_000)]

    def rate(work: Callable[[Sequence[str]], object], some: Sequence[str]) -> float:
        began = time.process_time()
        work(some)
        return len(some) / (time.process_time() - began)

    return Row(
        name="patterns_per_second", value=rate(PatternMiner("shop").ids_of, lines), unit="lines/s",
        peer="Drain as published", peer_value=rate(OriginalDrain().groups_of, lines[:20_000]),
    )  # fmt: skip


def _rows(signal: str, value: float) -> list[Row]:
    name, unit = ("logs", "logs/s") if signal == "logs" else ("spans", "spans/s")
    records = [_records(signal, number) for number in range(2)]
    found: list[Row] = []
    for suffix, peer, measure in (
        ("", "PostgreSQL COPY with an index", _postgresql),
        ("_sqlite", "SQLite with an index", _sqlite),
    ):
        print(f"{signal}: {peer}", flush=True)
        found.append(
            Row(
                name=f"{name}_per_second{suffix}", value=value, unit=unit, peer=peer,
                peer_value=measure(signal, records),
            )
        )  # fmt: skip
    return found


def _processor_seconds() -> float:
    """Return the processor time of the API's and the store's processes so far."""
    times = [one.cpu_times() for one in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)


@contextmanager
def embedded_store(folder: Path) -> Generator[Settings]:
    """The embedded store, and settings that name it; the API inherits them."""
    port = any_free()
    passwords = {"SENTINEL_TELEMETRY_PASSWORD": "w", "SENTINEL_TELEMETRY_READ_PASSWORD": "r"}
    command = [sys.executable, "-m", "sentinel.telemetry_server", str(folder / "telemetry")]
    process = subprocess.Popen(
        [*command, "--port", str(port)], env={**os.environ, **passwords}, stderr=subprocess.DEVNULL
    )
    urls = {
        "SENTINEL_TELEMETRY_URL": f"http://sentinel:w@127.0.0.1:{port}",
        "SENTINEL_TELEMETRY_READ_URL": f"http://reader:r@127.0.0.1:{port}",
    }
    os.environ.update(urls)
    try:
        settings = Settings(
            telemetry_url=SecretStr(urls["SENTINEL_TELEMETRY_URL"]),
            telemetry_read_url=SecretStr(urls["SENTINEL_TELEMETRY_READ_URL"]),
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                telemetry_client(settings, write=True).prepare()
                break
            except SentinelError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.2)
        yield settings
        print(f"telemetry store: {psutil.Process(process.pid).memory_info().rss / 1e6:.0f} MB")
    finally:
        for name in urls:
            os.environ.pop(name)
        process.terminate()
        process.wait(30)


def _sent(port: int, signal: str, bodies: Sequence[bytes], settings: Settings) -> float:
    """Post the bodies, and return records a second."""
    waiting = list(bodies)
    errors: list[str] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-protobuf"}
        while waiting and not errors:
            body = waiting.pop()
            while True:
                try:
                    connection.request("POST", f"/v1/{signal}", body, headers)
                    answer = connection.getresponse()
                    said = answer.read()
                except OSError:  # refused before all of it was sent: it is sent again
                    connection.close()
                    continue
                if answer.status == 200 and not said:
                    break
                if answer.status not in (429, 503):
                    errors.append(f"{answer.status} {said[:200]!r}")
                    return
                time.sleep(float(answer.headers["Retry-After"]))
        connection.close()

    done = threading.Event()
    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    reader = threading.Thread(target=_read, args=(signal, settings, done))
    reader.start()
    began = time.perf_counter()
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    seconds = time.perf_counter() - began
    done.set()
    reader.join()
    if errors:
        raise AssertionError(errors[0])
    return len(bodies) * BATCH / seconds


def _read(signal: str, settings: Settings, done: threading.Event) -> None:
    client = telemetry_client(settings)
    table, word = (
        ("logs", "hasAllTokens(Body, 'w77')") if signal == "logs" else ("spans", "SpanName = 'w77'")
    )
    where = "WHERE Tenant = 'default' AND ServiceName = 'shop'"
    while not done.wait(0.25):
        client.rows(f"SELECT * FROM {table} {where} ORDER BY Timestamp DESC LIMIT 50")
        client.rows(f"SELECT count() FROM {table} WHERE Tenant = 'default' AND {word}")


def _records(signal: str, number: int) -> list[Record]:
    draw = random.Random(f"{signal} {number}")
    now, service = time.time_ns(), SERVICES[number % len(SERVICES)]

    def text(one: int) -> str:
        if signal != "logs":
            return draw.choice(WORDS)
        user, took = draw.randrange(10_000), draw.randrange(1_000)
        words = f"{draw.choice(WORDS)}/{draw.choice(WORDS)}"
        return f"request {number}-{one} of user{user} took {took} ms: GET /api/{words} 200"

    return [
        (now + one, service, f"{draw.getrandbits(128):032x}", text(one)) for one in range(BATCH)
    ]


def _body(signal: str, number: int) -> bytes:
    folder, name = ("logs", "Logs") if signal == "logs" else ("trace", "Trace")
    module: Any = import_module(f"opentelemetry.proto.collector.{folder}.v1.{folder}_service_pb2")
    made = getattr(module, f"Export{name}ServiceRequest")()
    records = _records(signal, number)
    resource = (made.resource_logs if signal == "logs" else made.resource_spans).add()
    for key, value in {"service.name": records[0][1], **RESOURCE}.items():
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = (resource.scope_logs if signal == "logs" else resource.scope_spans).add()
    scope.scope.name = "app"
    for at, _, trace, text in records:
        ids = {"trace_id": bytes.fromhex(trace), "span_id": bytes.fromhex(trace[:16])}
        if signal == "logs":
            one = scope.log_records.add(time_unix_nano=at, observed_time_unix_nano=at,
                                        severity_number=9, severity_text="INFO", **ids)  # fmt: skip
            one.body.string_value = text
        else:
            one = scope.spans.add(start_time_unix_nano=at, end_time_unix_nano=at + 5_000_000,
                                  kind=2, name=text, **ids)  # fmt: skip
            one.attributes.add(key="http.response.status_code").value.int_value = 200
        one.attributes.add(key="code.function.name").value.string_value = "answer"
        one.attributes.add(key="http.route").value.string_value = "/api/{a}/{b}"
    return made.SerializeToString()


def _timed(records: Sequence[Sequence[Record]], write: Callable[[Sequence[Record]], None]) -> float:
    began = time.perf_counter()
    for batch in records:
        write(batch)
    return sum(map(len, records)) / (time.perf_counter() - began)


def _postgresql(signal: str, records: Sequence[Sequence[Record]]) -> float:
    index = "gin (to_tsvector('simple', body))" if signal == "logs" else "btree (trace)"
    with temporary_postgres() as server:
        address = server.address("postgres").replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE peer "
                "(at bigint, service text, trace text, body text, attributes jsonb)"
            )
            connection.execute("CREATE INDEX ON peer (service, at)")
            connection.execute(f"CREATE INDEX ON peer USING {index}".encode())

            def write(batch: Sequence[Record]) -> None:
                with (
                    connection.transaction(),
                    connection.cursor() as cursor,
                    cursor.copy("COPY peer FROM STDIN") as copy,
                ):
                    for one in batch:
                        copy.write_row((*one, '{"code.function.name": "answer"}'))

            return _timed(records, write)


def _sqlite(signal: str, records: Sequence[Sequence[Record]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(f"{folder}/peer.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE peer (at, service, trace, body, attributes)")
        connection.execute("CREATE INDEX one ON peer (service, at)")
        if signal == "logs":
            connection.execute("CREATE VIRTUAL TABLE words USING fts5 (body, content = '')")
        else:
            connection.execute("CREATE INDEX two ON peer (trace)")

        def write(batch: Sequence[Record]) -> None:
            rows = [(*one, '{"code.function.name": "answer"}') for one in batch]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO peer VALUES (?, ?, ?, ?, ?)", rows)
            if signal == "logs":
                texts = [(one[3],) for one in batch]
                connection.executemany("INSERT INTO words (body) VALUES (?)", texts)
            connection.execute("COMMIT")

        rate = _timed(records, write)
        connection.close()
        return rate
