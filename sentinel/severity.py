"""Severity: five degrees, the words that mean them, and their order."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, get_args

__all__ = ["WORDS", "Severity", "SeverityWord", "severity_of"]

SeverityWord = Literal["critical", "high", "medium", "low", "info", "emergency", "warning"]
"""Every word a user may give; the one given is kept beside our own and given back."""

WORDS: tuple[str, ...] = get_args(SeverityWord)


class Severity(IntEnum):
    """Five severities; a greater number is worse, so that `max` is the worst."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        """Return our own word for it, in lower case."""
        return self.name.lower()


_ALIASES = {"emergency": Severity.CRITICAL, "warning": Severity.MEDIUM}


def severity_of(word: str) -> Severity:
    """Return the severity that `word` means.

    Args:
        word: one of `WORDS`, in upper or lower case

    Returns:
        One of the five; emergency is critical and warning is medium.

    Raises:
        ValueError: it is none of `WORDS`
    """
    lowered = word.strip().lower()
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    try:
        return Severity[lowered.upper()]
    except KeyError:
        raise ValueError(f"severity {word!r} is none of {', '.join(WORDS)}") from None
