"""What consumers do for themselves, while rules change and accounts are disabled, in the store."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from sentinel.api_usage.registration import AccountStatus, RegistrationRules
from sentinel.clock import FakeClock
from sentinel.errors import Conflict, NotFound
from sentinel.store import Store
from sentinel.store.api_usage.consumer_accounts import SESSION, AccountView, ConsumerAccounts
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.consumer_self import ConsumerLogin, ConsumerSelf
from sentinel.store.api_usage.key_secrets import MOST_SECRETS
from sentinel.store.audit.queries import AuditFilter, every
from tests.databases import sqlite_alone

PASSWORD = "correct horse battery staple"
RULES = RegistrationRules(enabled=True, approval=False, permissions=("orders:read",))


def ann(store: Store, rules: RegistrationRules = RULES) -> AccountView:
    accounts = ConsumerAccounts(store)
    accounts.save_rules("default", rules, actor="root")
    return accounts.register("default", "ann", PASSWORD)


def changed(rules: RegistrationRules, store: Store) -> None:
    ConsumerAccounts(store).save_rules("default", rules, actor="root")


@sqlite_alone
@pytest.mark.parametrize("way", ["disable", "remove"])
def test_each_key_that_ends_with_its_account_is_in_the_audit_trail(store: Store, way: str):
    who, mine, accounts = ann(store), ConsumerSelf(store), ConsumerAccounts(store)
    made = [mine.create_key(who, name).key.id for name in ("laptop", "phone", "old")]
    mine.revoke_key(who, made.pop())
    if way == "disable":
        accounts.decide(who.id, AccountStatus.DISABLED, actor="root")
    else:
        accounts.remove(who.id, actor="root")
    found = every(store, AuditFilter(actions=("consumer_key.revoked",), actor="root"))
    assert {one.object_id for page in found for one in page} == set(made)
    assert all(ConsumerKeys(store).get(one).revoked_by == "root" for one in made)


def test_no_key_is_made_while_its_account_is_being_disabled(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    who, accounts = ann(store), ConsumerAccounts(store)
    refused: list[Exception] = []

    def make() -> None:
        try:
            ConsumerSelf(store).create_key(who, "laptop")
        except Conflict as error:
            refused.append(error)

    other = threading.Thread(target=make)
    end_all = ConsumerAccounts._end_all  # pyright: ignore[reportPrivateUsage] - the moment before the commit

    def slowly(*given: object) -> None:
        end_all(*given)  # pyright: ignore[reportArgumentType] - as they came
        other.start()
        other.join(0.3)  # it ends here where nothing holds it

    monkeypatch.setattr(ConsumerAccounts, "_end_all", slowly)
    accounts.decide(who.id, AccountStatus.DISABLED, actor="root")
    other.join(30)
    assert len(refused) == 1
    assert ConsumerKeys(store).list() == []


@sqlite_alone
def test_a_key_is_rotated_within_the_rules_as_they_are_now(store: Store, clock: FakeClock):
    who = ann(store, RegistrationRules(enabled=True, approval=False, longest_days=None,
                                       permissions=("orders:read",)))  # fmt: skip
    mine = ConsumerSelf(store)
    key = mine.create_key(who, "laptop", permissions=["orders:read"]).key
    assert key.prefixes[0][1] is None
    changed(RULES, store)
    rotated = mine.rotate_key(who, key.id, timedelta(hours=1)).key
    ends = {end for _, end in rotated.prefixes}
    assert ends == {clock.now() + timedelta(hours=1), clock.now() + timedelta(days=365)}
    changed(RegistrationRules(enabled=True), store)
    with pytest.raises(Conflict, match="no longer have the permission 'orders:read'"):
        mine.rotate_key(who, key.id, timedelta(hours=1))


@pytest.mark.parametrize("key", ["none", "a\0b"])
def test_a_key_that_is_none_of_theirs_is_not_found(store: Store, key: str):
    with pytest.raises(NotFound, match="you have no key"):
        ConsumerSelf(store).revoke_key(ann(store), key)


@sqlite_alone
def test_a_key_keeps_a_bounded_number_of_secrets(store: Store, clock: FakeClock):
    who, mine = ann(store), ConsumerSelf(store)
    key = mine.create_key(who, "laptop").key.id
    for _ in range(MOST_SECRETS - 1):
        clock.forward(seconds=1)
        mine.rotate_key(who, key, timedelta(hours=1))
    with pytest.raises(Conflict, match="secrets of the key are valid"):
        mine.rotate_key(who, key, timedelta(hours=1))
    clock.forward(hours=2)
    assert len(mine.rotate_key(who, key, timedelta(hours=1)).key.prefixes) == MOST_SECRETS


@sqlite_alone
def test_a_name_is_taken_in_whatever_case_an_editor_wrote_it(store: Store):
    changed(RULES, store)
    ConsumerKeys(store).create("a", tenant="default", actor="root", consumer="User-7")
    with pytest.raises(Conflict, match="is taken"):
        ConsumerAccounts(store).register("default", "user-7", PASSWORD)


@sqlite_alone
def test_an_account_has_twenty_sessions_at_most(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentinel.store.api_usage.consumer_self._MOST_SESSIONS", 2)
    ann(store)
    mine, tokens = ConsumerSelf(store), list[str]()
    for _ in range(3):
        clock.forward(seconds=1)
        begun = mine.log_in("default", "ann", PASSWORD)
        assert isinstance(begun, ConsumerLogin)
        tokens.append(begun.token)
    assert [mine.account_of(one) is not None for one in tokens] == [False, True, True]
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(SESSION)).scalar_one() == 2
