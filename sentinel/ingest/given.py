"""Read what other systems send as they mean it: null is absent, a number is its text.

A field that is odd costs itself and not the alert around it, since a sender of alerts does not send
one again that was refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, cast

import msgspec
import orjson

from sentinel.errors import SampleError
from sentinel.labels.text import MAX_LABELS, MAX_NAME, storable
from sentinel.metrics.sample import moment_of
from sentinel.severity import severity_of

__all__ = [
    "CUT_LABEL",
    "Note",
    "Notes",
    "cut_text",
    "detail_of",
    "labels_of",
    "moment_or_none",
    "number_of",
    "object_of",
    "severity_word",
    "text_of",
]

CUT_LABEL = "labels_cut"
"""Stands for the labels beyond the most that identify: a digest of their names and values."""
_KEPT_FIRST = ("alertname", "severity", "instance", "job", "team")
_MARK = 16
_TOO_DEEP = "(nested too deeply)"


class Note(msgspec.Struct, frozen=True):
    """What was refused, left out or cut: of which item, from 0, which field, and why."""

    index: int
    field: str
    message: str


class Notes:
    """The notes about one item of a message.

    Args:
        index: of the item, from 0
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.items: list[Note] = []

    def add(self, field: str, message: str) -> None:
        """Note that something about `field` was left out or cut."""
        self.items.append(Note(self.index, field, message))


def text_of(given: object) -> str:
    """Return what a sender gave as a text.

    Args:
        given: any JSON value

    Returns:
        A text as it is, without what no database keeps; null is empty; the rest is its JSON.
    """
    if given is None:
        return ""
    if isinstance(given, str):
        return storable(given)
    try:
        return storable(orjson.dumps(given).decode())
    except TypeError:  # it reads more levels and, beside NaN, more of numbers than it writes
        pass
    try:
        return storable(json.dumps(given, ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        return _TOO_DEEP


def detail_of(given: object, most: int) -> object:
    """Return any JSON value as the details of an alert keep it.

    Args:
        given: of a sender
        most: so many characters of its text are kept

    Returns:
        The value, or its text where the store cannot write it.
    """
    try:
        orjson.dumps([[given]])  # as deep as it is within the details
    except TypeError:
        return text_of(given)[:most]
    return given


def number_of(given: object) -> float | None:
    """Return a finite number, also one that is written as a text; None where it is none."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def object_of(given: object, field: str, notes: Notes) -> Mapping[str, Any]:
    """Return a JSON object; null is an empty one, and anything else is left out with a note."""
    if given is None:
        return {}
    if isinstance(given, dict):
        return cast("dict[str, Any]", given)
    notes.add(field, f"is {_kind(given)} and not an object, so it was left out")
    return {}


def _kind(given: object) -> str:
    if isinstance(given, list):
        return "a list"
    return "a text" if isinstance(given, str) else "a number"


def cut_text(text: str, most: int, field: str, notes: Notes) -> str:
    """Return at most `most` characters of `text`, with a note where some were cut."""
    if len(text) <= most:
        return text
    notes.add(field, f"has {len(text):,} characters, of which {most:,} are kept")
    return text[: most - 1] + "…"


def labels_of(given: Mapping[str, Any], notes: Notes, field: str = "labels") -> dict[str, str]:
    """Return a sender's labels as ours, cut to what the store takes.

    A long value is cut and marked by a digest of the whole, and labels beyond the most that
    identify become one that is a digest of them: so alerts that differ stay different.

    Args:
        given: labels of the sender; null is absent, and a number is its text
        notes: take what was cut
        field: where they were

    Returns:
        Labels that fit the store, without those that have no name.
    """
    labels = {
        _fitting(name): _fitting(text_of(value))
        for key, value in given.items()
        if value is not None and (name := storable(key))
    }
    if len(labels) <= MAX_LABELS:
        return labels
    notes.add(field, f"are {len(labels)}; {MAX_LABELS - 1} are kept, and a digest of the others")
    first = [name for name in _KEPT_FIRST if name in labels]
    order = [*first, *sorted(name for name in labels if name not in first)]
    rest = {name: labels[name] for name in order[MAX_LABELS - 1 :]}
    kept = {name: labels[name] for name in order[: MAX_LABELS - 1]}
    return {**kept, CUT_LABEL: _digest(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS))}


def _fitting(text: str) -> str:
    if len(text) <= MAX_NAME:
        return text
    return f"{text[: MAX_NAME - _MARK - 1]}…{_digest(text.encode())}"


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=_MARK // 2).hexdigest()


def severity_word(given: object) -> str | None:
    """Return a severity word in lower case; None, for the rule's own, where it is none of ours."""
    word = text_of(given).strip().lower()
    try:
        severity_of(word)
    except ValueError:
        return None
    return word


def moment_or_none(given: object, field: str, notes: Notes) -> datetime | None:
    """Return the moment of a sender's timestamp.

    Args:
        given: as `moment_of` reads it; null, empty, or Go's zero time in the year 1 mean none
        field: where it was
        notes: take that it could not be read

    Returns:
        The moment; None where there is none.
    """
    if given is None or given == "" or (isinstance(given, str) and given.startswith("0001-")):
        return None
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        try:
            return moment_of(given)
        except SampleError:
            pass
    notes.add(field, f"{text_of(given)[:80]!r} is no moment, so it was left out")
    return None
