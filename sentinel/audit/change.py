"""A change as it is recorded: what was done to which object, and what differs after it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from sentinel.audit.origin import Origin

__all__ = [
    "REDACTED",
    "Change",
    "Recorded",
    "canonical",
    "channel_change",
    "definition_change",
    "differing",
    "not_done",
    "redacted",
]

REDACTED = "(secret)"
_SECRET = re.compile(
    "secret|passw|token|api.?key|authorization|credential|private|routing.key|webhook.url|"
    "auth.string",
    re.IGNORECASE,
)
"""Parts of the names of fields whose values are never recorded."""
_LONGEST = 4000


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change by a person, a key or Sentinel itself.

    Attributes:
        action: one of `sentinel.audit.actions.ACTIONS`
        object_kind: one of `sentinel.audit.actions.OBJECT_KINDS`
        object_id: of the object; empty where its name identifies it, or where there are many
        object_name: as people know it; for a person, their name, which is kept apart
        tenant: of the object; empty for what belongs to no tenant
        before: the fields that differ, as they were; None where the object was made
        after: the same fields as they are now; None where it was removed
        note: the comment or reason that was given
        people: fields of `before` and `after` that hold the name of a person, which is kept apart
    """

    action: str
    object_kind: str
    object_id: str = ""
    object_name: str = ""
    tenant: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    note: str = ""
    people: tuple[str, ...] = ()


class Definition(Protocol):
    """A pydantic model of something that has a name in a tenant."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def tenant(self) -> str:
        """Return whose it is."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return its fields."""
        ...


class Recorded(NamedTuple):
    """A change, who made it, and by which door; None for that of the present request."""

    change: Change
    actor: str
    origin: Origin | None = None


def channel_change(action: str, ref: str, *, made: bool | None = None) -> Change:
    """Return a change of a channel, whose values may be secrets and are left out.

    Args:
        action: its code
        ref: the channel as type/name
        made: whether it did not exist before; None where nobody knows, or it is removed

    Returns:
        The change.
    """
    return Change(
        action=action, object_kind="channel", object_id=ref, object_name=ref,
        before={"exists": True} if made is False or action == "channel.removed" else None,
        after={"values": REDACTED} if action == "channel.saved" else None,
    )  # fmt: skip


def definition_change(
    action: str, kind: str, before: Definition | None, after: Definition | None
) -> Change:
    """Return the change of an object that its definition says whole.

    Args:
        action: its code
        kind: of the object
        before: the definition as it was; None where the object was made
        after: the definition as it is now; None where the object was removed

    Returns:
        The change.

    Raises:
        ValueError: there is no definition
    """
    named = after or before
    if named is None:
        raise ValueError("a change has a definition before it or after it")
    return Change(
        action=action, object_kind=kind, object_id=named.name, object_name=named.name,
        tenant=named.tenant,
        before=None if before is None else before.model_dump(mode="json"),
        after=None if after is None else after.model_dump(mode="json"),
    )  # fmt: skip


def not_done(change: Change, why: object) -> Change:
    """Return the row that says that a change was recorded and then not made."""
    words = f"not done: {str(why) or type(why).__name__}"[:500]
    return msgspec.structs.replace(change, before=None, after=None, note=words)


def differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of each side that the other side lacks, or has with another value."""
    missing = object()
    return (
        {name: one for name, one in before.items() if after.get(name, missing) != one},
        {name: one for name, one in after.items() if before.get(name, missing) != one},
    )


def redacted(value: Any, name: str = "") -> Any:
    """Return a value without secrets, as something that JSON can hold.

    Args:
        value: of a field
        name: of the field; one that sounds like a secret hides the whole value

    Returns:
        The value; texts are cut to 4,000 characters, and numbers that JSON lacks are texts.
    """
    if name and value and _SECRET.search(name):
        return REDACTED
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, Any]", value)
        return {str(key): redacted(one, str(key)) for key, one in fields.items()}
    if isinstance(value, list | tuple | set | frozenset):
        many = [redacted(one) for one in cast("list[Any]", value)]
        return sorted(many, key=canonical) if isinstance(value, set | frozenset) else many
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value[:_LONGEST]
    try:
        return msgspec.to_builtins(value)
    except TypeError:  # of a library, such as a schedule's; a change is recorded all the same
        return str(value)[:_LONGEST]


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no blanks, ASCII only."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
