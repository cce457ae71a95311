"""clickhouse-connect, unchanged, against the embedded store, and what the store refuses."""

from __future__ import annotations

import asyncio
import gzip
import threading
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import httpx
import pytest

from sentinel.settings import Settings
from sentinel.telemetry_server.engine import Engine, EngineLimits
from sentinel.telemetry_server.http import READER, WRITER, application
from sentinel.telemetry_server.statements import Asked

ODD = "it's\tan ö\n\\N {x:String} \\"


def client(address: str, **more: Any) -> Any:
    connect: Any = import_module("clickhouse_connect")
    return connect.get_client(dsn=address, autogenerate_session_id=False, **more)


def test_the_real_client_creates_inserts_and_reads(telemetry_settings: Settings) -> None:
    writes = client(telemetry_settings.telemetry_url.get_secret_value(), tz_mode="aware")
    reads = client(telemetry_settings.telemetry_read_url.get_secret_value())
    try:
        writes.command(
            "CREATE TABLE door (at DateTime64(9, 'UTC'), text String, tags Map(String, String)) "
            "ENGINE = MergeTree ORDER BY at"
        )
        at = datetime(2026, 11, 30, 7, 0, 1, 250_000, UTC)
        writes.insert("door", [[at, ODD, {"a": ODD}]])  # compressed
        found = writes.query("SELECT * FROM door WHERE text = {x:String}", parameters={"x": ODD})
        assert found.result_rows == [(at, ODD, {"a": ODD})]
        # So many that the client sends them as a form.
        many = {"xs": ["y" * 20] * 4000 + [ODD]}
        assert reads.query(
            "SELECT count() FROM door WHERE text IN {xs:Array(String)}", parameters=many
        ).result_rows == [(1,)]
        assert reads.query_arrow("SELECT 1 AS one SETTINGS max_threads = 1").to_pylist() == [
            {"one": 1}
        ]
        # A setting holds for its own statement, also one of the connection.
        threads = "SELECT getSetting('max_threads')"
        assert writes.query(threads, settings={"max_threads": 1}).result_rows == [(1,)]
        assert writes.query(threads).result_rows == [(2,)]
        with pytest.raises(Exception, match="code: 47"):
            reads.query("SELECT nope FROM door")
        for change in ("DROP TABLE door", "INSERT INTO door (text) SELECT 'x'", "SET readonly = 0"):
            with pytest.raises(Exception, match="code: 164"):
                reads.command(change)
        with pytest.raises(Exception, match="code: 159"):
            reads.query("SELECT sleep(1)", settings={"max_execution_time": 0.2})
        small = {"max_memory_usage": 10_000_000}
        with pytest.raises(Exception, match="code: 241"):
            reads.query("SELECT length(groupArray(number)) FROM numbers(9000000)", settings=small)
    finally:
        writes.command("DROP TABLE IF EXISTS door")
        writes.close()
        reads.close()


def test_rows_that_cannot_be_written_are_an_error_and_no_success(
    telemetry_settings: Settings,
) -> None:
    # `send_insert` of chdb reports success of them.
    writes = client(telemetry_settings.telemetry_url.get_secret_value())
    try:
        writes.command(
            "CREATE TABLE door (n UInt64, CONSTRAINT small CHECK n < 10) "
            "ENGINE = MergeTree ORDER BY n"
        )
        with pytest.raises(Exception, match="code: 469"):
            writes.insert("door", [[99]])
        with pytest.raises(Exception, match="code: 469"):
            writes.insert_arrow("door", import_module("pyarrow").table({"n": [99]}))
        writes.insert("door", [[7]])
        assert writes.query("SELECT n FROM door").result_rows == [(7,)]
    finally:
        writes.command("DROP TABLE IF EXISTS door")
        writes.close()


def test_queries_that_wait_hold_up_no_insert() -> None:
    class Slow(Engine):
        """Its readers wait until all are released; what changes something does not."""

        def __init__(self) -> None:
            self.limits = EngineLimits()
            self.released = threading.Event()

        def run(self, asked: Asked, *, read_only: bool) -> bytes:
            if read_only:
                self.released.wait(30)
            return b"done"

    async def both(engine: Slow) -> int:
        door = httpx.ASGITransport(application(engine, {WRITER: "w", READER: "r"}))
        async with httpx.AsyncClient(transport=door, base_url="http://store") as http:
            many = [
                asyncio.create_task(http.post("/", content="SELECT 1", auth=(READER, "r")))
                for _ in range(40)
            ]
            await asyncio.sleep(0)
            change = http.post("/", content="OPTIMIZE TABLE t", auth=(WRITER, "w"))
            try:
                return (await asyncio.wait_for(change, 10)).status_code
            finally:
                engine.released.set()
                await asyncio.gather(*many)

    assert asyncio.run(both(Slow())) == 200


def test_nobody_gets_in_without_the_password(telemetry_settings: Settings) -> None:
    url = httpx.URL(telemetry_settings.telemetry_url.get_secret_value())
    bare = url.copy_with(username=None, password=None)
    with httpx.Client() as http:
        assert http.get(bare.join("/ping")).text == "Ok.\n"
        assert http.post(bare, content="SELECT 1").status_code == 401
        for auth in (("sentinel", "reads"), ("", ""), ("default", "")):
            answer = http.post(bare, content="SELECT 1", auth=auth)
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (
                401,
                "516",
            )
        packed = {"Content-Encoding": "gzip"}
        headers = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "reads"}
        assert http.post(bare, content="SELECT 7", headers=headers).text == "7\n"
        sent = gzip.compress(b"SELECT 7")
        assert http.post(bare, content=sent, headers=headers | packed).text == "7\n"
        assert http.post(bare, content=sent[:9], headers=headers | packed).status_code == 400
        assert http.post(bare, content=b"", headers=headers).status_code == 400
