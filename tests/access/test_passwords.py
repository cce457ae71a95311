"""Which passwords are taken, and how one is verified."""

from __future__ import annotations

import pytest
from pwdlib import PasswordHash

from sentinel.access import passwords
from sentinel.access.passwords import checked_password, hash_password, verify_password
from sentinel.errors import ConfigurationError
from tests.cheap_passwords import AS_SHIPPED

GOOD = "seven green bicycles"


@pytest.fixture(autouse=True)
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASH", AS_SHIPPED)


def test_a_hash_costs_what_the_library_recommends():
    assert "$m=65536,t=3,p=4$" in hash_password(GOOD)


def test_a_password_is_kept_as_an_argon2id_hash_with_a_salt_of_its_own():
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first.startswith("$argon2id$")
    assert GOOD not in first
    assert first != second
    assert verify_password(GOOD, first).right
    assert not verify_password(f"{GOOD} ", first).right


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("short words", "has 11 characters"),
        ("x" * 257, "has 257 characters"),
        ("maria.lopez2026", "little more than the name"),
        ("abababababab", "fewer than 5 different"),
    ],
)
def test_what_is_easily_guessed_is_refused(text: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        checked_password(text, "maria.lopez")


def test_long_words_that_hold_the_name_are_taken():
    assert checked_password("maria.lopez rides seven bicycles", "maria.lopez")


def test_the_same_letters_are_the_same_password_however_a_keyboard_wrote_them():
    assert verify_password("cafe\u0301 au lait 12", hash_password("caf\u00e9 au lait 12")).right


def test_a_hash_of_a_lower_cost_is_renewed():
    from pwdlib.hashers.argon2 import Argon2Hasher

    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024),)).hash(GOOD)
    found = verify_password(GOOD, cheap)
    assert found.right
    assert found.better is not None
    assert verify_password(GOOD, found.better) == passwords.Verified(True)


class Counting:
    """A real hash that counts what it is asked to verify."""

    def __init__(self) -> None:
        self.real = PasswordHash.recommended()
        self.verified: list[str] = []

    def hash(self, given: bytes) -> str:
        return self.real.hash(given)

    def verify(self, given: bytes, stored: str) -> bool:
        self.verified.append(stored)
        return self.real.verify(given, stored)

    def verify_and_update(self, given: bytes, stored: str) -> tuple[bool, str | None]:
        self.verified.append(stored)
        return self.real.verify_and_update(given, stored)


def test_an_unknown_name_costs_one_verification_of_the_same_cost(monkeypatch: pytest.MonkeyPatch):
    counting = Counting()
    monkeypatch.setattr(passwords, "_HASH", counting)
    # The hash for unknown names is kept, and may have been made at the low cost of other tests.
    monkeypatch.setattr(passwords, "_of_nobody", lambda: kept)
    kept = hash_password("a password that nobody has")
    known = hash_password(GOOD)
    for stored in (known, None, "a hash of something else"):
        counting.verified.clear()
        assert not verify_password("something else entirely", stored).right
        assert len([one for one in counting.verified if one.startswith("$argon2id$")]) == 1
        cost = [one.split("$")[3] for one in counting.verified if one.startswith("$")]
        assert cost == [known.split("$")[3]]
