"""Every operation of the API has a request in the client, or says here why it has none."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sentinel.client
from sentinel.client.calls import Call
from tests.api.document import document

BASE = "/api/v1/alerts"
OTHER_ADDRESS = "the same as another operation, at the address that older callers know"
POSTED_BY_OTHERS = "other systems post here in their own words"
BROWSER = "a browser logs in and out; programs have a token"
PROBE = "for probes, which have no client"
CONSUMER = "a consumer of an API sends these with a token of their own, which no client of ours has"

WITHOUT = {
    OTHER_ADDRESS: {
        "POST /api/alerts", "GET /api/alerts/active", "GET /api/alerts/statistics",
        "GET /api/alerts/fatigue", "GET /api/alerts/fatigue/{name}",
        "POST /api/alerts/fatigue/{name}/advice/{kind}",
        f"GET {BASE}/active", f"PUT {BASE}/policies/{{name}}", f"PUT {BASE}/rules/{{name}}",
        f"PUT {BASE}/providers/{{provider_id}}", f"POST {BASE}/process-event",
        *(
            f"{method} {place}/{{alert_id}}/{verb}"
            for place in ("/api/alerts", BASE, f"{BASE}/alerts")
            for method, verb in (
                ("POST", "acknowledge"), ("PUT", "acknowledge"), ("POST", "resolve"),
                ("PUT", "resolve"), ("POST", "silence"),
            )
        ),
    },
    POSTED_BY_OTHERS: {
        f"POST {BASE}/bounces/sendgrid", f"POST {BASE}/bounces/{{vendor}}",
        "POST /api/logs/ingest", "POST /api/tracing/spans", "POST /api/tracing/traces",
        "POST /api/v1/intake/{mapping}", "POST /v1/logs", "POST /v1/metrics", "POST /v1/traces",
        f"POST {BASE}/webhooks/grafana", f"POST {BASE}/webhooks/prometheus",
        *(f"{method} /ping/{{job}}/{{key}}" for method in ("GET", "HEAD", "POST")),
    },
    BROWSER: {f"POST {BASE}/login", f"POST {BASE}/logout", f"GET {BASE}/me"},
    CONSUMER: {
        f"{one[0]} /api/v1/consumers/{one[1]}"
        for one in (
            ("POST", "register"), ("POST", "login"), ("POST", "logout"), ("GET", "me"),
            ("POST", "me/password"), ("GET", "me/keys"), ("POST", "me/keys"),
            ("POST", "me/keys/{consumer_key_id}/rotate"),
            ("POST", "me/keys/{consumer_key_id}/revoke"),
        )
    },
    PROBE: {"GET /health", "GET /metrics", "GET /ready", "GET /suite-info"},
}  # fmt: skip
GIVEN: dict[str, tuple[dict[str, Any], ...]] = {
    "calls.rule": tuple({"method": one} for one in ("GET", "PATCH", "DELETE")),
    "calls.switch_rule": ({"on": True}, {"on": False}),
    "resources.switch_user": ({"on": True}, {"on": False}),
    "exports.alerts": ({"kind": "csv"}, {"kind": "xlsx"}),
}
"""Arguments that choose between operations."""
SAMPLES: tuple[tuple[str, Any], ...] = (
    ("Sequence[Mapping", [{}]), ("Sequence", ["x"]), ("Mapping", {"x": "x"}),
    ("timedelta", timedelta(hours=1)), ("datetime", datetime(2026, 1, 1, tzinfo=UTC)),
    ("bool", True), ("float", 1.0), ("int", 1),
)  # fmt: skip


def requests() -> Iterator[tuple[str, Call[Any]]]:
    """Every function of the client's modules that returns a request, with a request of it."""
    for module in pkgutil.iter_modules(sentinel.client.__path__):
        found = importlib.import_module(f"sentinel.client.{module.name}")
        for name, work in vars(found).items():
            here = inspect.isfunction(work) and work.__module__ == found.__name__
            if not here or name.startswith("_") or "Call[" not in str(work.__annotations__):
                continue
            if not str(work.__annotations__.get("return", "")).startswith("Call["):
                continue
            place = f"{module.name}.{name}"
            for given in GIVEN.get(place, ({},)):
                yield place, made(work, given)


def made(work: Callable[..., Call[Any]], given: dict[str, Any]) -> Call[Any]:
    arguments = {
        name: given.get(name, sample(str(parameter.annotation)))
        for name, parameter in inspect.signature(work).parameters.items()
        if name in given or parameter.default is parameter.empty
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    return work(**arguments)


def sample(kind: str) -> Any:
    return next((value for words, value in SAMPLES if words in kind), "x")


def operation_of(call: Call[Any]) -> str | None:
    """The operation that a request reaches: the one with the fewest parts left open."""
    found = [
        path
        for path, methods in document()["paths"].items()
        if call.method.lower() in methods
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), call.path)
    ]
    best = min(found, key=lambda path: path.count("{"), default=None)
    return None if best is None else f"{call.method} {best}"


def test_every_operation_has_a_request_or_a_reason():
    reached = {place: operation_of(call) for place, call in requests()}
    assert [place for place, operation in reached.items() if operation is None] == []
    covered = {operation_of(call) for _, call in requests()}
    every = {
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    without = [one for ones in WITHOUT.values() for one in ones]
    assert len(without) == len(set(without))
    assert sorted(every - covered) == sorted(without)
