"""The public pages through ASGI: they ask before they act, and serve nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from base64 import b64encode
from collections.abc import Generator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from sentinel.access.acknowledge_tokens import link_id, new_secret, signed
from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.clock import FakeClock
from sentinel.engine.paging import escalate_due
from sentinel.errors import NotFound
from sentinel.incidents.state import Status
from sentinel.oncall.person import owner_of
from sentinel.public_pages import create_app
from sentinel.public_pages.forms import MOST_BODY_BYTES
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.notifications import acknowledge_links
from sentinel.store.notifications.acknowledge_links import LinkTokens
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import sqlite_copy
from tests.world import World

PUBLIC = "https://ack.example.org/sentinel"
SETTINGS = Settings(public_url=PUBLIC, allowed_hosts="pages.cluster.local")


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> Generator[Store]:
    """SQLite alone: what is asked of the database has tests on both."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"), clock=clock)
    store.options = msgspec.structs.replace(store.options, public_url=PUBLIC)
    yield store
    store.close()


class Phone:
    """A browser on the other side of the proxy, which passes on the path without its prefix."""

    def __init__(
        self, store: Store, guesses: ClientLimits | None = None, uses: ClientLimits | None = None
    ) -> None:
        self.app: Any = create_app(SETTINGS, store=store, guesses=guesses, uses=uses)

    def ask(
        self, method: str, path: str, host: str = "ack.example.org", **more: Any
    ) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"https://{host}") as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())


class Told(World):
    """Two alerts whose message has a link."""

    path = ""


@pytest.fixture
def told(store: Store, clock: FakeClock) -> Told:
    store.receivers.set("ops", ["slack-webhook/ops"])
    annotations = {"summary": "<b>mount</b> {mount} & more"}
    world = Told(store, clock, receivers=["ops"], annotations=annotations)
    world.sees({"/": 95, "/data": 97})
    world.tells()
    url = next(m.acknowledge_url for _, m in world.recorder.messages if m.acknowledge_url)
    world.path = urlsplit(url).path.removeprefix("/sentinel")
    return world


