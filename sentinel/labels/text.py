"""Which texts a label, a title or a detail may hold."""

from __future__ import annotations

__all__ = ["MAX_LABELS", "MAX_NAME", "storable"]

MAX_LABELS = 64
MAX_NAME = 200


def storable(text: str) -> str:
    """Return `text` without what no database keeps: NUL characters and lone surrogates."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()
