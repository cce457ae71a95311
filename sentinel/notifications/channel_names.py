"""How channels and receivers are named. Pure."""

from __future__ import annotations

import re

__all__ = ["is_channel", "is_receiver"]

_CHANNEL = re.compile(r"inbox|[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_RECEIVER = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def is_channel(ref: str) -> bool:
    """Return whether a text is `inbox` or `<block type slug>/<block name>`."""
    return _CHANNEL.fullmatch(ref) is not None


def is_receiver(name: str) -> bool:
    """Return whether a text can be the name of a receiver."""
    return _RECEIVER.fullmatch(name) is not None
