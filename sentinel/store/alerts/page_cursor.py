"""Cursors of lists of alerts: each names the last row of a page, so that depth costs nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from sentinel.errors import ConfigurationError

__all__ = [
    "CURSOR_HINT",
    "NOT_A_CURSOR",
    "Cursor",
    "Order",
    "read_cursor",
    "write_cursor",
]

Order = Literal["live", "history"]
NOT_A_CURSOR = "the cursor is not one of this list"
CURSOR_HINT = "Give next_cursor of the page before, with the same filter and order."


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row of a page, and the segment that it is of."""

    order: Order
    segment: int
    severity: int
    at: datetime
    id: str


def write_cursor(order: Order, segment: int, row: Mapping[str, Any]) -> str:
    """Return the cursor of the page after `row`, which is of the segment of that number."""
    at = row["opened_at"] or row["first_bad_at"]
    packed = msgspec.msgpack.encode(Cursor(order, segment, row["severity"], at, row["id"]))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(given: str, order: Order, segments: int) -> Cursor:
    """Return the place that a cursor names.

    Args:
        given: the cursor
        order: of the list
        segments: how many the list has

    Returns:
        The place.

    Raises:
        ConfigurationError: it is no cursor of such a list
    """
    try:
        packed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        cursor = msgspec.msgpack.decode(packed, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        cursor = None
    if (
        cursor is None
        or cursor.order != order
        or not 0 <= cursor.segment < segments
        or cursor.at.tzinfo is None
    ):
        raise ConfigurationError(NOT_A_CURSOR, hint=CURSOR_HINT)
    return cursor
