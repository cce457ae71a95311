"""Consumer keys in both databases, and the tokens that stand for one offline."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from sentinel.access import Reach, Scope
from sentinel.api_usage.consumer_keys import (
    LONGEST_TOKEN,
    Consumer,
    KeyState,
    consumer_of,
    new_signing_key,
    public_keys,
    token_for,
)
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.api_usage import ConsumerKeySecret
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.api_usage.consumer_keys import ConsumerKeys, Verified
from sentinel.store.api_usage.signing_keys import SigningKeys
from sentinel.store.audit.people import erase
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.database.tables import table_of

ACME = Scope((Reach(tenants=frozenset({"acme"})),))


@pytest.fixture
def keys(store: Store) -> ConsumerKeys:
    return ConsumerKeys(store)


def test_a_key_says_whose_it_is_and_its_secret_is_kept_nowhere(keys: ConsumerKeys, store: Store):
    made = keys.create(
        "build server", tenant="acme", actor="ann", consumer="user-7", plan="gold",
        permissions=["orders:read", "orders:write"],
    )  # fmt: skip
    found = keys.verify(made.secret.text)
    assert found.state is KeyState.VALID
    assert found.who is not None
    assert (found.who.consumer, found.who.plan) == ("user-7", "gold")
    assert found.who.permissions == ("orders:read", "orders:write")
    assert keys.verify(made.secret.text, "orders:read").state is KeyState.VALID
    assert keys.verify(made.secret.text, "orders:delete").state is KeyState.FORBIDDEN
    with store.read() as connection:
        rows = connection.execute(select(table_of(ConsumerKeySecret))).all()
    assert made.secret.text.split("_", 2)[2] not in str(rows)


def test_what_is_no_key_is_unknown(keys: ConsumerKeys):
    made = keys.create("a", tenant="acme", actor="ann")
    for given in ("", "snc_", made.secret.text[:-1] + "_", "snt" + made.secret.text[3:], "ä" * 60):
        assert keys.verify(given) == Verified(KeyState.UNKNOWN)


def test_a_consumer_key_does_not_open_sentinel(keys: ConsumerKeys, store: Store):
    made = keys.create("a", tenant="acme", actor="ann")
    assert Keys(store).find(made.secret.prefix) is None


def test_a_key_ends_when_it_expires_is_revoked_or_the_overlap_of_a_rotation_is_over(
    keys: ConsumerKeys, clock: FakeClock
):
    made = keys.create("a", tenant="acme", actor="ann", expires_in=timedelta(days=90))
    after = keys.rotate(made.key.id, actor="ben", overlap=timedelta(hours=1))
    assert keys.verify(made.secret.text).state is KeyState.VALID
    clock.forward(hours=1)
    assert keys.verify(made.secret.text).state is KeyState.EXPIRED
    assert keys.verify(after.secret.text).state is KeyState.VALID
    assert keys.get(made.key.id).used_at == clock.now()
    assert keys.revoke(made.key.id, actor="ben") == keys.revoke(made.key.id, actor="cy")
    assert keys.verify(after.secret.text) == Verified(KeyState.REVOKED)
    with pytest.raises(Conflict, match="is revoked"):
        keys.rotate(made.key.id, actor="ben")
    assert [one.id for one in keys.list()] == []
    assert [one.state(clock.now()) for one in keys.list(revoked=True)] == [KeyState.REVOKED]
    keys.create("a", tenant="acme", actor="ann")  # the name is free again


def test_a_rotated_key_lasts_as_long_as_it_did_unless_said_otherwise(
    keys: ConsumerKeys, clock: FakeClock
):
    made = keys.create("a", tenant="acme", actor="ann", expires_in=timedelta(days=90))
    clock.forward(days=30)
    after = keys.rotate(made.key.id, actor="ben")
    assert after.key.prefixes[0] == (after.secret.prefix, clock.now() + timedelta(days=90))
    clock.forward(days=1)
    other = keys.rotate(made.key.id, actor="ben", expires_in=timedelta(days=7))
    assert other.key.prefixes[0][1] == clock.now() + timedelta(days=7)
    ever = keys.create("b", tenant="acme", actor="ann")
    clock.forward(days=1)
    assert keys.rotate(ever.key.id, actor="ben").key.prefixes[0][1] is None


def test_a_key_is_valid_also_where_its_use_cannot_be_noted(
    keys: ConsumerKeys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    made = keys.create("a", tenant="acme", actor="ann")

    def locked(*_: object) -> None:
        raise OperationalError("", None, Exception("database is locked"))

    monkeypatch.setattr(ConsumerKeys, "note_used", locked)
    assert keys.verify(made.secret.text).state is KeyState.VALID
    assert "the use of a consumer key was not noted" in caplog.text


def test_keys_are_listed_in_pages_that_the_database_cuts(keys: ConsumerKeys, clock: FakeClock):
    for tenant in ("acme", "beta"):
        for name in ("x", "a"):
            keys.create(name, tenant=tenant, actor="ann")
            clock.forward(seconds=1)
    everything = keys.list()
    assert [(one.tenant, one.name) for one in everything] == [
        ("acme", "x"), ("acme", "a"), ("beta", "x"), ("beta", "a"),
    ]  # fmt: skip
    first = keys.list(limit=3)
    assert first == everything[:3]
    assert keys.list(limit=3, after=(first[-1].tenant, first[-1].id)) == everything[3:]


def test_every_change_is_audited_without_a_secret(keys: ConsumerKeys, store: Store):
    made = keys.create("a", tenant="acme", actor="ann")
    rotated = keys.rotate(made.key.id, actor="ann")
    keys.revoke(made.key.id, actor="ann")
    trail = [one for some in every(store, AuditFilter()) for one in some]
    assert [(one.action, one.tenant) for one in trail] == [
        (f"consumer_key.{done}", "acme") for done in ("revoked", "rotated", "created")
    ]
    for secret in (made.secret, rotated.secret):
        assert secret.text.split("_", 2)[2] not in str(trail)
        assert secret.hash not in str(trail)


def test_keys_of_other_tenants_are_unknown(keys: ConsumerKeys, store: Store):
    other = keys.create("a", tenant="beta", actor="ann")
    within = ConsumerKeys(store, ACME)
    assert within.list() == []
    assert within.verify(other.secret.text).state is KeyState.UNKNOWN
    with pytest.raises(NotFound):
        within.get(other.key.id)
    with pytest.raises(NotFound):
        within.revoke(other.key.id, actor="x")
    of_team = Scope((Reach(tenants=frozenset({"beta"}), teams=frozenset({"web"})),))
    assert ConsumerKeys(store, of_team).list() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " a"}, {"name": ""}, {"name": "a\0"}, {"name": "a" * 101}, {"plan": "a b"},
        {"permissions": ["ok", "not ok"]}, {"consumer": "x" * 201}, {"expires_in": timedelta(0)},
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(keys: ConsumerKeys, wrong: dict[str, object]):
    with pytest.raises(ConfigurationError):
        keys.create(**{"name": "a", "tenant": "acme", "actor": "ann", **wrong})  # type: ignore[arg-type]
    assert keys.list() == []


def test_a_name_is_taken_once_in_a_tenant(keys: ConsumerKeys):
    keys.create("a", tenant="acme", actor="ann")
    keys.create("a", tenant="beta", actor="ann")
    with pytest.raises(Conflict, match="named 'a'"):
        keys.create("a", tenant="acme", actor="ann")


def test_a_token_is_read_with_the_public_key_alone_until_it_or_the_key_ends(
    keys: ConsumerKeys, store: Store, clock: FakeClock
):
    made = keys.create(
        "a", tenant="acme", actor="ann", consumer="u", plan="free", permissions=["read"],
        expires_in=timedelta(minutes=3),
    )  # fmt: skip
    who = keys.verify(made.secret.text).who
    assert who is not None
    signing = SigningKeys(store).current()
    assert SigningKeys(store).current() == signing
    public = public_keys(signing)
    assert all("d" not in one for one in public["keys"])
    token = token_for(signing, who, clock.now(), timedelta(minutes=5))
    assert consumer_of(public, token, clock.now()) == who
    assert consumer_of(public_keys(new_signing_key()), token, clock.now()) is None
    assert consumer_of(public, token[:-2], clock.now()) is None
    assert consumer_of(public, "x", clock.now()) is None
    clock.forward(minutes=3, seconds=1)
    assert consumer_of(public, token, clock.now()) is None


def test_who_made_a_key_can_be_erased(keys: ConsumerKeys, store: Store):
    made = keys.create("a", tenant="acme", actor="ann", consumer="ann")
    keys.revoke(made.key.id, actor="ann")
    erase(store, "ann", actor="root")
    (left,) = keys.list(revoked=True)
    assert "ann" not in (left.created_by, left.revoked_by)
    assert left.consumer == "ann"  # in the words of the API, where it may be somebody else


def test_a_new_signing_key_is_public_before_it_signs_and_the_old_one_after(
    store: Store, clock: FakeClock
):
    signers = SigningKeys(store)
    old = signers.current()
    who = Consumer(key="k", tenant="acme", name="a")
    begins = signers.rotate(actor="ann")
    assert begins == clock.now() + timedelta(hours=1)
    assert signers.current() == old
    assert len(signers.public()["keys"]) == 2
    clock.forward(minutes=61)
    new = signers.current()
    assert new != old
    last = token_for(old, who, clock.now() - timedelta(minutes=2), timedelta(minutes=15))
    assert consumer_of(signers.public(), last, clock.now()) is not None
    clock.forward(minutes=16)
    assert signers.public() == public_keys(new)
    signers.rotate(actor="ann", at_once=True)
    assert signers.public() == public_keys(signers.current())
    assert signers.current() != new
    assert consumer_of(signers.public(), token_for(new, who, clock.now(), LONGEST_TOKEN),
                       clock.now()) is None  # fmt: skip
