"""What people type to find alerts: words, phrases, and fields such as `rule:cpu-high`.

    disk "file system" rule:disk-space severity:high host:web-1

A word must be somewhere in what people read of an alert. A name before a colon is a field where
it is one of `FIELDS`, else a label. `group:` before the id of a group finds its alerts; before
anything else it is a label.
"""

from __future__ import annotations

import re

import msgspec

from sentinel.store.alerts.filter import AlertFilter

__all__ = ["FIELDS", "MOST_WORDS", "is_group_id", "read_search"]

FIELDS = ("rule", "severity", "status", "category", "team", "assignee", "tenant")
MOST_WORDS = 12
MOST_LETTERS = 300

_GROUP_ID = re.compile("[0-9a-f]{32}")
_PART = re.compile(r'(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')


def is_group_id(text: str) -> bool:
    """Return whether `text` has the form of a group's id, as the links in messages have it."""
    return _GROUP_ID.fullmatch(text) is not None


def read_search(text: str, *, me: str = "") -> AlertFilter:
    """Return the filter that a typed search means.

    Args:
        text: as typed; only the first `MOST_LETTERS` characters and `MOST_WORDS` words count
        me: the name of the person who searches, for `assignee:me`

    Returns:
        A filter; its words may still be unknown, which the query refuses.
    """
    words: list[str] = []
    labels: list[tuple[str, str]] = []
    several: dict[str, list[str]] = {"severity": [], "status": []}
    single: dict[str, str] = {}
    for found in list(_PART.finditer(text.replace("\x00", "")[:MOST_LETTERS]))[:MOST_WORDS]:
        name, quoted, bare = found.groups()
        value = quoted if quoted is not None else bare
        if name and value.startswith("//"):  # a web address and not a field
            name, value = None, f"{name}:{value}"
        field = (name or "").lower()
        if not name:
            words.append(value)
        elif field in several:
            several[field] += [one for one in value.split(",") if one]
        elif field == "group" and is_group_id(value):
            single[field] = value
        elif field in FIELDS:
            single[field] = me if field == "assignee" and value == "me" else value
        else:
            labels.append((name, value))
    return msgspec.structs.replace(
        AlertFilter(words=tuple(word for word in words if word), labels=tuple(labels)),
        severity=tuple(several["severity"]),
        status=tuple(several["status"]),
        **single,
    )
