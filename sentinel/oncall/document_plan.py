"""What an on-call document would change. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from pydantic import BaseModel

from sentinel.oncall.document import OnCallDocument

__all__ = ["KINDS", "OnCallDifference", "counted", "document_differences", "field_changes"]

KINDS: Mapping[str, str] = {
    "people": "person",
    "teams": "team",
    "schedules": "schedule",
    "escalation_policies": "escalation policy",
}
"""Each part of the document, and what one of its items is called."""
_LONGEST = 200


class OnCallDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is added, changed or removed.

    Attributes:
        sign: `+`, `~` or `-`
        kind: person, team, schedule, escalation policy, receiver, override or route
        name: of it
        text: what it is from now on, or what changes
    """

    sign: Literal["+", "~", "-"]
    kind: str
    name: str
    text: str = ""

    def __str__(self) -> str:
        """Return the difference as a line."""
        said = f"{self.sign} {self.kind} {self.name}"
        return f"{said}: {self.text}" if self.text else said


def document_differences(wanted: OnCallDocument, active: OnCallDocument) -> list[OnCallDifference]:
    """Return what applying a document changes.

    Args:
        wanted: the document
        active: the active one

    Returns:
        The differences; none where nothing would change.
    """
    return [one for part, kind in KINDS.items() for one in _compared(part, kind, wanted, active)]


def counted(found: Sequence[OnCallDifference], *, applied: bool = False) -> str:
    """Return how many things are added, changed and removed, as a sentence.

    Args:
        found: the differences
        applied: whether that is done

    Returns:
        `2 to add, 1 to change.`, or that nothing would change.
    """
    words = {"+": "added", "~": "changed", "-": "removed"}
    if not applied:
        words = {"+": "to add", "~": "to change", "-": "to remove"}
    counts = Counter(one.sign for one in found)
    said = ", ".join(f"{counts[sign]} {word}" for sign, word in words.items() if counts[sign])
    nothing = "Nothing changed." if applied else "Nothing would change."
    return f"{said}." if said else nothing


def field_changes(there: BaseModel, wanted: BaseModel) -> str:
    """Return which fields of two differ, and how, as one text."""
    before, after = _fields(there), _fields(wanted)
    return "; ".join(
        f"{field} {_text(before.get(field))} -> {_text(after.get(field))}"
        for field in type(wanted).model_fields
        if before.get(field) != after.get(field)
    )


def _compared(
    part: str, kind: str, wanted: OnCallDocument, active: OnCallDocument
) -> Iterator[OnCallDifference]:
    before: Mapping[str, BaseModel] = getattr(active, part)
    after: Mapping[str, BaseModel] = getattr(wanted, part)
    for name, one in after.items():
        there = before.get(name)
        if there is None:
            fields = _fields(one)
            text = "; ".join(f"{field} {_text(value)}" for field, value in fields.items())
            yield OnCallDifference(sign="+", kind=kind, name=name, text=text)
        elif there != one:
            text = field_changes(there, one)
            yield OnCallDifference(sign="~", kind=kind, name=name, text=text)
    for name in before:
        if name not in after:
            yield OnCallDifference(sign="-", kind=kind, name=name)


def _fields(one: BaseModel) -> dict[str, Any]:
    return one.model_dump(mode="json", exclude_defaults=True)


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list) and all(isinstance(one, str) for one in cast("list[Any]", value)):
        text = ", ".join(cast("list[str]", value))
    elif isinstance(value, str):
        text = value
    else:
        text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
