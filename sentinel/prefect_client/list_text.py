"""Lists that people write as one text with commas between the entries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["list_text", "listed"]

_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[^",]+|[",]', re.DOTALL)


def list_text(entries: Iterable[object]) -> str:
    """Return a list as the text that a form shows."""
    return ", ".join(map(str, entries))


def listed(text: str) -> list[str]:
    """Split a text at its commas, except at those in double quotes.

    Addresses of mail have such names: `"Doe, Jane" <jane@example.org>` (RFC 5322, section 3.4).

    Args:
        text: entries with commas between them; a quote that does not end counts as a character

    Returns:
        The entries as written, with their quotes and without the spaces around them; none is empty.
    """
    parts = _PARTS.findall(text)
    if '"' in parts:
        entries = text.split(",")
    else:
        entries = [""]
        for part in parts:
            if part == ",":
                entries.append("")
            else:
                entries[-1] += part
    return [entry.strip() for entry in entries if entry.strip()]
