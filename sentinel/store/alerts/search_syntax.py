"""What people type to find alerts: words, phrases, and fields such as `rule:cpu-high`.

    disk "file system" rule:disk-space severity:high host:web-1
    disk -"read only" NOT host:web-1
    rule:disk-space OR rule:cpu-high severity:critical

`NOT` or a minus before a word, a phrase or a field leaves out the alerts that match it. `OR`
divides alternatives; what stands together must match together.

A word must be somewhere in what people read of an alert. A name before a colon is a field where
it is one of `FIELDS`, else a label. `group:` before the id of a group finds its alerts; before
anything else it is a label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.alerts.filter import AlertFilter

__all__ = ["FIELDS", "MOST_WORDS", "is_group_id", "read_search", "searched"]

FIELDS = ("rule", "severity", "status", "category", "team", "assignee", "tenant")
MOST_WORDS = 12
MOST_LETTERS = 300

_GROUP_ID = re.compile("[0-9a-f]{32}")
_PART = re.compile(r'(-(?=\S))?(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')


def is_group_id(text: str) -> bool:
    """Return whether `text` has the form of a group's id, as the links in messages have it."""
    return _GROUP_ID.fullmatch(text) is not None


class _Term(msgspec.Struct, frozen=True):
    """One word, phrase or field of a search; the name is empty for words and phrases."""

    name: str
    value: str
    left_out: bool


def read_search(text: str, *, me: str = "") -> AlertFilter:
    """Return the filter that a typed search means.

    Args:
        text: as typed; only the first `MOST_LETTERS` characters and `MOST_WORDS` words count
        me: the name of the person who searches, for `assignee:me`

    Returns:
        A filter; its words may still be unknown, which the query refuses.
    """
    groups = [_filter(terms, me) for terms in _alternatives(text) if terms]
    if len(groups) == 1:
        return groups[0]
    return AlertFilter(any_of=tuple(groups))


def searched(chosen: AlertFilter, text: str, *, me: str = "") -> AlertFilter:
    """Return the filter of a typed search within another filter.

    Args:
        chosen: the filter
        text: as typed
        me: the name of the person who searches

    Returns:
        A filter that selects what both select.

    Raises:
        ConfigurationError: the text has a NUL character
    """
    if "\x00" in text:
        raise ConfigurationError("a search must not hold a NUL character")
    asked, empty = read_search(text, me=me), AlertFilter()
    given = {
        name: getattr(chosen, name)
        for name in AlertFilter.__struct_fields__
        if getattr(chosen, name) != getattr(empty, name)
    }
    if any(getattr(asked, name) != getattr(empty, name) for name in given):
        return msgspec.structs.replace(chosen, any_of=(asked,))
    return msgspec.structs.replace(asked, **given)


def _alternatives(text: str) -> list[list[_Term]]:
    """Return the terms of each alternative, in their order."""
    groups: list[list[_Term]] = [[]]
    left_out = False
    for found in list(_PART.finditer(text.replace("\x00", "")[:MOST_LETTERS]))[:MOST_WORDS]:
        minus, name, quoted, bare = found.groups()
        value = quoted if quoted is not None else bare
        if name and value.startswith("//"):  # a web address and not a field
            name, value = None, f"{name}:{value}"
        if not name and not minus and bare in ("AND", "NOT", "OR"):
            if bare == "OR":
                groups.append([])
            left_out = bare == "NOT"
        else:
            groups[-1].append(_Term(name or "", value, left_out or bool(minus)))
            left_out = False
    return groups


def _filter(terms: Sequence[_Term], me: str) -> AlertFilter:
    """Return the filter of terms that must all hold."""
    words: list[str] = []
    labels: list[tuple[str, str]] = []
    several: dict[str, list[str]] = {"severity": [], "status": []}
    single: dict[str, str] = {}
    for term in terms:
        field = term.name.lower()
        if term.left_out:
            continue
        if not term.name:
            words.append(term.value)
        elif field in several:
            several[field] += [one for one in term.value.split(",") if one]
        elif field == "group" and is_group_id(term.value):
            single[field] = term.value
        elif field in FIELDS:
            single[field] = me if field == "assignee" and term.value == "me" else term.value
        else:
            labels.append((term.name, term.value))
    return msgspec.structs.replace(
        AlertFilter(words=tuple(word for word in words if word), labels=tuple(labels)),
        severity=tuple(several["severity"]),
        status=tuple(several["status"]),
        without=tuple(
            _filter([msgspec.structs.replace(term, left_out=False)], me)
            for term in terms
            if term.left_out and term.value
        ),
        **single,
    )
