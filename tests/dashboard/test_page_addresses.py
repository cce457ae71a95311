"""An address that people type, or have from before, leads where it means."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard.address_redirects import AddressRedirects
from dashboard.page_addresses import PARAMETERS, SEARCH, meant, unknown_parameters

PAGES = Path(__file__).parents[2] / "dashboard" / "pages"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("live", ""),
        ("alerts", ""),
        ("alert", ""),
        ("Alerts", ""),
        ("alerts/0192f3", "?alert=0192f3"),
        ("alert/0192f3", "?alert=0192f3"),
        ("groups/0192f3", "?group=0192f3"),
        ("rule", "rules"),
        ("Rules", "rules"),
        ("rules/disk-full", "rules?rule=disk-full"),
        ("rule/disk.full", "rules?rule=disk.full"),
        ("rules/a/b %", "rules?rule=a%2Fb+%25"),
        ("channels/x", "channels?channel=x"),
        ("channels/sentinel-webhook/ops", "channels?channel=sentinel-webhook%2Fops"),
        ("receivers", "channels"),
        ("tracing", "traces"),
        ("traces/5b8efff7", "traces?trace=5b8efff7"),
        ("services/shop", "services?service=shop"),
        ("nonsense", "?no-page=nonsense"),
        ("nonsense/deep/er", "?no-page=nonsense%2Fdeep%2Fer"),
        ("history/nonsense", "history?no-page=history%2Fnonsense"),
    ],
)
def test_it_leads_to_the_page_it_means(path: str, page: str):
    assert meant(path, []) == page


@pytest.mark.parametrize("path", sorted(PARAMETERS))
def test_the_address_of_a_page_stays(path: str):
    assert meant(path, [("alert", "0192f3"), (SEARCH, "find me")]) is None


def test_the_rest_of_the_query_comes_along():
    assert meant("alerts/1", [("q", "disk"), ("alert", "2")]) == "?alert=1&q=disk"


@pytest.mark.parametrize(
    ("path", "old"),
    [("history", "find"), ("rules", "rule-words"), ("audit", "audit-words"), ("log", "log-words"),
     ("", "search"), ("compare", "find"), ("", "query")],
)  # fmt: skip
def test_the_search_has_one_name_and_the_old_ones_are_read(path: str, old: str):
    assert meant(path, [(old, "disk full"), ("span", "7d")]) == f"{path}?q=disk+full&span=7d"
    assert meant(path, [(old, "old"), (SEARCH, "new")]) is None


def test_every_parameter_that_a_page_reads_is_known():
    for path, file in (
        ("rules", "rules"), ("channels", "receivers"), ("overview", "overview"),
        ("history", "history"), ("compare", "compare"), ("audit", "audit"), ("log", "log"),
        ("inbox", "inbox"),
    ):  # fmt: skip
        text = (PAGES / f"{file}.py").read_text("utf-8")
        bound = {
            name.strip('"').replace("SEARCH", SEARCH)
            for call in re.findall(r"st\.\w+\((?:[^()]|\([^()]*\))*?bind=\"query-params\"", text)
            for name in re.findall(r'key=("[\w-]+"|SEARCH)', call)
        }
        assert bound <= PARAMETERS[path], file
        assert not bound or SEARCH in PARAMETERS[path] or file in ("overview", "receivers")


def test_a_parameter_that_no_page_reads_is_named():
    assert unknown_parameters("history", ["q", "severty", "alert", "embed"]) == ["severty"]
    assert unknown_parameters("", ["span", "group"]) == ["span"]


def answered(path: str, accept: str = "text/html,*/*", base: str = "") -> httpx.Response:
    async def page(request: Request) -> Response:
        return PlainTextResponse(request.url.path)

    app = Starlette(
        routes=[Route("/{rest:path}", page, methods=["GET", "POST"])],
        middleware=[Middleware(AddressRedirects, base=lambda: base, reserved="sentinel")],
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as browser:
            return await browser.get(path, headers={"accept": accept})

    return asyncio.run(ask())


def test_a_browser_is_sent_there():
    answer = answered("/alerts/0192f3")
    assert (answer.status_code, answer.headers["location"]) == (302, "/?alert=0192f3")


def test_a_base_path_stays_before_it():
    assert answered("/ops/live", base="ops").headers["location"] == "/ops/"
    assert answered("/ops", base="ops").status_code == 200
    assert answered("/elsewhere/live", base="ops").status_code == 200


def test_a_redirect_never_leads_to_another_host():
    for path in (
        "//evil.example/x",
        "/%2F%2Fevil.example",
        "/live//evil.example",
        "/\\evil.example",
    ):
        location = answered(path).headers.get("location", "/")
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "path",
    ["/", "/history", "/history?q=x", "/_stcore/health", "/static/js/a.js", "/sentinel/beat"],
)
def test_pages_and_what_streamlit_serves_are_left_alone(path: str):
    assert answered(path).status_code == 200


def test_only_a_page_is_redirected():
    assert answered("/alerts", accept="application/json").status_code == 200


def test_a_slash_at_the_end_is_no_other_page():
    assert answered("/history/?q=x").headers["location"] == "/history?q=x"
