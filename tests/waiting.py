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
        look: asked ten times a second; may raise, which fails at once
        what: what should happen, for the failure
        within: seconds
        pause: waits so many seconds
        said: more for the failure, asked for then
    """
    until = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            pytest.fail(f"never happened: {what}\n{said()}".rstrip())
        pause(0.1)
