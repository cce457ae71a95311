"""The result of calling a check once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.checks.reading import Lost, Reading

if TYPE_CHECKING:
    from sentinel.checks.reading_table import ReadingTable

__all__ = ["Observation"]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of a check saw.

    Attributes:
        readings: the good and the bad, in the order they came
        complete: false where the check was cut short, so that what is missing is unknown
        error: why it was cut short
        not_seen: label sets that the check said it could not see
        gone: label sets of series that did not recover but are gone, and how
        state: what the check left in `ctx.state`; None where it failed, so that a cursor
            never moves past what was not handled
        table: many more readings, as columns; None where there are none
    """

    readings: list[Reading]
    complete: bool = True
    error: Exception | None = None
    not_seen: list[Mapping[str, str]] = []
    gone: list[tuple[Mapping[str, str], Lost]] = []
    state: dict[str, Any] | None = None
    table: ReadingTable | None = None

    @property
    def size(self) -> int:
        """Return how many readings there are."""
        return len(self.readings) + (0 if self.table is None else len(self.table))
