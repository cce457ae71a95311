"""Passwords that cost tests little: a real hash is made to take long."""

from __future__ import annotations

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from sentinel.access import passwords

__all__ = ["AS_SHIPPED", "hashes_passwords_cheaply"]

AS_SHIPPED = passwords._HASH  # pyright: ignore[reportPrivateUsage] - what this file replaces


def hashes_passwords_cheaply() -> None:
    """From now on this process hashes and verifies passwords in well under a millisecond."""
    passwords._HASH = PasswordHash(  # pyright: ignore[reportPrivateUsage]
        (Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),)
    )
