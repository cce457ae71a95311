"""Browsers that people subscribed: whose they are, until when, and the key that signs for them."""

from __future__ import annotations

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sentinel.access import Role
from sentinel.access.vapid import public_key
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.notifications.push_subscription import PushSubscription, id_of, subscription_of
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import every
from sentinel.store.notifications.push_subscriptions import MOST_BROWSERS, PushSubscriptions


def new_point() -> bytes:
    """The public key of a browser."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def given(endpoint: str, point: int = 65, auth: int = 16) -> dict[str, object]:
    """What a browser hands over."""

    def text(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    keys = {"p256dh": text(new_point()[:point]), "auth": text(os.urandom(auth))}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


def browser(name: str) -> PushSubscription:
    return subscription_of(given(f"https://push.example/{name}"))


def names(browsers: PushSubscriptions, *people: str) -> list[str]:
    return [one.endpoint.rpartition("/")[2] for one in browsers.of(people)]


@pytest.mark.both_databases
def test_a_browser_notifies_the_person_who_subscribed_it_last(store: Store, clock: FakeClock):
    browsers = PushSubscriptions(store)
    phone, laptop = browser("phone"), browser("laptop")
    browsers.add("ann", phone)
    clock.forward(seconds=1)
    browsers.add("ann", laptop)
    browsers.add("ann", laptop)
    assert names(browsers, "ann") == ["phone", "laptop"]
    assert browsers.of(["ann"])[0] == phone
    browsers.add("ben", phone)
    assert (names(browsers, "ann"), names(browsers, "ben")) == (["laptop"], ["phone"])
    assert names(browsers, "ben", "ann", "nobody") == ["laptop", "phone"]
    assert not browsers.has("ann", phone.id)
    assert browsers.has("ben", phone.id)
    assert not browsers.remove("ann", phone.endpoint), "it is another person's"
    assert browsers.remove("ben", phone.endpoint)
    assert names(browsers, "ben") == []
    browsers.forget([laptop.id, id_of("https://push.example/unknown")])
    assert names(browsers, "ann") == []
    told = [(one.action, one.actor, one.object_id) for some in every(store) for one in some]
    assert sorted(told) == sorted([
        ("push.subscribed", "ann", phone.id), ("push.subscribed", "ann", laptop.id),
        ("push.subscribed", "ben", phone.id), ("push.unsubscribed", "ben", phone.id),
    ])  # fmt: skip
    assert browsers.private_key() == PushSubscriptions(store).private_key()
    assert len(base64.urlsafe_b64decode(public_key(browsers.private_key()) + "=")) == 65


@pytest.mark.both_databases
def test_a_subscription_that_moved_is_replaced_for_the_same_person(store: Store, clock: FakeClock):
    browsers = PushSubscriptions(store)
    old, new, of_ben = browser("phone"), browser("phone-2"), browser("ben")
    browsers.add("ann", old)
    browsers.add("ben", of_ben)
    assert not browsers.move(old.endpoint, new.auth, new), "the secret of the old one proves it"
    assert not browsers.move(new.endpoint, new.auth, old), "an unknown one moves nowhere"
    assert not browsers.move(old.endpoint, old.auth, of_ben), "it is another person's"
    assert (names(browsers, "ann"), names(browsers, "ben")) == (["phone"], ["ben"])
    assert browsers.move(old.endpoint, old.auth, new)
    assert browsers.of(["ann"]) == [new]
    assert not browsers.move(old.endpoint, old.auth, new), "it is gone"
    moved = [one for some in every(store) for one in some if one.action == "push.moved"]
    assert [(one.actor, one.object_id) for one in moved] == [("ann", new.id)]


def test_the_log_says_whose_last_browser_was_forgotten(store: Store):
    browsers = PushSubscriptions(store)
    for person, name in (("ann", "phone"), ("ann", "laptop"), ("ben", "tablet")):
        browsers.add(person, browser(name))
    browsers.forget([browser("phone").id, browser("tablet").id])
    with store.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT level, message FROM system_log WHERE what = 'push.last_forgotten'"
        ).all()
    ((level, said),) = found
    assert level == "warning"
    assert said.startswith("ben has no browser left that Web Push notifies")


def test_the_oldest_browser_makes_room(store: Store, clock: FakeClock):
    browsers = PushSubscriptions(store)
    for number in range(MOST_BROWSERS + 2):
        browsers.add("ann", browser(str(number)))
        clock.forward(seconds=1)
    assert names(browsers, "ann") == [str(number) for number in range(2, MOST_BROWSERS + 2)]


def test_an_account_that_is_disabled_or_deleted_is_not_notified(store: Store):
    browsers, people = PushSubscriptions(store), People(store)
    people.create("ann", Role.VIEWER, password="correct horse battery", actor="root")
    browsers.add("ann", browser("phone"))
    people.disable("ann", actor="root")
    assert names(browsers, "ann") == []
    people.enable("ann", actor="root")
    assert names(browsers, "ann") == ["phone"]
    people.delete("ann", actor="root")
    assert names(browsers, "ann") == []


def test_personal_data_has_the_browsers_without_their_secrets(store: Store):
    browsers = PushSubscriptions(store)
    browsers.add("ann", browser("phone"))
    told = export(store, "ann", actor="root")
    (row,) = told["push_subscription"]
    assert row["person"] == "ann"
    assert not {"endpoint", "auth"} & row.keys()
    erase(store, "ann", actor="root")
    assert names(browsers, "ann") == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x", "https:///x", "https://ann@push.example/x", "file:///etc/hosts",
        "https://push.example:99999/x", "https://push.example/x y", "https://push.example/\n",
        "https://push.example/" + "x" * 2000, "",
    ],
    ids=["plain", "no host", "user", "file", "port", "space", "control", "long", "empty"],
)  # fmt: skip
def test_an_endpoint_is_a_plain_https_address(endpoint: str):
    with pytest.raises(ConfigurationError, match="endpoint"):
        subscription_of(given(endpoint))


def test_keys_have_the_form_of_the_standard():
    endpoint = "https://push.example/x"
    several: list[object] = [
        given(endpoint, point=64), given(endpoint, auth=15), {"endpoint": endpoint}, [],
        {"endpoint": endpoint, "keys": {"p256dh": "…", "auth": "…"}},
        {"endpoint": endpoint, "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
    ]  # fmt: skip
    for wrong in several:
        with pytest.raises(ConfigurationError, match="subscription"):
            subscription_of(wrong)
