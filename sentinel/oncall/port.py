"""What a check may ask about on-call, whatever keeps the schedules. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sentinel.oncall.coverage import Coverage

__all__ = ["OnCallPort"]


class OnCallPort(Protocol):
    """The on-call schedules, as a check asks for them."""

    def coverage(self, start: datetime, end: datetime) -> list[Coverage]:
        """Return what each schedule lacks over a range, by name."""
        ...
