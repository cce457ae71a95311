"""Forms of channels from the schemas of blocks, on a real Prefect server."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from pydantic import SecretStr

from blocks import VENDORS
from blocks.mail import EmailServerCredentials, SentinelEmail
from blocks.webhook import SignedWebhook
from sentinel.errors import ConfigurationError, Conflict
from sentinel.prefect_client.channel_forms import ChannelForm, ChannelForms
from sentinel.prefect_client.channel_types import slug_of
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect

URL = "https://hooks.example.org/alerts"


@pytest.fixture
def prefect(connected: PrefectServer) -> Generator[ChannelForms]:
    for block in (SignedWebhook, SentinelEmail):
        registered: Any = block
        registered.register_type_and_schema()
    with ChannelForms(connected.url) as prefect:
        yield prefect
        for block in prefect.channels():
            prefect.remove(block)


def loaded(name: str) -> SignedWebhook:
    kind: Any = SignedWebhook  # Prefect's methods are typed as coroutines, too
    return kind.load(name)


def form(prefect: ChannelForms, kind: str) -> ChannelForm:
    return next(one for one in prefect.forms() if one.kind == kind)


def test_a_channel_is_made_and_changed_by_the_form_of_its_block(prefect: ChannelForms) -> None:
    webhook = form(prefect, "sentinel-webhook")
    assert [(one.name, one.kind, one.required) for one in webhook.fields] == [
        ("url", "secret", True),
        ("secret", "secret", True),
        ("timeout", "number", False),
    ]
    ref = prefect.save(webhook, "ops", {"url": URL, "secret": "s3cret-s3cret"}, None)
    assert ref == "sentinel-webhook/ops"
    made = loaded("ops")
    assert made.url.get_secret_value() == URL
    # An empty secret stays; the rest changes.
    block = prefect.find(ref)
    prefect.save(webhook, "ops", {"url": "", "secret": "", "timeout": 3.0}, block)
    changed = loaded("ops")
    assert (changed.url.get_secret_value(), changed.timeout) == (URL, 3.0)
    assert changed.secret.get_secret_value() == "s3cret-s3cret"
    assert "s3cret" not in str(prefect.values(block))
    with pytest.raises(Conflict, match="there is a channel"):
        prefect.save(webhook, "ops", {"url": URL, "secret": "s3cret-s3cret"}, None)


def test_every_type_of_a_vendor_has_a_form_that_makes_its_channel(prefect: ChannelForms) -> None:
    for block in VENDORS.values():
        registered: Any = block
        registered.register_type_and_schema()
    forms = {one.kind: one for one in prefect.forms()}
    assert list(forms)[:2] == ["sentinel-email", "sentinel-webhook"]
    for word, kind in VENDORS.items():
        fields = {one.name: one for one in forms[slug_of(word)].fields}
        needed = {name for name, one in kind.model_fields.items() if one.is_required()}
        assert {name for name, one in fields.items() if one.required} == needed, word
        for name in needed:
            secret: Any = kind.model_fields[name].annotation
            assert (fields[name].kind == "secret") is (secret is SecretStr), (word, name)
    pager = forms["sentinel-pagerduty"]
    (urgency,) = [one for one in pager.fields if one.name == "urgency"]
    assert (urgency.kind, list(urgency.choices)) == ("choice", ["high", "low"])
    ref = prefect.save(pager, "oncall", {"routing_key": "R0UT1NG", "urgency": "low"}, None)
    loaded_: Any = VENDORS["pagerduty"]
    made = loaded_.load("oncall")
    assert (made.routing_key.get_secret_value(), made.urgency) == ("R0UT1NG", "low")
    assert [one.ref for one in prefect.channels()] == [ref]
    with pytest.raises(ConfigurationError, match="Integration key is missing"):
        prefect.save(pager, "other", {}, None)


def test_what_is_missing_or_no_address_is_refused(prefect: ChannelForms) -> None:
    webhook = form(prefect, "sentinel-webhook")
    for given, why in (
        ({"url": URL}, "Secret is missing"),
        ({"url": "hooks.example.org", "secret": "s3cret-s3cret"}, "does not begin with https"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            prefect.save(webhook, "ops", given, None)
    with pytest.raises(ConfigurationError, match="not a valid name"):
        prefect.save(webhook, "Ops team", {"url": URL, "secret": "s3cret-s3cret"}, None)
    assert prefect.channels() == []


def test_a_block_in_a_block_is_chosen_and_incidents_are_not_offered(prefect: ChannelForms) -> None:
    (server,) = [one for one in form(prefect, "sentinel-email").fields if one.kind == "block"]
    assert (server.name, server.required) == ("server", True)
    kinds = {one.kind for one in prefect.forms()}
    assert "slack-webhook" in kinds
    assert not kinds & {"pager-duty-webhook", "opsgenie-webhook"}


def test_a_mail_channel_keeps_its_server_when_it_is_changed_and_fields_are_cleared(
    prefect: ChannelForms,
) -> None:
    server: Any = EmailServerCredentials(smtp_server="mail.example.org")
    server_id = str(server.save("ops-mail", overwrite=True))
    mail = form(prefect, "sentinel-email")
    (known,) = [one for one in mail.fields if one.kind == "block"]
    assert known.choices[server_id] == "ops-mail"
    ref = prefect.save(
        mail, "team", {"server": server_id, "to": "a@example.org", "sender": "s@example.org",
                       "timeout": 5.0}, None,
    )  # fmt: skip
    block = prefect.find(ref)
    held = prefect.values(block)
    assert (held["server"], held["to"], held["timeout"]) == (server_id, ["a@example.org"], 5.0)
    prefect.save(mail, "team", {**held, "to": "b@example.org", "timeout": None}, block)
    changed = prefect.values(block)
    assert (changed["server"], changed["to"]) == (server_id, ["b@example.org"])
    assert changed["timeout"] == 20.0  # the block's own
    kind: Any = SentinelEmail
    assert kind.load("team").server.smtp_server == "mail.example.org"


def test_the_limits_of_the_schema_are_those_of_the_block(prefect: ChannelForms) -> None:
    webhook = form(prefect, "sentinel-webhook")
    for more, why in (
        ({"secret": "short"}, "Secret needs at least 8 characters"),
        ({"timeout": 121.0}, "Timeout must be at most 120"),
        ({"timeout": 0.0}, "Timeout must be more than 0"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            prefect.save(webhook, "ops", {"url": URL, "secret": "s3cret-s3cret", **more}, None)
    mail = form(prefect, "sentinel-email")
    many = ", ".join(f"a{n}@example.org" for n in range(101))
    with pytest.raises(ConfigurationError, match="may have at most 100 entries"):
        prefect.save(mail, "ops", {"server": "x", "to": many, "sender": "s@example.org"}, None)
    assert prefect.channels() == []
