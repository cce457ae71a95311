"""Somebody instead of who is on call by a schedule, for a time. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

__all__ = ["Override"]


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody instead of others; of two for one moment the later in the list decides.

    Attributes:
        start: timezone-aware
        end: timezone-aware
        people: who is on call instead; empty for nobody
        replaces: whom they replace; empty for everybody
        source: what their shifts say of themselves
    """

    start: datetime
    end: datetime
    people: tuple[str, ...] = ()
    replaces: str = ""
    source: str = "override"
