"""Logins: the same answer for unknown names, and a lockout that all processes share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel.access import Role
from sentinel.access.lockout import ADDRESS_EVERY, ADDRESS_FREE, FIRST_DELAY, FREE, MOST_KNOWN
from sentinel.access.passwords import Verified
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.logins import Logins, Refused
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun, Sessions
from tests.store.access.test_people import LIFETIME, PASSWORD, dump, made

WRONG = "eleven blue tricycles"
ZERO = timedelta(0)


def logins_of(store: Store) -> Logins:
    return Logins(store, Sessions(store, LIFETIME))


@pytest.fixture
def logins(store: Store) -> Logins:
    made(People(store))
    return logins_of(store)


def test_the_right_password_begins_a_session_as_that_person(logins: Logins, store: Store):
    begun = logins.log_in(" MARIA ", PASSWORD)
    assert isinstance(begun, Begun)
    found = Sessions(store, LIFETIME).find(begun.secret)
    assert found is not None
    principal = found.principal
    assert (principal.name, principal.kind, principal.role) == ("maria", "person", Role.EDITOR)
    assert People(store).get("maria").login_at == store.now()


def test_each_login_has_a_session_of_its_own_with_a_new_secret(logins: Logins):
    """Nothing that a browser sends chooses the id, so that none can be fixed beforehand."""
    first, second = logins.log_in("maria", PASSWORD), logins.log_in("maria", PASSWORD)
    assert isinstance(first, Begun)
    assert isinstance(second, Begun)
    assert first.secret != second.secret
    assert len(first.secret) == 43


@pytest.mark.parametrize("name", ["maria", "nobody", "nobody\0", "disabled", "no.role", ""])
def test_every_refusal_is_the_same_whoever_is_named(logins: Logins, store: Store, name: str):
    people = People(store)
    made(people, "disabled")
    people.disable("disabled", actor="ada")
    made(people, "no.role")
    people.revoke("no.role", actor="ada", all_roles=True)
    password = WRONG if name == "maria" else PASSWORD
    answers = [logins.log_in(name, password) for _ in range(FREE + 1)]
    assert answers == [
        *[Refused(ZERO, verified=True)] * (FREE - 1),
        Refused(FIRST_DELAY, verified=True),
        Refused(FIRST_DELAY, verified=False),
    ]


@pytest.mark.usefixtures("quick")
def test_while_a_name_must_wait_the_right_password_does_not_help(logins: Logins, clock: FakeClock):
    for _ in range(FREE):
        logins.log_in("maria", WRONG)
    assert logins.log_in("maria", PASSWORD) == Refused(FIRST_DELAY, verified=False)
    clock.forward(seconds=FIRST_DELAY.total_seconds())
    assert isinstance(logins.log_in("maria", PASSWORD), Begun)
    assert logins.log_in("maria", WRONG) == Refused(ZERO, verified=True)


@pytest.mark.usefixtures("quick")
def test_each_further_failure_waits_longer(logins: Logins, clock: FakeClock):
    for _ in range(FREE - 1):
        logins.log_in("maria", WRONG)
    waits: list[timedelta] = []
    for _ in range(4):
        answer = logins.log_in("maria", WRONG)
        assert isinstance(answer, Refused)
        waits.append(answer.wait)
        clock.forward(seconds=answer.wait.total_seconds())
    assert waits == [FIRST_DELAY * factor for factor in (1, 2, 4, 8)]


def test_guesses_of_several_processes_at_once_count_together(
    logins: Logins, migrated_url: str, clock: FakeClock
):
    assert logins
    stores = [Store(migrated_url, clock=clock) for _ in range(3)]
    try:
        with ThreadPoolExecutor(6) as threads:
            several = [
                threads.submit(logins_of(stores[number % 3]).log_in, "maria", WRONG)
                for number in range(12)
            ]
            answers = [one.result() for one in several]
    finally:
        for one in stores:
            one.close()
    verified = [one for one in answers if isinstance(one, Refused) and one.verified]
    assert len(verified) == FREE


@pytest.mark.usefixtures("quick")
def test_a_new_password_or_enabling_the_account_ends_the_lockout(logins: Logins, store: Store):
    people = People(store)
    for change in (
        lambda: people.set_password("maria", PASSWORD, actor="ada"),
        lambda: people.enable("maria", actor="ada"),
    ):
        for _ in range(FREE):
            logins.log_in("maria", WRONG)
        assert logins.log_in("maria", PASSWORD) == Refused(FIRST_DELAY, verified=False)
        change()
        assert isinstance(logins.log_in("maria", PASSWORD), Begun)


def test_what_was_typed_as_a_name_is_not_kept(logins: Logins, store: Store):
    logins.log_in(WRONG, "maria")
    logins.log_in("maria", WRONG)
    kept = dump(store)
    assert WRONG not in kept
    assert "a login of an unknown name failed" in kept
    assert "a login of maria failed (1 in a row)" in kept


@pytest.mark.usefixtures("quick")
def test_logins_of_unknown_names_are_one_row_a_minute(
    logins: Logins, store: Store, clock: FakeClock
):
    """Anybody may try any number of them, which must not push all else out of the log."""
    for number in range(3):
        logins.log_in(f"nobody-{number}", WRONG)
    clock.forward(seconds=59)
    logins.log_in("nobody-at-all", WRONG)
    assert failures_of(store) == [("4 logins of unknown names failed within a minute", 4)]
    logins.log_in("maria", WRONG)
    clock.forward(seconds=1)
    logins.log_in("nobody-else", WRONG)
    assert failures_of(store) == [
        ("a login of an unknown name failed", 1),
        ("a login of maria failed (1 in a row)", 1),
        ("4 logins of unknown names failed within a minute", 4),
    ]


def failures_of(store: Store) -> list[tuple[str, int]]:
    rows = [row for row in store.log.page() if row.what == "login.failed"]
    return [(row.message, row.details["failures"]) for row in rows]


HOME, OTHER = "192.0.2.7", "198.51.100.1"


@pytest.mark.usefixtures("quick")
def test_guesses_from_elsewhere_do_not_keep_a_person_out_where_they_logged_in(
    logins: Logins, clock: FakeClock
):
    assert isinstance(logins.log_in("maria", PASSWORD, HOME), Begun)
    for _ in range(FREE):
        logins.log_in("maria", WRONG, OTHER)
    assert logins.log_in("maria", PASSWORD, OTHER) == Refused(FIRST_DELAY, verified=False)
    assert isinstance(logins.log_in("maria", PASSWORD, HOME), Begun)
    # Her login there gives whoever guesses no further guess.
    assert logins.log_in("maria", WRONG, OTHER) == Refused(FIRST_DELAY, verified=False)
    # Who guesses at her own address is locked out there, and nowhere else.
    for _ in range(FREE):
        logins.log_in("maria", WRONG, HOME)
    assert logins.log_in("maria", PASSWORD, HOME) == Refused(FIRST_DELAY, verified=False)
    clock.forward(seconds=FIRST_DELAY.total_seconds())
    assert isinstance(logins.log_in("maria", PASSWORD, OTHER), Begun)
    clock.forward(days=30)  # known for so long
    for _ in range(FREE):
        logins.log_in("maria", WRONG, "203.0.113.9")
    assert logins.log_in("maria", PASSWORD, HOME) == Refused(FIRST_DELAY, verified=False)


@pytest.mark.usefixtures("quick")
def test_a_known_address_says_nothing_to_whoever_guesses_elsewhere(logins: Logins):
    """The same answers for a name that logged in somewhere and for one that does not exist."""
    assert isinstance(logins.log_in("maria", PASSWORD, HOME), Begun)
    known, unknown = (
        [logins.log_in(name, WRONG, OTHER) for _ in range(FREE + 1)] for name in ("maria", "nobody")
    )
    assert known == unknown


@pytest.mark.usefixtures("quick")
def test_who_tries_many_names_is_slowed_down_whatever_they_are(logins: Logins, clock: FakeClock):
    answers = [logins.log_in(f"nobody-{number}", WRONG, OTHER) for number in range(ADDRESS_FREE)]
    assert answers[:-1] == [Refused(ZERO, verified=True)] * (ADDRESS_FREE - 1)
    assert answers[-1] == Refused(ADDRESS_EVERY, verified=True, who="address")
    slowed = Refused(ADDRESS_EVERY, verified=False, who="address")
    assert logins.log_in("nobody-else", WRONG, OTHER) == slowed
    assert logins.log_in("maria", WRONG, OTHER) == slowed
    assert logins.log_in("maria", WRONG, HOME) == Refused(ZERO, verified=True)
    # All of an IPv6 network that one customer has is one address.
    for number in range(ADDRESS_FREE):
        logins.log_in(f"nobody-{number}", WRONG, f"2001:db8::{number:x}")
    assert logins.log_in("nobody-else", WRONG, "2001:db8::ffff") == slowed
    clock.forward(seconds=ADDRESS_EVERY.total_seconds())
    again = logins.log_in("nobody-else", WRONG, OTHER)
    assert again == Refused(ADDRESS_EVERY, verified=True, who="address")
    assert logins.log_in("nobody-else", WRONG, OTHER) == slowed


@pytest.mark.usefixtures("quick")
def test_logins_that_succeed_do_not_use_up_their_address(logins: Logins, store: Store):
    """People behind one address of a firewall or a proxy that nobody named."""
    made(People(store), "ada")
    for _ in range(ADDRESS_FREE):
        assert isinstance(logins.log_in("ada", PASSWORD, OTHER), Begun)
    assert logins.log_in("maria", WRONG, OTHER) == Refused(ZERO, verified=True)


@pytest.mark.usefixtures("quick")
def test_a_name_that_looks_like_an_address_locks_no_address(logins: Logins):
    for _ in range(FREE):
        logins.log_in(OTHER, WRONG, HOME)
    assert logins.log_in("maria", WRONG, OTHER) == Refused(ZERO, verified=True)


@pytest.mark.usefixtures("quick")
def test_a_new_password_ends_the_lockout_at_known_addresses_and_deletion_forgets_them(
    logins: Logins, store: Store, clock: FakeClock
):
    people = People(store)
    for number in range(MOST_KNOWN + 2):
        assert isinstance(logins.log_in("maria", PASSWORD, f"192.0.2.{number}"), Begun)
        clock.forward(seconds=1)
    for _ in range(FREE):
        logins.log_in("maria", WRONG, "192.0.2.9")
    people.set_password("maria", PASSWORD, actor="ada")
    assert isinstance(logins.log_in("maria", PASSWORD, "192.0.2.9"), Begun)
    assert len(known(store)) == MOST_KNOWN
    assert "192.0.2" not in str(known(store))
    people.delete("maria", actor="ada")
    assert known(store) == []


def known(store: Store) -> list[tuple[str, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM login_address"))]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are compared and not hashed, for tests of many logins."""

    def compared(password: str, stored: str | None) -> Verified:
        return Verified(right=stored is not None and password == PASSWORD)

    monkeypatch.setattr("sentinel.store.access.logins.verify_password", compared)
