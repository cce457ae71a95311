"""Waits for what others do by themselves; where the clock is given, no test waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

__all__ = ["eventually"]

T = TypeVar("T")


def eventually(
    look: Callable[[], T | None],
    what: str,
    within: float = 120.0,
    *,
    pause: Callable[[float], object] = time.sleep,
    said: Callable[[], str] = str,
) -> T:
    """What `look` answers once that is true-ish; fails where it never is.

    Args:
        look: asked ten times a second, or less often where it takes long; may raise, which fails
            at once
        what: what should happen, for the failure
        within: seconds
        pause: waits so many seconds
        said: more for the failure, asked for then
    """
    until = time.monotonic() + within
    while True:
        began = time.monotonic()
        found = look()
        if found:
            return found
        now = time.monotonic()
        if now > until:
            pytest.fail(f"never happened: {what}\n{said()}".rstrip())
        # Most of the time is left to whoever is waited for.
        pause(min(max(0.1, 2 * (now - began)), 3))
