"""Every route declares the permission it needs, or the application does not start."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from sentinel.access import Permission, Principal, Role
from sentinel.api.needs import check_needs, describe_needs, needed_by, needs, public
from sentinel.api.problems import Problem


def test_a_route_without_a_declaration_keeps_the_application_from_starting():
    router = APIRouter()

    @router.get("/secrets")
    def secrets() -> None: ...

    with pytest.raises(TypeError, match=r"/secrets does not declare .*@needs"):
        describe_needs(router.routes)
    needs(Permission.READ, "alerts")(secrets)
    describe_needs(router.routes)


def test_every_route_of_the_application_declares_what_it_needs(app: FastAPI):
    described = app.openapi()["paths"]
    assert len(described) >= 16
    for path, methods in described.items():
        for method, route in methods.items():
            assert route["x-permission"] in (*Permission, "none"), (method, path)
            assert route["x-area"], (method, path)


def test_what_everybody_may_call_says_why(app: FastAPI):
    router = APIRouter()

    @router.get("/open")
    @public("health", "it shows nothing")
    def shown() -> None: ...

    needed = needed_by(shown)
    assert needed is not None
    assert (needed.permission, needed.why) == (None, "it shows nothing")
    paths = app.openapi()["paths"]
    open_to_all = {
        path
        for path, methods in paths.items()
        for route in methods.values()
        if route["x-permission"] == "none"
    }
    within = "/api/v1/alerts"
    others = {f"{within}/login", f"{within}/logout", f"{within}/me"}
    mine = ("register", "login", "logout", "me", "me/password", "me/keys",
            "me/keys/{consumer_key_id}/rotate", "me/keys/{consumer_key_id}/revoke")  # fmt: skip
    others |= {f"/api/v1/consumers/{one}" for one in mine}
    assert open_to_all == {"/ping/{job}/{key}", "/ready", "/suite-info", *others}


ONLY_ANSWER = {
    ("post", f"/api/v1/alerts/{place}")
    for place in (
        "notify/plan",
        "oncall/escalations/test",
        "orchestration/check",
        "orchestration/replay",
        "orchestration/test",
        "routes/check",
        "routes/diff",
        "routes/test",
        "silences/preview",
    )
} | {
    ("post", "/api/v1/keys/verify"),
    ("post", "/api/v1/limit-sets/check"),
    ("post", "/api/v1/limits/state"),
    ("post", "/api/v1/limit-sets/simulate"),
}
"""Routes whose request is a document or a secret, and that change nothing but a last use."""


def test_reading_needs_less_than_acting(app: FastAPI):
    written = {
        (method, path)
        for path, methods in app.openapi()["paths"].items()
        for method, route in methods.items()
        # Views are each person's own, whatever their role.
        if route["x-permission"] == "read" and route["x-area"] != "views"
        if method not in ("get", "head")
    }
    assert written == ONLY_ANSWER


def test_the_token_may_do_everything(client: httpx.Client):
    assert client.get("/api/v1/alerts/alerts").status_code == 200
    assert client.post("/api/v1/alerts/heartbeats/backup").status_code == 200


def test_a_route_that_does_not_confine_itself_refuses_whoever_is_confined():
    router = APIRouter()

    @router.get("/all")
    @needs(Permission.READ, "alerts")
    def everything() -> None: ...

    @router.get("/own")
    @needs(Permission.READ, "alerts", confined=True)
    def own() -> None: ...

    red = Principal(name="robot", kind="key", role=Role.ADMIN, tenants=frozenset({"red"}))
    token = Principal(name="api", kind="token", role=Role.ADMIN)
    with pytest.raises(Problem, match="robot is confined to tenants or teams"):
        check_needs(Request({"type": "http", "endpoint": everything}), red)
    check_needs(Request({"type": "http", "endpoint": own}), red)
    check_needs(Request({"type": "http", "endpoint": everything}), token)
