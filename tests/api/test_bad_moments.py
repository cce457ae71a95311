"""What is odd or unlucky is answered 4xx or 503, and never 500 or with a traceback."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from sentinel.api import health
from sentinel.store import Store
from tests.api.served import TOKEN, called, served
from tests.databases import both_databases
from tests.waiting import eventually


@pytest.fixture
def client(app: FastAPI) -> Generator[httpx.Client]:
    with called(app, Authorization=f"Bearer {TOKEN}") as client:
        yield client


def known(answer: httpx.Response) -> bool:
    """An answer of ours; 503 is one of Prefect or of telemetry, which are away here."""
    return answer.status_code < 500 or (
        answer.status_code == 503 and any(of in answer.text for of in ("Prefect", "telemetry"))
    )


@both_databases
def test_a_nul_anywhere_is_no_500(app: FastAPI, client: httpx.Client):
    """PostgreSQL holds no text with a NUL, and SQLite does."""
    for path, routes in app.openapi()["paths"].items():
        place = re.sub(r"\{[^}]+\}", "%00", path)
        queries = [one["name"] for one in routes.get("get", {}).get("parameters", [])
                   if one["in"] == "query"]  # fmt: skip
        for name in queries:
            answer = client.get(f"{place}?{name}=a%00b")
            assert answer.status_code in (404, 422), (path, name, answer.text)
        for method in set(routes) & {"get", "post", "put", "patch", "delete"}:
            answer = client.request(method, place)
            assert known(answer), (method, path, answer.text)


# With ids of their own: without, half a million characters are the test's name.
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="lists"),
        pytest.param(b'{"a":' * 100_000, id="objects"),
        pytest.param(b"[NaN," + b"[" * 100_000, id="after-nan"),
    ],
)
def test_nested_brackets_are_no_500(app: FastAPI, client: httpx.Client, body: bytes):
    for path, routes in app.openapi()["paths"].items():
        for method in set(routes) & {"post", "put", "patch", "delete"}:
            place = re.sub(r"\{[^}]+\}", "x", path)
            given = {"Content-Type": "application/json"}
            answer = client.request(method, place, content=body, headers=given)
            assert known(answer), (method, path, answer.text)


def test_a_full_disk_is_503_and_health_says_so(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
):
    def full(connection: Any, _record: object, _proxy: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    event.listen(store.engine, "checkout", full)
    try:
        sample = {"name": "m", "value": 1.0, "labels": {"a": "x" * 200}}
        many = [{**sample, "labels": {"a": f"{n}{'x' * 150}"}} for n in range(500)]
        answer = client.post("/api/v1/alerts/metrics", json=many)
    finally:
        event.remove(store.engine, "checkout", full)
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "the disk of the database is full"
    said = client.get("/health")
    assert said.status_code == 503
    assert "disk is full" in said.json()["components"]["database"]["message"]
    monkeypatch.setattr(health, "_FULL_SECONDS", 0.0)
    assert client.get("/health").json()["components"]["database"]["status"] == "ok"


def test_a_client_that_goes_away_in_the_middle_is_one_line_for_debugging(
    app: FastAPI, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "sentinel.api")
    with served(app, "off") as url:
        where = ("127.0.0.1", int(url.rpartition(":")[2]))
        with socket.create_connection(where) as client:
            head = (
                "POST /api/v1/alerts/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n["
            )
            client.sendall(head.encode())
        eventually(lambda: "went away" in caplog.text, "it is noted", within=30)
    about = [one for one in caplog.records if one.name.startswith(("sentinel", "uvicorn"))]
    assert [one.levelname for one in about if one.levelno >= logging.WARNING] == []
    assert sum("went away" in one.getMessage() for one in about) == 1
    assert "Traceback" not in caplog.text


RULE = {"name": "cpu", "threshold_value": 85}


@pytest.mark.parametrize(
    ("rule", "samples", "field"),
    [
        ({}, [{"value": 1, "at": "0001-01-01T00:00:00Z"}], "samples.0.at"),
        ({}, [{"value": 1}, {"value": 1, "at": "0001-01-01T00:00:00+14:00"}], "samples.1.at"),
        ({}, [{"value": 99, "at": "9999-12-31T23:59:59-14:00"}], "samples.0.at"),
        ({"every": "3650d"}, [{"value": 1}] * 203, "samples"),
        ({"every": "3650d"}, [{"value": 1, "at": "8999-01-01T00:00:00Z"}, {"value": 1}], "samples"),
    ],
)
def test_samples_at_moments_that_no_calendar_has_are_refused_by_name(
    client: httpx.Client, rule: dict[str, Any], samples: list[dict[str, Any]], field: str
):
    body = {"rule": {**RULE, **rule}, "samples": samples}
    answer = client.post("/api/v1/alerts/rules/test", json=body)
    assert (answer.status_code, answer.json()["error"].get("field")) == (422, field), answer.text


@pytest.mark.parametrize("rule", [{"every": "3650d"}, {"for": "3650d"}, {"resolve_after": "3650d"}])
@pytest.mark.parametrize(
    "placed", [{}, {"at": "8999-12-31T00:00:00Z"}, {"at": "1970-01-01T00:00:00Z"}]
)
def test_a_long_period_or_wait_of_one_sample_is_tried(
    client: httpx.Client, rule: dict[str, Any], placed: dict[str, Any]
):
    body = {"rule": {**RULE, **rule}, "samples": [{"value": 99, **placed}]}
    answer = client.post("/api/v1/alerts/rules/test", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["evaluations"] == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_query_for_a_moment_that_no_calendar_has_in_utc_is_refused_by_name(
    app: FastAPI, client: httpx.Client, moment: str
):
    asked = 0
    for path, routes in app.openapi()["paths"].items():
        for one in routes.get("get", {}).get("parameters", []):
            if one["in"] == "query" and "date-time" in str(one["schema"]):
                asked += 1
                place = re.sub(r"\{[^}]+\}", "one", path)
                answer = client.get(place, params={one["name"]: moment})
                error = answer.json()["error"]
                assert (answer.status_code, error["field"]) == (422, one["name"]), (path, error)
    assert asked >= 4
