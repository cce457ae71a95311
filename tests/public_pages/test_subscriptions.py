"""Subscriptions at the small door: forms without scripts, links that ask, mails by real SMTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)

from blocks.mail import SentinelEmail
from blocks.status_updates import send_mails, send_webhooks
from blocks.webhook import signature
from sentinel.clock import FakeClock
from sentinel.engine.status_updates import send_status_updates
from sentinel.errors import DeliveryError
from sentinel.public_pages import create_app
from sentinel.services.status_page import status_page_of
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings, settings
from sentinel.store import Store
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.options import StoreOptions
from sentinel.store.services.status_pages import StatusPages
from sentinel.store.services.status_subscribers import SUBSCRIBER, StatusSubscribers
from sentinel.store.services.status_writing import write_pages
from tests.blocks.smtp_server import MailServer, serving
from tests.prefect_server import Receiver
from tests.public_pages.test_status import HOST, Reader

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MAIL = "sentinel-email/status"


@pytest.fixture
def shop(store: Store, clock: FakeClock) -> Store:
    """A public page that takes both kinds of subscribers."""
    clock.set(NOW)
    store.options = StoreOptions(public_url=HOST, status_mail=MAIL)
    save(store)
    write_pages(store)
    return store


def save(store: Store, **more: Any) -> None:
    given = {
        "name": "shop", "title": "Shop", "public": True, "subscribe": ["email", "webhook"],
        "components": [{"service": "checkout", "title": "Paying"}, {"service": "search"}],
    }  # fmt: skip
    StatusPages(store).save(status_page_of(given | more), actor="ann")


def reader_of(store: Store) -> Reader:
    reader = Reader(store)
    reader.app = create_app(
        Settings(public_url=HOST), store=store, sign_ups=ClientLimits(burst=50)
    )  # fmt: skip
    return reader


def sends(store: Store, server: MailServer | None = None) -> int:
    """What the relay does each five seconds."""

    def channel_of(ref: str) -> SentinelEmail:
        assert ref == MAIL
        if server is None:
            raise DeliveryError("there is no block of this name", permanent=True)
        return SentinelEmail(
            server=EmailServerCredentials(
                smtp_server="127.0.0.1", smtp_type="INSECURE", smtp_port=server.port
            ),
            to=["nobody@example.org"], sender="Status <status@example.org>", timeout=5,
        )  # fmt: skip

    return send_status_updates(
        store,
        {
            "email": lambda some, now: send_mails(some, MAIL, channel_of, now),
            "webhook": lambda some, _: send_webhooks(some),
        },
        store.now(),
    )


def posts(store: Store, clock: FakeClock, text: str) -> None:
    clock.forward(seconds=1)
    one = Incidents(store).open(NewIncident(title="SECRET", service="checkout"), actor="ann")
    Incidents(store).update(one.id, text, actor="ann", public=True)
    clock.forward(minutes=1)
    write_pages(store)


def test_a_reader_subscribes_by_the_form_confirms_by_mail_and_leaves_by_one_click(
    shop: Store, clock: FakeClock
):
    reader = reader_of(shop)
    html = reader.asks("/status/shop").text
    assert '<form method="post" action="shop/subscribe">' in html
    assert "<script" not in html
    form = {"kind": "email", "target": " maria@example.org ", "component": "Paying"}
    with serving(login=False) as server:
        answer = reader.asks("/status/shop/subscribe", "POST", data=form)
        assert (answer.status_code, "Almost done" in answer.text) == (202, True)
        assert "maria" not in answer.text + str(answer.headers)
        assert sends(shop, server) == 1
        question = server.mails[0].message
        link = str(question["List-Unsubscribe"]).strip("<>")
        assert question["Subject"] == "Confirm that you want updates of Shop"
        assert link in server.mails[0].part("plain")
        path = link.removeprefix(HOST)
        for method in ("GET", "HEAD"):
            assert reader.asks(path, method).status_code == 200
        assert "m…@example.org" in reader.asks(path).text
        posts(shop, clock, "too soon")
        assert sends(shop, server) == 0, "opening the link changed nothing"
        assert "You subscribed" in reader.asks(path, "POST", data={"do": "confirm"}).text
        posts(shop, clock, "Some payments fail.")
        assert sends(shop, server) == 1
        update = server.mails[1].message
    assert update["Subject"] == "[Shop] Incident affecting Paying: investigating"
    assert update["To"] == "maria@example.org"
    assert update["List-Unsubscribe"] == f"<{link}>"
    assert update["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    raw = server.mails[1].raw
    assert f"List-Unsubscribe: <{link}>\r\n".encode() in raw, "not as encoded words"
    text = server.mails[1].part("plain")
    assert "Some payments fail." in text
    assert "SECRET" not in raw.decode()
    one_click = {"List-Unsubscribe": "One-Click"}
    assert reader.asks(path, "POST", data=one_click).status_code == 200
    posts(shop, clock, "We found the cause.")
    assert sends(shop) == 0
    assert reader.asks(path).status_code == 404


def test_one_click_comes_as_a_form_with_parts_too(shop: Store):
    StatusSubscribers(shop).sign_up("shop", "email", "maria@example.org")
    with serving(login=False) as server:
        sends(shop, server)
        path = str(server.mails[0].message["List-Unsubscribe"]).strip("<>").removeprefix(HOST)
    reader = reader_of(shop)
    field = 'Content-Disposition: form-data; name="List-Unsubscribe"'
    body = f"--x\r\n{field}\r\n\r\nOne-Click\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert reader.asks(path, "POST", content=body, headers=kind).status_code == 200
    assert reader.asks(path).status_code == 404


@pytest.mark.parametrize("allowed", [True, False])
def test_a_webhook_is_asked_signed_and_refused_at_a_private_address(
    allowed: bool, shop: Store, clock: FakeClock, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "127.0.0.0/8" if allowed else "")
    settings.cache_clear()
    reader = reader_of(shop)
    form = {"kind": "webhook", "target": "https://hooks.example.org/status"}
    assert reader.asks("/status/shop/subscribe", "POST", data=form).status_code == 202
    with shop.write() as connection:  # a receiver of this machine has no certificate
        connection.execute(SUBSCRIBER.update().values(target=receiver.url))
    assert sends(shop) == (1 if allowed else 0)
    if not allowed:
        assert receiver.requests == []
        assert StatusSubscribers(shop).list("shop") == []
        settings.cache_clear()
        return
    asked = json.loads(receiver.requests[0].body)
    assert asked["type"] == "status.confirm"
    path = asked["confirm_url"].removeprefix(HOST)
    reader.asks(path, "POST", data={"do": "confirm"})
    posts(shop, clock, "Some payments fail.")
    assert sends(shop) == 1
    request = receiver.requests[1]
    assert request.headers["X-Sentinel-Signature-256"] == signature(asked["secret"], request.body)
    told = json.loads(request.body)
    assert told["type"] == "status.update"
    assert told["update"]["text"] == "Some payments fail."
    assert told["incident"]["components"] == ["Paying"]
    assert "secret" not in told
    assert "SECRET" not in request.body.decode()
    settings.cache_clear()


def test_mails_wait_while_the_server_or_the_channel_cannot_be_used(shop: Store, clock: FakeClock):
    StatusSubscribers(shop).sign_up("shop", "email", "maria@example.org")
    assert sends(shop) == 0, "no channel of that name, which is not the fault of the address"
    clock.forward(minutes=1)
    with serving(login=False) as server:
        server.answers["MAIL"] = "451 later"
        assert sends(shop, server) == 0
        server.answers.clear()
        clock.forward(minutes=1)
        assert sends(shop, server) == 1


def test_a_refused_recipient_keeps_no_other_from_their_mail(shop: Store):
    for name in ("ann", "bob", "cy"):
        StatusSubscribers(shop).sign_up("shop", "email", f"{name}@example.org")
    with serving(login=False) as server:
        server.answers["RCPT bob@example.org"] = "550 no such user"
        assert sends(shop, server) == 2
        assert [one.recipients for one in server.mails] == [
            ["ann@example.org"], ["cy@example.org"]
        ]  # fmt: skip
    assert [one.who for one in StatusSubscribers(shop).list("shop")] == [
        "c…@example.org", "a…@example.org"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "answer", "left"),
    [
        ("DATA", "554 5.7.1 too many mails this hour", 1), ("RCPT", "554 5.7.1 no relaying", 1),
        ("DATA", "550 5.1.1 no such user", 0), ("RCPT", "550 no such user", 0),
    ],
)  # fmt: skip
def test_only_a_reply_that_there_is_no_mailbox_is_one_about_the_reader(
    command: str, answer: str, left: int, shop: Store
):
    StatusSubscribers(shop).sign_up("shop", "email", "maria@example.org")
    with serving(login=False) as server:
        server.answers[command] = answer
        assert sends(shop, server) == 0
    assert len(StatusSubscribers(shop).list("shop")) == left


def test_nobody_learns_who_subscribed_from_an_answer(shop: Store):
    reader = reader_of(shop)
    form = {"kind": "email", "target": "maria@example.org"}
    first, second = (reader.asks("/status/shop/subscribe", "POST", data=form) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)


@pytest.mark.parametrize(
    "form",
    [{}, {"kind": "email"}, {"kind": "fax", "target": "1"}, {"kind": "email", "target": "maria"},
     {"kind": "email", "target": "a@b.c\r\nBcc: d@e.f"}, {"kind": "email", "target": "ö@b.example"},
     {"kind": "webhook", "target": "http://example.org"},
     {"kind": "webhook", "target": "https://me:pw@example.org"},
     {"kind": "email", "target": "a@b.example", "component": "other"}],
)  # fmt: skip
def test_what_is_no_subscription_is_refused(form: dict[str, str], shop: Store):
    answer = reader_of(shop).asks("/status/shop/subscribe", "POST", data=form)
    assert answer.status_code == 400
    assert StatusSubscribers(shop).list("shop") == []


def test_sign_ups_of_one_client_are_limited(shop: Store):
    reader = Reader(shop)
    codes: Sequence[int] = [
        reader.asks(
            "/status/shop/subscribe", "POST", data={"kind": "email", "target": f"a{n}@x.example"}
        ).status_code
        for n in range(7)
    ]
    assert (codes[0], codes[-1]) == (202, 429)
    assert len(StatusSubscribers(shop).list("shop")) == 5


def test_a_private_page_takes_subscribers_by_its_cookie_alone(shop: Store):
    save(shop, public=False)
    write_pages(shop)
    token, form = StatusPages(shop).new_token("shop", actor="ann"), {
        "kind": "email", "target": "a@x.example"
    }  # fmt: skip
    reader = reader_of(shop)
    # Another site can make a browser send the form, but not the cookie, which is SameSite=Strict.
    assert reader.asks("/status/shop/subscribe", "POST", data=form).status_code == 401
    assert reader.asks("/status/none/subscribe", "POST", data=form).status_code == 401
    reader.asks("/status/shop", "POST", data={"token": token})
    assert reader.asks("/status/shop/subscribe", "POST", data=form).status_code == 202


def test_a_link_that_nobody_has_is_limited_and_does_nothing(shop: Store):
    reader = Reader(shop)
    path = "/subscription/" + "x" * 43
    codes = [reader.asks(path, "POST", data={"do": "end"}).status_code for _ in range(32)]
    assert (codes[0], codes[-1]) == (404, 429)
