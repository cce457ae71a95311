"""Every error has one shape, names what was wrong, and says what to do."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from sentinel.api import create_app
from sentinel.api.limits import MOST_BYTES
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.served import called

URL = "/api/v1/alerts/alerts"


def told(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) - {"field"} == {"code", "message", "hint", "request_id"}
    assert error["code"] == code
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-Id"] != ""
    return error


def test_an_unknown_path(client: httpx.Client):
    assert "/nowhere" in told(client.get("/nowhere"), 404, "not_found")["message"]
    told(client.get("/api/v1/alerts/nowhere"), 404, "not_found")


def test_a_method_that_is_not_taken(client: httpx.Client):
    answer = client.delete(URL)
    assert "DELETE" in told(answer, 405, "method_not_allowed")["message"]
    assert answer.headers["Allow"] == "GET"
    assert client.delete("/api/v1/alerts/metrics").headers["Allow"] == "GET, POST"


def test_a_request_may_bring_its_id_if_it_is_a_plain_word(client: httpx.Client):
    good = client.get(URL, headers={"X-Request-Id": "trace-1.a_B"})
    assert good.headers["X-Request-Id"] == "trace-1.a_B"
    for bad in ("a b", "x" * 65, "<script>"):
        answer = client.get(URL, headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] not in ("", bad)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_not_read(client: httpx.Client, announced: bool):
    whole = b'{"action": "resolve", "note": "' + b"x" * MOST_BYTES + b'"}'
    sent: Any = whole if announced else iter([whole[:1000], whole[1000:]])
    answer = client.post(
        f"{URL}/{'0' * 32}/actions", content=sent, headers={"Content-Type": "application/json"}
    )
    told(answer, 413, "too_large")


def test_an_unexpected_error_is_reported_without_details(
    settings: Settings, store: Store, caplog: pytest.LogCaptureFixture
):
    def breaks() -> None:
        raise ZeroDivisionError("the secret inside")

    app = create_app(settings, store=store, relay=False)
    app.add_api_route("/breaks", breaks)

    with called(app) as client, caplog.at_level(logging.ERROR, "sentinel.api"):
        answer = client.get("/breaks")
    error = told(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert error["request_id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_the_description_has_the_error_shape_and_examples(client: httpx.Client):
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    action = described["paths"]["/api/v1/alerts/alerts/{alert_id}/actions"]["post"]
    for status in ("401", "404", "409", "413", "422", "503"):
        schema = action["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorBody"}, status
    assert described["components"]["schemas"]["ActionRequest"]["examples"]
    assert "HTTPBearer" in described["components"]["securitySchemes"]


def test_what_is_refused_before_a_route_is_reached_is_described_too(client: httpx.Client):
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    bodies = 0
    for path, methods in paths.items():
        for method, route in methods.items():
            assert "421" in route["responses"], (method, path)
            # Exporters of OpenTelemetry send again after 503, which they get in its place.
            late = "requestBody" in route and not path.startswith("/v1/")
            assert ("408" in route["responses"]) is late, (method, path)
            bodies += "requestBody" in route
    assert bodies > 10


def test_descriptions_are_for_callers_and_not_for_readers_of_the_code(client: httpx.Client):
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    routes = [route for methods in paths.values() for route in methods.values()]
    assert all(route["description"] for route in routes)
    assert not any("Raises:" in route["description"] for route in routes)
    assert not any("Returns:" in route["description"] for route in routes)