def words_of(answer: httpx.Response) -> str:
    body = answer.text.partition("</head>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_page_asks_before_it_acts_and_then_says_what_it_did(told: Told):
    phone = Phone(told.store)
    for method in ("HEAD", "GET", "GET"):
        page = phone.ask(method, told.path)
        assert (page.status_code, {status for _, status in told.alerts()}) == (200, {"open"})
    said = words_of(page)
    assert "<b>mount</b> / & more" in said
    assert "<b>mount" not in page.text
    assert said.count("medium , open since 2026-01-01") == 2
    assert "Acknowledge 2 alerts" in said
    assert "Sent to the receiver ops" in said
    # The proxy may pass the whole path on, too.
    done = phone.ask("POST", f"/sentinel{told.path}", data={"note": "  Kim\0, on it "})
    assert (done.status_code, {status for _, status in told.alerts()}) == (200, {"acknowledged"})
    assert "Acknowledged 2 alerts." in words_of(done)
    assert "acknowledged by link of receiver ops" in words_of(done)
    assert "<button>" not in done.text
    entries = told.rows("SELECT actor, comment FROM timeline WHERE reason = 'acknowledged'")
    assert entries == [("link of receiver ops", "Kim , on it")] * 2
    again = phone.ask("POST", told.path)
    assert "Acknowledged 0 alerts." in words_of(again)
    assert "Nothing is left to acknowledge." in words_of(phone.ask("GET", told.path))


def test_an_incident_is_opened_from_a_message_once_and_has_its_alerts(told: Told):
    phone = Phone(told.store)
    assert "Open an incident" in words_of(phone.ask("GET", told.path))
    asked = {"do": "incident", "note": "all disks"}
    done = phone.ask("POST", told.path, data=asked)
    assert "Opened the incident " in words_of(done)
    assert {status for _, status in told.alerts()} == {"open"}
    again = words_of(phone.ask("POST", told.path, data=asked))
    assert "No incident was opened: these alerts are in the open incident" in again
    incidents = Incidents(told.store)
    (one,) = incidents.active().items
    assert (one.opened_by, one.description) == ("link of receiver ops", "all disks")
    assert len(incidents.alerts(one.id)) == 2
    told.sees({"/": 10, "/data": 10})
    incidents.set_status(one.id, Status.RESOLVED, actor="ann")
    over = words_of(phone.ask("POST", told.path, data=asked))
    assert "No incident was opened: its alerts are resolved." in over
    assert "Open an incident" not in over


def test_an_incident_of_an_alert_that_was_deleted_meanwhile_is_not_opened(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    def gone(_: str) -> object:
        raise NotFound("there is no such alert")

    monkeypatch.setattr(told.store.alerts, "get", gone)
    done = Phone(told.store).ask("POST", told.path, data={"do": "incident"})
    assert done.status_code == 200
    assert "No incident was opened: there is no such alert." in words_of(done)


ONCALL = """
people:
  kim: {notify: [{receiver: ops}, {receiver: kim-phone, after: 5m}]}
  lee: {notify: [{receiver: kim-phone}]}
"""


def test_the_person_whose_receiver_it_is_alone_is_recorded(told: Told):
    told.store.receivers.set("kim-phone", ["inbox"])
    OnCallDocuments(told.store).apply(ONCALL, actor="ann")
    people = OnCallDocuments(told.store).active().people
    assert [owner_of(one, people) for one in ("ops", "kim-phone", "other")] == ["kim", "", ""]
    said = words_of(Phone(told.store).ask("POST", told.path, data={"note": "on it"}))
    assert "acknowledged by kim, " in said
    entries = told.rows("SELECT actor, comment FROM timeline WHERE reason = 'acknowledged'")
    assert entries == [("kim", "on it (by link of receiver ops)")] * 2
    (kind,) = told.rows("SELECT door, kind FROM audit WHERE action = 'alert.acknowledge'")
    assert tuple(kind) == ("link", "link")  # and not that of a login


ALL = """
people:
  kim: {notify: [{receiver: ops}]}
  lee: {notify: [{receiver: ops}]}
teams: {db: {people: [kim, lee], escalation: db}}
escalation_policies: {db: {steps: [{notify: "team:db", acknowledge: all}]}}
"""


def test_the_page_of_a_shared_receiver_asks_who_acts_where_each_must_acknowledge(
    store: Store, clock: FakeClock
):
    store.receivers.set("ops", ["slack-webhook/ops"])
    OnCallDocuments(store).apply(ALL, actor="ann")
    world = World(store, clock, team="db", receivers=["ops"])
    world.sees({"/": 95})
    escalate_due(store, world.recorder.channel_of, by="test")
    url = world.recorder.messages[0][1].acknowledge_url
    path, phone = urlsplit(url).path.removeprefix("/sentinel"), Phone(store)
    assert "Who are you? None of these kim lee" in words_of(phone.ask("GET", path))
    after = words_of(phone.ask("POST", path, data={"who": "lee", "note": "on it"}))
    assert "acknowledged by lee" in after
    assert "Who are you? None of these kim Your name" in after
    phone.ask("POST", path, data={"who": "kim"})
    assert world.rows("SELECT state FROM escalation") == [("acknowledged",)]
    assert "Nothing is left to acknowledge." in words_of(phone.ask("GET", path))


def test_what_others_did_meanwhile_is_shown_and_only_the_rest_is_acknowledged(told: Told):
    first, second = told.ids()
    told.store.act([first], Acknowledge(actor="ann"))
    phone = Phone(told.store)
    said = words_of(phone.ask("GET", told.path))
    assert "acknowledged by ann" in said
    assert "Acknowledge 1 alert Open an incident Opening" in said
    told.store.act([second], Resolve(actor="bob"))
    assert "resolved by bob" in words_of(phone.ask("GET", told.path))
    assert "Acknowledged 0 alerts." in words_of(phone.ask("POST", told.path))
    assert told.rows("SELECT acknowledged_by FROM alert ORDER BY id") == [("ann",), ("",)]


def test_an_altered_or_expired_link_has_a_page_that_says_so_and_does_nothing(
    told: Told, clock: FakeClock
):
    phone = Phone(told.store)
    altered = told.path[:-1] + ("A" if told.path[-1] != "A" else "B")
    for path in (altered, "/ack/x", "/ack/%00", told.path + "%0a", "/ack/" + "é" * 40):
        for method in ("GET", "POST"):
            page = phone.ask(method, path)
            assert page.status_code == 404, path
            assert "This link is not valid" in words_of(page)
    clock.forward(seconds=timedelta(days=1).total_seconds())
    for method in ("GET", "POST"):
        page = phone.ask(method, told.path)
        assert (page.status_code, "This link has expired" in words_of(page)) == (410, True)
    assert {status for _, status in told.alerts()} == {"open"}


def test_nothing_else_is_served_and_every_answer_keeps_the_link_to_itself(told: Told):
    phone = Phone(told.store)
    answers = [phone.ask("GET", "/health"), phone.ask("GET", told.path)]
    for path in (
        "/",
        "/ack",
        "/ack/",
        told.path + "/",
        "/docs",
        "/openapi.json",
        "/api/v1/alerts/alerts",
    ):
        answers.append(phone.ask("GET", path, follow_redirects=False))
        assert answers[-1].status_code == 404, path
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answers.append(phone.ask(method, told.path))
        assert answers[-1].status_code == 405
    answers.append(phone.ask("GET", told.path, host="evil.example.net"))
    assert answers[-1].status_code == 421
    for host in ("ACK.example.org:443", "127.0.0.1:8410", "pages.cluster.local"):
        assert phone.ask("GET", told.path, host=host).status_code == 200, host
    for answer in answers:
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "set-cookie" not in answer.headers
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        text = answer.text
        assert not re.search(r"<script|\ssrc=|https?://|url\(|\son\w+=|\sstyle=", text)
        if "<style>" in text:  # a browser applies it only where its digest is in the policy
            style = text.partition("<style>")[2].partition("</style>")[0]
            assert b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    page = answers[1].text
    assert '<meta name="viewport" content="width=device-width' in page
    assert 'content="light dark"' in page


def test_a_body_is_bounded_and_a_form_of_ours(told: Told):
    phone = Phone(told.store)
    for body in (
        b"x" * (MOST_BODY_BYTES + 1),
        b"note=" + b"x" * 201,
        b"note=%ff",
        b"\xff",
        b"&".join([b"a=1"] * 101),
    ):
        assert phone.ask("POST", told.path, content=body).status_code == 400, body[:20]
    assert {status for _, status in told.alerts()} == {"open"}


def test_who_asks_too_often_waits_and_keeps_nobody_else_out(told: Told):
    now = [0.0]
    guesses = ClientLimits(burst=3, per_second=0.5, clock=lambda: now[0])
    phone = Phone(told.store, guesses=guesses)

    def status(client: str) -> int:
        return phone.ask(
            "POST", "/ack/x", headers={"X-Forwarded-For": f"9.9.9.9, {client}"}
        ).status_code

    assert [status("192.0.2.1") for _ in range(4)] == [404, 404, 404, 429]
    refused = phone.ask("GET", "/ack/x", headers={"X-Forwarded-For": "192.0.2.1"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert status("192.0.2.2") == 404
    # One customer's network of IPv6 addresses is one client.
    assert [status(f"2001:db8::{n}") for n in range(4)] == [404, 404, 404, 429]
    now[0] = 2.0
    assert [status("192.0.2.1") for _ in range(2)] == [404, 429]


def test_who_guesses_takes_nothing_from_whoever_has_a_link(
    told: Told, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    limits = ClientLimits(burst=9, all_burst=4, clock=lambda: now[0])
    uses = ClientLimits(burst=3, clock=lambda: now[0])
    phone = Phone(told.store, guesses=limits, uses=uses)
    reads = list[int]()
    keys = acknowledge_links._verifying_keys  # pyright: ignore[reportPrivateUsage]

    def counted(*asked: Any) -> list[str]:
        reads.append(1)
        return keys(*asked)

    monkeypatch.setattr(acknowledge_links, "_verifying_keys", counted)
    monkeypatch.setattr(acknowledge_links, "_NEW_KEY_SECONDS", 50.0)  # not of the wall's clock
    altered = told.path[:-1] + ("A" if told.path[-1] != "A" else "B")
    call = altered.replace("/ack/", "/call/")
    asked = [("GET", "/ack/x"), ("POST", altered), ("GET", altered), ("POST", call)]
    found = [
        phone.ask(method, path, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
        for n, (method, path) in enumerate(asked * 3)
    ]
    assert found == [404] * 4 + [429] * 8
    assert len(reads) == 1 + 3, "only what is served costs more than the first read of the keys"
    # Its own client, whose address a proxy may hide, has guessed too much.
    assert [phone.ask("GET", told.path).status_code for _ in range(4)] == [200, 200, 200, 429]
    told.sees({"/": 95, "/data": 97, "/late": 97})
    told.wait(minutes=10)
    told.tells()
    other = urlsplit(told.recorder.messages[-1][1].acknowledge_url).path.removeprefix("/sentinel")
    assert other != told.path
    assert phone.ask("POST", other).status_code == 200, "each link has its own budget"


def test_the_token_of_a_new_key_is_known_within_a_second(told: Told):
    now = [0.0]
    tokens = LinkTokens(told.store, clock=lambda: now[0])
    made = told.path.rpartition("/")[2]
    assert tokens.claim(made) is not None
    secret = new_secret()
    late = signed(secret, link_id("m", ["a"]), told.store.now())
    assert tokens.claim(late) is None
    with told.store.write() as connection:
        key = {"id": "k" * 32, "secret": secret, "made_at": told.store.now()}
        connection.execute(acknowledge_links.KEY.insert().values(**key))
    assert tokens.claim(late) is None
    now[0] = 1.0
    assert tokens.claim(late) is not None


def test_all_clients_together_are_limited_and_few_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sentinel.serving.client_limits._MOST_CLIENTS", 10)
    now = [0.0]
    limits = ClientLimits(burst=3, all_burst=20, all_per_second=4, clock=lambda: now[0])
    waits = [limits.wait(f"c{n}") for n in range(30)]
    assert waits == [0.0] * 20 + [0.25] * 10
    assert len(limits._clients) == 10  # pyright: ignore[reportPrivateUsage]
    now[0] = 0.25
    assert [limits.wait("c0"), limits.wait("c0")] == [0.0, 0.25]


def test_no_log_has_the_link_whatever_happens(told: Told, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    phone = Phone(told.store)
    phone.ask("GET", told.path)
    phone.ask("POST", told.path)
    with told.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE link_key")
    down = phone.ask("GET", told.path)
    assert (down.status_code, down.headers["Retry-After"]) == (503, "60")
    assert "cannot reach its database" in words_of(down)
    told.store.read = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    assert phone.ask("GET", told.path).status_code == 500
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert any("Acknowledged 2 alerts" in record.getMessage() for record in ours)
    token = told.path.rpartition("/")[2]
    assert not [r for r in ours if token in r.getMessage() or token in (r.exc_text or "")]
