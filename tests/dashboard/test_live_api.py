"""The live API beside Streamlit: who may ask, what it answers, and that it reads once for all."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard import page_tokens
from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.live_api import LiveApi
from dashboard.live_filter import View
from dashboard.response_cache import ResponseCache
from sentinel.access import EVERYTHING
from sentinel.alerts.actions import Acknowledge, Suppress
from sentinel.clock import FakeClock
from sentinel.links import Addresses
from sentinel.store import Store
from tests.world import World

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


class Browser:
    """A page of the dashboard that was given a token, and what it asks the live API."""

    def __init__(
        self,
        store: Store,
        path: str = "/sentinel",
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        self.path = path
        self.token = page_tokens.issue("maria", "s1")
        data = Data(store, ADDRESSES, lambda: True)
        responses = ResponseCache(data, clock)
        commands = Commands(data, Configuration(store, ADDRESSES))

        def streamlit(_: Request) -> Response:
            return PlainTextResponse("Streamlit")

        given: dict[str, Any] = {
            "path": lambda: path,
            "responses": lambda: responses,
            "commands": lambda: commands,
            **options,
        }
        self.app = Starlette(
            routes=[Route("/{rest:path}", streamlit)], middleware=[Middleware(LiveApi, **given)]
        )

    def asks(self, name: str, method: str = "GET", **more: Any) -> httpx.Response:
        """One answer."""
        (answer,) = self.ask_at_once([name], method, **more)
        return answer

    def ask_at_once(
        self, names: list[str], method: str = "GET", headers: dict[str, str] | None = None,
        **more: Any,
    ) -> list[httpx.Response]:  # fmt: skip
        """So many answers to questions that are asked together."""
        given = {page_tokens.HEADER: self.token, "accept-encoding": "identity"} | (headers or {})

        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
                return await asyncio.gather(
                    *(
                        client.request(method, f"{self.path}/{name}", headers=given, **more)
                        for name in names
                    )
                )

        return asyncio.run(ask())

    def acts(self, op: str, row: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Hand in one command; gives what came back."""
        command = {"id": f"{op}-{row['version']}", "op": op, "items": [[row["id"], row["version"]]]}
        body: dict[str, Any] = {"commands": [command | more], "view": {}}
        answer = self.asks("act", "POST", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def rules(store: Store, clock: FakeClock) -> World:
    rules = World(store, clock)
    rules.sees({"/a": 95.0, "/b": 96.0})
    return rules


@pytest.fixture
def browser(store: Store, rules: World) -> Browser:
    return Browser(store)


@pytest.fixture
def asked(store: Store) -> Generator[list[str]]:
    """Every question about alerts that reaches the database."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if "FROM alert" in statement:
            seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


NAMES = (("GET", "beat"), ("GET", "rows"), ("GET", "alert"), ("POST", "act"),
         ("POST", "remediation"))  # fmt: skip


@pytest.mark.parametrize(("method", "name"), NAMES)
@pytest.mark.parametrize(
    "headers",
    [
        {page_tokens.HEADER: ""},
        {page_tokens.HEADER: "bWFyaWE=.0"},
        {page_tokens.HEADER: page_tokens.issue("maria", "s1")[:-1]},
        {page_tokens.HEADER: "x" + page_tokens.issue("maria", "s1")},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_nobody_is_let_in_without_a_token_or_from_another_site(
    store: Store, browser: Browser, method: str, name: str, headers: dict[str, str]
):
    before = store.change_number()
    answer = browser.asks(name, method, headers=headers)
    assert answer.status_code == 403
    assert "load the page again" in answer.json()["error"]
    assert store.change_number() == before


def test_a_token_says_who_acts(store: Store, browser: Browser):
    browser.token = page_tokens.issue("jörg", "s1")
    row = browser.asks("rows").json()["rows"][0]
    said = browser.acts("acknowledge", row, comment="on it")
    assert said["answers"][0]["done"] == 1
    kept = store.alerts.get(row["id"])
    assert (kept.status, kept.acknowledged_by) == ("acknowledged", "jörg")


def test_all_else_is_streamlits(store: Store, rules: World):
    browser = Browser(store, path="/ops/sentinel")
    assert browser.asks("beat").json()["counts"]["active"] == 2
    browser.path = "/sentinel"
    assert browser.asks("beat").text == "Streamlit"


def test_what_does_not_exist_is_said(browser: Browser):
    assert browser.asks("act").status_code == 404
    assert browser.asks("nothing").status_code == 404


def test_a_beat_has_the_figures_of_now(store: Store, browser: Browser):
    answer = browser.asks("beat").json()
    assert answer["counts"] == {"active": 2, "critical": 0, "unacknowledged": 2}
    assert (answer["number"], answer["problem"]) == (store.change_number(), "")


def test_rows_are_those_of_the_view(browser: Browser):
    said = browser.asks("rows?q=mount:/a&limit=500").json()
    assert [row["labels"] for row in said["rows"]] == [{"mount": "/a"}]
    assert said["me"] == "maria"
    assert browser.asks("rows?mine=true").json()["rows"] == []
    assert "none of" in browser.asks("rows?q=severity:worst").json()["fault"]


def test_rows_that_are_known_are_not_sent_again(store: Store, browser: Browser):
    first = browser.asks("rows")
    tag = {"if-none-match": first.headers["etag"]}
    assert browser.asks("rows", headers=tag).status_code == 304
    browser.acts("acknowledge", first.json()["rows"][0])
    assert browser.asks("rows", headers=tag).status_code == 200


def test_changes_that_do_not_concern_a_view_are_not_sent(
    store: Store, rules: World, browser: Browser
):
    first = browser.asks("rows?q=mount:/a")
    store.log.write("info", "x", "y")
    with store.write() as connection:
        store.changed(connection)
    number = store.change_number()
    again = browser.asks(
        f"rows?q=mount:/a&number={number}", headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.headers["x-sentinel-number"] == str(number)


def test_rows_are_packed_for_whoever_takes_that(browser: Browser):
    plain = browser.asks("rows")
    packed = browser.asks("rows", headers={"accept-encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # httpx unpacks it


def test_many_screens_cost_the_database_what_one_costs(browser: Browser, asked: list[str]):
    browser.asks("rows")
    once = len(asked)
    browser.ask_at_once(["rows", "beat"] * 20)
    assert len(asked) <= once + 1


def test_what_changed_elsewhere_is_read_once_the_beat_has_its_number(
    store: Store, rules: World, browser: Browser
):
    row = browser.asks("rows").json()["rows"][0]
    store.act([row["id"]], Acknowledge(actor="lena"))
    number = store.change_number()
    rows = browser.asks(f"rows?number={number}").json()["rows"]
    assert [one["by"] for one in rows if one["id"] == row["id"]] == ["lena"]


def test_what_is_done_here_is_seen_by_the_next_who_asks(browser: Browser):
    row = browser.asks("rows").json()["rows"][0]
    browser.asks("beat")
    said = browser.acts("acknowledge", row)
    assert {one["id"]: one["status"] for one in said["rows"]}[row["id"]] == "acknowledged"
    assert browser.asks("beat").json()["counts"]["unacknowledged"] == 1
    assert browser.asks("rows").json()["rows"] == said["rows"]


def test_a_command_that_comes_twice_is_done_once(store: Store, browser: Browser):
    row = browser.asks("rows").json()["rows"][0]
    first = browser.acts("comment", row, comment="once")
    assert browser.acts("comment", row, comment="once")["answers"] == first["answers"]
    assert [one.comment for one in store.alerts.timeline(row["id"])].count("once") == 1


def test_conflicts_are_said(store: Store, browser: Browser):
    row = browser.asks("rows").json()["rows"][0]
    store.act([row["id"]], Acknowledge(actor="lena"))
    (answer,) = browser.acts("resolve", row)["answers"]
    assert answer["conflicts"][0]["why"] == "acknowledged by lena"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"commands": 3}', b'{"commands": [3]}', b"\xff"])
def test_what_is_no_command_is_refused(store: Store, browser: Browser, body: bytes):
    before = store.change_number()
    assert browser.asks("act", "POST", content=body).status_code == 400
    assert store.change_number() == before


def test_more_than_is_taken_at_once_is_refused(browser: Browser):
    answer = browser.asks("act", "POST", content=b"x" * (4 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_one_alert_is_sent_with_its_timeline(store: Store, rules: World, browser: Browser):
    (wanted, *_) = rules.ids()
    answer = browser.asks(f"alert?id={wanted}").json()
    assert answer["alert"]["id"] == wanted
    assert answer["number"] == store.change_number()
    assert [step["kind"] for step in answer["timeline"]] == ["opened"]
    assert "there is no alert" in browser.asks("alert?id=none").json()["problem"]


def test_a_suppression_that_ends_is_seen_although_nothing_changed(
    store: Store, clock: FakeClock, rules: World
):
    moment = [0.0]
    browser = Browser(store, clock=lambda: moment[0])
    until = clock.now().replace(year=clock.now().year + 1)
    store.act(rules.ids()[:1], Suppress(actor="maria", until=until))
    assert len(browser.asks("rows").json()["rows"]) == 1
    clock.forward(days=366)
    moment[0] += 11
    assert len(browser.asks("rows").json()["rows"]) == 2


def test_a_remediation_is_decided_once_and_whoever_may_not_is_told(
    store: Store, clock: FakeClock, browser: Browser
):
    waits = {"deployment": "restart/web", "approval": {"expires": "1h"}}
    world = World(store, clock, name="heals", remediate=waits)
    world.sees({"/web": 97})
    (alert,) = [one for one in world.ids() if store.remediations.of(one) is not None]
    shown = browser.asks("alert", params={"id": alert}).json()["remediation"]
    assert (shown["deployment"], shown["waits"], shown["outcome"]) == ("restart/web", True, [])
    assert shown["text"].startswith("waits for an approval until 20")

    def decides(**body: Any) -> httpx.Response:
        return browser.asks("remediation", "POST", json={"alert": alert, **body})

    assert decides().status_code == 400
    assert decides(approve="yes").status_code == 400
    assert decides(approve=True, comment="go").json() == {"error": "", "status": "wanted"}
    assert "does not wait for an approval" in decides(approve=False).json()["error"]
    found = store.remediations.of(alert)
    assert found is not None
    assert (found.decided_by, found.status) == ("maria", "wanted")
    shown = browser.asks("alert", params={"id": alert}).json()["remediation"]
    assert (shown["waits"], shown["text"]) == (
        False, "starts within a minute · approved by maria",
    )  # fmt: skip


def test_a_database_that_is_down_is_said_and_no_secret_of_it():
    browser = Browser(Store("postgresql://nobody:secret@127.0.0.1:9/none"))
    answer = browser.asks("beat").json()
    assert answer["number"] is None
    assert answer["problem"]
    assert "secret" not in str(answer)
    command = {"id": "1", "op": "acknowledge", "items": [["0" * 32, 1]]}
    said = browser.asks("act", "POST", json={"commands": [command], "view": {}}).json()
    assert said["answers"] == []  # whether it was done is not known: the browser asks again
    assert "secret" not in str(said)


def test_packed_rows_are_what_plain_ones_are(store: Store, rules: World):
    cached = ResponseCache(Data(store, ADDRESSES, lambda: True)).rows(View(), "maria", EVERYTHING)
    assert gzip.decompress(cached.packed) == cached.plain
    assert len(msgspec.json.decode(cached.plain)["rows"]) == 2
