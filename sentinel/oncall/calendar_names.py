"""The name and the mail address of a person in an iCalendar file, replaced. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

__all__ = ["without_person"]

_FOLD = re.compile(r"\r?\n[ \t]")
_PROPERTY = re.compile(r"([A-Za-z0-9-]+)([;:].*)", re.DOTALL)
_WORDS = frozenset((
    "ATTENDEE", "CATEGORIES", "COMMENT", "CONTACT", "DESCRIPTION", "LOCATION", "ORGANIZER",
    "RESOURCES", "SUMMARY",
))  # fmt: skip
"""Properties that people write, beside those whose names begin with X-."""


def without_person(
    text: str, replaced: Callable[[str], str], mails: Collection[str], label: str
) -> str:
    """Return an iCalendar file that names a person no longer.

    Times and identities of events stay, so that it says the same of everybody else.

    Args:
        text: an iCalendar file (RFC 5545)
        replaced: replaces the name in a text
        mails: addresses of the person
        label: the pseudonym

    Returns:
        The file with its lines unfolded; `text` itself where the person is not in it.
    """
    addresses = [
        re.compile(rf"(?<![\w.+-]){re.escape(one)}(?![\w-])", re.I) for one in mails if one
    ]
    lines = _FOLD.sub("", text).splitlines()
    found = [_line(one, replaced, addresses, label) for one in lines]
    return text if found == lines else "\r\n".join(found) + "\r\n"


def _line(
    line: str, replaced: Callable[[str], str], addresses: list[re.Pattern[str]], label: str
) -> str:
    parts = _PROPERTY.fullmatch(line)
    if parts is None:
        return line
    name, rest = parts.groups()
    if name.upper() not in _WORDS and not name.upper().startswith("X-"):
        return line
    named = replaced(rest)
    if named != rest and name.upper() in ("ATTENDEE", "ORGANIZER"):
        return f"{name};CN={label}:mailto:{label}@example.invalid"
    for one in addresses:
        named = one.sub(f"{label}@example.invalid", named)
    return f"{name}{named}"
