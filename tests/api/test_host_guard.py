"""A web page that gives its own name this machine's address (DNS rebinding) is answered nothing."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from tests.api.served import called


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8400", 200),
        ("[::1]:8400", 200),
        ("192.0.2.7", 200),
        ("rebound.example", 421),
        ("rebound.example:8400", 421),
        ("127.0.0.1.rebound.example", 421),
    ],
)
def test_only_hosts_of_its_own_are_answered(app: FastAPI, host: str, status: int):
    with called(app) as here:
        answer = here.get("/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        error = answer.json()["error"]
        assert error["code"] == "unknown_host"
        assert "SENTINEL_ALLOWED_HOSTS" in error["hint"]
        assert error["request_id"] == answer.headers["X-Request-Id"]
