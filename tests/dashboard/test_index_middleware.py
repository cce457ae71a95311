"""What stands before Streamlit."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboard.index_middleware import IndexMiddleware


def _page(request: Request) -> Response:
    if request.headers.get("if-none-match"):
        return Response(status_code=304)
    return HTMLResponse("<html><head><title>t</title></head></html>", headers={"etag": "x"})


def _text(_: Request) -> Response:
    return PlainTextResponse("<head>")


def asked(path: str, **headers: str) -> httpx.Response:
    """What a browser is answered."""
    routes = [Route("/history", _page), Route("/text", _text)]
    app = Starlette(routes=routes, middleware=[Middleware(IndexMiddleware)])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as browser:
            return await browser.get(path, headers=headers)

    return asyncio.run(ask())


def test_a_page_says_where_its_server_is():
    answer = asked("/history", **{"if-none-match": "x"})
    assert answer.text.startswith(
        '<html><head><script>window.__streamlit={BACKEND_BASE_URL:location.origin+"/",'
        "HOST_CONFIG:{allowedOrigins:[location.origin],useExternalAuthToken:false}}</script>"
    )
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "etag" not in answer.headers
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"


def test_a_base_path_is_in_it(monkeypatch: pytest.MonkeyPatch):
    def set_to(_name: str) -> str:
        return "/ops/"

    monkeypatch.setattr("streamlit.get_option", set_to)
    text = asked("/history").text
    assert 'location.origin+"/ops"' in text
    assert re.search(r'modulepreload" crossorigin href="/ops/static/js/BidiComponent\.', text)


def test_what_every_page_shows_is_named_once_and_exists():
    """A preload of what is not there, or is named already, would only cost."""
    folder = Path(st.__file__).parent / "static"
    named = re.findall(r"static/js/([\w.-]+)", asked("/history").text)
    assert any(name.startswith("Html.") for name in named)
    assert all((folder / "static" / "js" / name).exists() for name in named)
    assert not {name for name in named if name in (folder / "index.html").read_text()}


def test_what_is_no_page_stays_as_it_is():
    answer = asked("/text")
    assert answer.text == "<head>"
    assert answer.headers["x-content-type-options"] == "nosniff"
