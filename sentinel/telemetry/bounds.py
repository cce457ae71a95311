"""How much one request may hold. Its bytes alone are no bound: an empty record takes two."""

from __future__ import annotations

__all__ = [
    "MOST_ATTRIBUTES",
    "MOST_FIELDS",
    "MOST_MESSAGES",
    "MOST_NODES",
    "MOST_ORIGINS",
    "MOST_RECORDS",
    "MOST_UNPACKED",
    "TooLarge",
    "bounded",
]

MOST_UNPACKED = 16 * 1_048_576
"""Bytes of a body, unpacked."""
MOST_RECORDS = 100_000
"""Log records, spans, or samples."""
MOST_ORIGINS = 10_000
"""Resources, and scopes within them."""
MOST_ATTRIBUTES = 1_000_000
"""Attributes of all records together, and as many events and links."""
MOST_NODES = 1_000_000
"""Values, lists and objects of a body in JSON."""
MOST_MESSAGES = 2 * MOST_ATTRIBUTES
"""Messages of a body in protobuf: an attribute is two."""
MOST_FIELDS = 4_000_000
"""Fields of all messages of a body in protobuf."""


class TooLarge(ValueError):
    """The request is too large; the text says in what, for people."""


def bounded(number: int, most: int, what: str) -> int:
    """Return a number that is within its bound.

    Args:
        number: of something in a request
        most: the bound
        what: its name, in the plural

    Returns:
        The number.

    Raises:
        TooLarge: it is larger
    """
    if number > most:
        raise TooLarge(f"the request has more than {most:,} {what}: send fewer at a time")
    return number
