"""Calls through Twilio: what is posted there, and what becomes of the key that comes back."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import msgspec
import pytest
from pydantic import SecretStr, ValidationError

from blocks.vendors.twilio_voice import TwilioVoice
from sentinel.access.twilio_signature import signature
from sentinel.alerts.actions import ActionResult
from sentinel.alerts.reasons import Reason
from sentinel.clock import FakeClock
from sentinel.notifications.channel import Message
from sentinel.public_pages import create_app
from sentinel.public_pages.calls import AuthTokens, done_in_words
from sentinel.settings import Settings
from sentinel.store import Store
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import HARD_TEXTS, acknowledged, fits, refused, storm
from tests.databases import sqlite_copy
from tests.prefect_server import Receiver
from tests.public_pages.test_public_pages import PUBLIC, Phone
from tests.world import World

SID, TOKEN = "AC" + "0123456789abcdef" * 2, "AUTH-T0K3N"
LINK = f"{PUBLIC}/ack/{'x' * 75}"


def voice(url: str, **more: Any) -> TwilioVoice:
    given: dict[str, Any] = {"to_number": "+491701234567", "sender": "+15005550006", **more}
    return TwilioVoice(account_sid=SID, auth_token=SecretStr(TOKEN), url=url, **given)


def form_of(receiver: Receiver) -> dict[str, str]:
    (request,) = receiver.requests
    receiver.requests.clear()
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def test_a_call_reads_what_fires_and_asks_for_a_key(receiver: Receiver):
    receiver.answers, receiver.says = [201], b'{"sid": "CA1", "status": "queued"}'
    each = message(
        acknowledge_url=LINK, title="[critical] <disk> &\x07more", notices=("Prefect is down",)
    )
    assert voice(receiver.url).send(each).reference == "CA1"
    assert receiver.requests[0].path == f"/2010-04-01/Accounts/{SID}/Calls.json"
    form = form_of(receiver)
    for *path, to in (("To", "0170"), ("From", "Sentinel"), ("Twiml", "x" * 4001), ("Twiml", None)):
        assert refused(form, "twilio_voice", *path, to=to), path
    document = ElementTree.fromstring(form["Twiml"])
    first, second, last = document
    assert (first.tag, second.tag, last.text) == (
        "Gather",
        "Gather",
        "No key was pressed. Goodbye.",
    )
    assert first.attrib == {
        "input": "dtmf", "numDigits": "1", "timeout": "10", "method": "POST",
        "action": LINK.replace("/ack/", "/call/"),
    }  # fmt: skip
    assert [say.text for say in first] == [
        "Sentinel. 2 firing. [critical] <disk> & more. Prefect is down.", "Press 4 to acknowledge.",
    ]  # fmt: skip
    # Without public pages nobody could answer a key.
    voice(receiver.url).send(message())
    assert {one.tag for one in ElementTree.fromstring(form_of(receiver)["Twiml"])} == {"Say"}


@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
def test_a_call_keeps_to_the_limits_whatever_a_check_says(receiver: Receiver, text: str):
    voice(receiver.url).send(msgspec.structs.replace(storm(text), acknowledge_url=LINK))
    form = form_of(receiver)
    assert fits(form, "twilio_voice")
    assert len(ElementTree.fromstring(form["Twiml"])) == 3


def test_nobody_is_called_about_what_is_over_or_acknowledged(receiver: Receiver):
    for each in (resolved(), acknowledged(), message(firing=0, alerts=[])):
        voice(receiver.url).send(each)
    assert receiver.requests == []
    for wrong in (
        {"to_number": "0170 1234567"},
        {"sender": "Sentinel"},
        {"sender": "MG" + "0" * 32},
    ):
        with pytest.raises(ValidationError):
            voice(receiver.url, **wrong)


def test_a_call_counts_those_that_somebody_else_acknowledged_before():
    def result(reason: Reason, *, ok: bool = True) -> ActionResult:
        return ActionResult(alert_id="x", ok=ok, reason=reason)

    first, too = result(Reason.ACKNOWLEDGED), result(Reason.ACKNOWLEDGED_TOO)
    assert done_in_words([first, too]) == "Acknowledged 2 alerts."
    ended = result(Reason.REFUSED, ok=False)
    said = done_in_words([too, ended, result(Reason.UNCHANGED)])
    assert said == "Acknowledged 1 alert. 1 ended meanwhile."


class Called(Phone):
    """The public pages, and Twilio, which calls them back."""

    def __init__(self, world: World, auth_token: str | None = TOKEN) -> None:
        self.asked: list[str] = []

        def token_of(name: str) -> str | None:
            self.asked.append(name)
            return auth_token

        self.app = create_app(Settings(public_url=PUBLIC), store=world.store, auth_token=token_of)

    def press(
        self, url: str, key: str, *, key_of_account: str = TOKEN, **more: str
    ) -> tuple[int, str]:
        # As Twilio sends it: an empty value, a plus, and text beyond ASCII.
        form = {"CallSid": "CA1", "AccountSid": SID, "Digits": key, "From": "+1 500", "To": "+49",
                "CallerName": "Jö & Söhne", "ForwardedFrom": "", **more}  # fmt: skip
        headers = {"X-Twilio-Signature": signature(key_of_account, url, list(form.items()))}
        path = urlsplit(url).path.removeprefix("/sentinel")
        answer: httpx.Response = self.ask("POST", path, data=form, headers=headers)
        assert answer.headers["content-type"].startswith("text/xml")
        document = ElementTree.fromstring(answer.text)
        return answer.status_code, " ".join(one.text or "" for one in document.iter("Say"))


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> Generator[Store]:
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"), clock=clock)
    store.options = msgspec.structs.replace(store.options, public_url=PUBLIC)
    store.receivers.set("oncall", ["sentinel-twilio-voice/night", "sentinel-ntfy/ops"])
    yield store
    store.close()


def told(store: Store, clock: FakeClock) -> tuple[World, str, str]:
    """Two alerts; the address in the call about them, and the one of another channel."""
    world = World(store, clock, receivers=["oncall"])
    world.sees({"/": 95, "/data": 97})
    world.tells()
    found: dict[str, Message] = dict(world.recorder.messages)
    call, other = (
        found[ref].acknowledge_url.replace("/ack/", "/call/")
        for ref in ("sentinel-twilio-voice/night", "sentinel-ntfy/ops")
    )
    return world, call, other


def states(world: World) -> set[str]:
    return {status for _, status in world.alerts()}


def test_the_key_acknowledges_and_any_other_asks_again(store: Store, clock: FakeClock):
    world, url, _ = told(store, clock)
    twilio = Called(world)
    status, said = twilio.press(url, "5")
    assert (status, states(world)) == (200, {"open"})
    assert said.startswith("That key does nothing. Press 4 to acknowledge.")
    assert twilio.press(url, "4") == (200, "Acknowledged 2 alerts. Goodbye.")
    assert states(world) == {"acknowledged"}
    assert twilio.asked == ["night", "night"]
    rows = world.rows("SELECT DISTINCT actor, comment FROM timeline WHERE reason = 'acknowledged'")
    assert rows == [("phone call of receiver oncall", "key 4")]
    assert twilio.press(url, "4") == (200, "Acknowledged 0 alerts. Goodbye.")


def test_what_twilio_did_not_sign_does_nothing(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    world, url, other = told(store, clock)
    twilio = Called(world)
    assert twilio.press(url, "4", key_of_account="another")[0] == 403
    path = urlsplit(url).path.removeprefix("/sentinel")
    signed = {"X-Twilio-Signature": signature(TOKEN, url, [("Digits", "5")])}
    for body in ("Digits=4", "Digits=5&Digits=4", "digits=5", "Digits=%35&x=1"):
        assert twilio.ask("POST", path, content=body, headers=signed).status_code == 403, body
    assert twilio.ask("POST", path, content="Digits=4").status_code == 403
    assert twilio.ask("GET", path).status_code == 405
    # The token of a message through another channel, whose account is none of Twilio.
    assert twilio.press(other, "4")[0] == 404
    assert twilio.press(url[:-1] + "~", "4")[0] == 404
    # Encoded otherwise, it is the same text.
    assert twilio.ask("POST", path, content="Digit%73=%35", headers=signed).status_code == 200
    assert states(world) == {"open"}
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("sentinel")]
    assert any("has a wrong signature" in one for one in ours)
    assert not [one for one in ours if TOKEN in one or url.rpartition("/")[2] in one]


def test_a_call_that_cannot_be_checked_or_is_too_old_says_so(store: Store, clock: FakeClock):
    world, url, _ = told(store, clock)
    for auth_token in (None, ""):
        status, said = Called(world, auth_token).press(url, "4", key_of_account=auth_token or "")
        checks = auth_token is not None
        assert (status, "cannot check this call" in said) == (403 if checks else 200, not checks)
    clock.forward(hours=25)
    status, said = Called(world).press(url, "4")
    assert (status, said) == (200, "This call is too long ago. Nothing was done. Goodbye.")
    assert states(world) == {"open"}


def test_the_auth_token_is_read_from_prefect_and_kept_while_it_is_down(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    receiver.says = json.dumps({"data": {"auth_token": TOKEN}}).encode()
    tokens = AuthTokens(Settings(prefect_api_url=f"{receiver.url}/api"))
    assert [tokens.of("night"), tokens.of("night")] == [TOKEN, TOKEN]
    (asked,) = receiver.requests
    path = "/api/block_types/slug/sentinel-twilio-voice/block_documents/name/night"
    assert asked.path.partition("?")[0] == path
    monkeypatch.setattr("sentinel.public_pages.calls._FRESH_SECONDS", 0.0)
    receiver.answers = [500, 500]
    assert (tokens.of("night"), tokens.of("other")) == (TOKEN, None)
    receiver.answers = [404]
    assert tokens.of("night") == ""
