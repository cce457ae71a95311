"""Requests and usage as files: whole, in order, of one tenant, in each format."""

from __future__ import annotations

import csv
import io
import json
import time
from importlib import import_module
from typing import Any

import msgspec
import pytest

from sentinel.api_usage.exported import REQUEST_FILE, USAGE_FILE, file_parts
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.store.telemetry import person_requests, request_export
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.person_requests import LEFT_OUT, requests_of_person
from sentinel.store.telemetry.request_export import exported_requests, exported_usage
from sentinel.store.telemetry.requests import insert_requests
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import REQUEST_FIELDS, parse_query

pq: Any = import_module("pyarrow.parquet")
SECOND, MINUTE = 10**9, 60 * 10**9
NOW = time.time_ns() // MINUTE * MINUTE - 60 * MINUTE


def asked(query: str = "") -> Asked:
    where = parse_query(query, REQUEST_FIELDS).where
    return Asked(query, False, where, NOW - 40 * MINUTE, NOW)


def send(client: TelemetryClient, tenant: str, *given: dict[str, Any]) -> None:
    rows = [msgspec.convert({"status": 200, **one}, PostedRequest) for one in given]
    privacy = RequestPrivacy(headers=frozenset({"x-region"}))
    batch = request_rows(rows, privacy, now=NOW + 60 * MINUTE, oldest=0)
    insert_requests(client, tenant, batch, f"{tenant} {time.time_ns()}", NOW)


@pytest.fixture
def filled(telemetry: TelemetryClient) -> TelemetryClient:
    """Two of each moment, of two consumers, one of whom is named like a formula."""
    send(telemetry, "acme", *(
        {"timestamp": NOW - (at // 2 + 1) * 100 * SECOND + 7, "service": "shop",
         "consumer": "=ann" if at % 2 else "bob", "method": "GET", "path": f"/orders/{at}",
         "status": 500 if at == 3 else 200, "duration_ms": 10, "headers": {"x-region": "eu"}}
        for at in range(40)
    ))  # fmt: skip
    send(telemetry, "other", {"timestamp": NOW - SECOND, "consumer": "secret"})
    return telemetry


def test_each_format_has_every_request_once_and_in_order(
    filled: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_export, "_AT_ONCE", 7)

    def whole(kind: Any, query: str = "") -> bytes:
        pages = exported_requests(filled, "acme", asked(query))
        return b"".join(file_parts(REQUEST_FILE, kind, pages))

    rows = [json.loads(line) for line in whole("ndjson").splitlines()]
    assert sorted(row["path"] for row in rows) == sorted(f"/orders/{at}" for at in range(40))
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert rows[0]["headers"] == {"x-region": "eu"}
    assert rows[0]["timestamp"].endswith("000000007Z")
    table = pq.read_table(io.BytesIO(whole("parquet")))
    assert table.column_names == list(REQUEST_FILE.columns)
    assert sorted(table["path"].to_pylist()) == sorted(row["path"] for row in rows)
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert table["headers"].to_pylist()[0] == [("x-region", "eu")]
    text = list(csv.DictReader(io.StringIO(whole("csv").decode("utf-8-sig"))))
    assert [row["timestamp"] for row in text] == [row["timestamp"] for row in rows]
    assert {row["consumer"] for row in text} == {"'=ann", "bob"}
    assert text[0]["headers"] == '{"x-region":"eu"}'
    assert len(whole("ndjson", "status:5xx").splitlines()) == 1
    assert pq.read_table(io.BytesIO(whole("parquet", "path:/none"))).num_rows == 0


def test_usage_part_by_part_adds_up_to_the_whole(filled: TelemetryClient) -> None:
    for query in ("", "path:/orders/*"):  # from counts by minute, and from rows
        pages = list(exported_usage(filled, "acme", asked(query), "consumer", 2))
        assert [len(page) for page in pages] == [2, 2]
        every = [row for page in pages for row in page]
        assert sum(row.figures.requests for row in every) == 40
        assert sum(row.figures.errors for row in every) == 1
        assert {row.seconds for row in every} == {1200.0}
        assert {row.figures.value for row in every} == {"=ann", "bob"}
    lines = b"".join(file_parts(USAGE_FILE, "csv", iter(pages))).decode().splitlines()
    assert lines[0].endswith(",".join(USAGE_FILE.columns))
    assert len(lines) == 5


def test_a_person_s_requests_are_of_all_tenants_and_say_what_is_left_out(
    filled: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(filled, "other", {"timestamp": NOW - SECOND, "consumer": "bob via bot"})
    found = requests_of_person(filled, "bob")
    assert len(found["requests"]) == 21
    assert {row["tenant"] for row in found["requests"]} == {"acme", "other"}
    assert {row["consumer"] for row in found["requests"]} == {"bob", "bob via bot"}
    assert LEFT_OUT not in found
    monkeypatch.setattr(person_requests, "MOST_EXPORTED", 5)
    found = requests_of_person(filled, "bob")
    assert len(found["requests"]) == 5
    assert [(one["tenant"], one["all_requests"]) for one in found[LEFT_OUT]] == [
        ("acme", 20), ("other", 1),
    ]  # fmt: skip
    assert requests_of_person(filled, "nobody' OR 1=1 --") == {}
