"""The API's own requests are logged for a tenant, with who made them and nothing secret."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from sentinel.api import create_app
from sentinel.asgi import RequestLog
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.served import TOKEN, called


def test_own_requests_are_rows_of_the_tenant_that_is_named(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    logs: list[RequestLog] = []

    def to_store(settings: Settings, *, tenant: str, **more: Any) -> RequestLog:
        assert tenant == "ops"
        logs.append(RequestLog(keep, **more))
        return logs[-1]

    def keep(rows: Sequence[dict[str, Any]], batch: str, dropped: int) -> None:
        sent.extend(rows)

    def not_started(_: RequestLog) -> None:
        """The test takes the turns itself."""

    monkeypatch.setattr(RequestLog, "to_store", to_store)
    monkeypatch.setattr(RequestLog, "start", not_started)
    given = settings.model_copy(update={"own_requests": "ops"})
    app = create_app(given, store=store, relay=False)
    with called(app, Authorization=f"Bearer {TOKEN}") as client:
        assert client.get("/api/v1/alerts/rules", params={"tenant": "x"}).status_code == 200
        denied: httpx.Response = client.get(
            "/api/v1/alerts/rules", headers={"Authorization": "Bearer wrong"}
        )
        assert denied.status_code == 401
        for path in ("/ping/backup/swordfish", "/ping/backup/swordfish/"):
            client.get(path)
    logs[0].turn()
    (first, second, *pings) = sent
    assert [one["path"] for one in pings] == [
        "/ping/backup/{key}", "/ping/backup/{key}",
    ]  # fmt: skip
    assert "swordfish" not in json.dumps(sent)
    assert (first["service"], first["method"], first["status"]) == ("sentinel-api", "GET", 200)
    assert (first["endpoint"], first["path"]) == ("/api/v1/alerts/rules", "/api/v1/alerts/rules")
    assert first["consumer"]
    assert (second["status"], second.get("consumer", "")) == (401, "")
    assert TOKEN not in json.dumps(sent)
