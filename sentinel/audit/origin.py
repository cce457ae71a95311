"""By which door a change came, and how whoever made it was recognized."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

import msgspec

__all__ = [
    "AUDIT_DOOR",
    "DOORS",
    "ENGINE",
    "Door",
    "Kind",
    "Origin",
    "acting",
    "acting_as",
    "present",
]

Door = Literal["api", "cli", "dashboard", "deploy", "engine", "link", "slack"]
"""Where a change came in; `link` is a link in a message, `slack` a button of one."""
Kind = Literal["token", "key", "person", "local", "system", "link", "slack"]
"""How whoever acts was recognized: those of `Principal`, `system` for Sentinel itself, `link`
for whoever had a link of a message, and `slack` for a user of Slack without an account."""
DOORS: tuple[Door, ...] = get_args(Door)


class Origin(msgspec.Struct, frozen=True):
    """By which door changes come, and how whoever makes them was recognized.

    Attributes:
        door: where the change came in
        kind: how whoever acts was recognized
        id: of the key, person or link; empty where there is none
    """

    door: Door
    kind: Kind
    id: str = ""


AUDIT_DOOR = "SENTINEL_AUDIT_DOOR"
"""The variable by which the dashboard says that it runs a command for one of its users:
`dashboard:` and how they were recognized."""
ENGINE = Origin("engine", "system")
"""That of a process without a door."""
_ACTING: ContextVar[Origin | None] = ContextVar("sentinel_audit_origin", default=None)


def present(default: Origin) -> Origin:
    """Return the origin of the request that is served here, else `default`."""
    return _ACTING.get() or default


def acting_as(origin: Origin) -> None:
    """State the origin for the rest of this request.

    Args:
        origin: of whoever sent the request; each request is served in a context of its own
    """
    _ACTING.set(origin)


@contextmanager
def acting(origin: Origin) -> Generator[None]:
    """State the origin for the block."""
    before = _ACTING.set(origin)
    try:
        yield
    finally:
        _ACTING.reset(before)
