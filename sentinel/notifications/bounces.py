"""Bounces: what mail servers report about mails that they could not deliver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

__all__ = ["Bounce", "BounceReport", "TakeReports"]


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a mail cannot reach: its status code, and what the server said."""

    address: str
    status: str
    said: str = ""


class BounceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report about a mail. Anyone can write one: it has to be compared with what was sent.

    Attributes:
        group_id: of the group that the mail was about, as the report says
        bounces: the addresses that it could not reach for good, each once
    """

    group_id: str
    bounces: tuple[Bounce, ...]


TakeReports = Callable[[Sequence[BounceReport]], Sequence[bool]]
"""Keeps what reports say, and returns of each whether it is about a mail of ours."""
