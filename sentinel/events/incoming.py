"""What counts as an event, who it is, and when it happened. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast

import msgspec
import orjson

from sentinel.errors import SampleError
from sentinel.metrics.sample import moment_of

__all__ = ["MOST_BYTES", "Kept", "Refused", "Taken", "event_id", "happened_at", "taken"]

MOST_BYTES = 262_144
"""An event may be this long, as JSON: 256 KiB."""
ID_FIELDS = ("id", "event_id")
TIME_FIELDS = ("timestamp", "@timestamp", "time", "occurred", "occurred_at")
_LONGEST_ID = 200
_AHEAD = timedelta(minutes=10)
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
"""What lies before it is the lack of a time: Go's zero is in the year 1, that of others in 1970."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One that was not kept: which of many, from 0, the field that is wrong, and why."""

    index: int
    field: str
    message: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch; `duplicates` had an id that was there already."""

    accepted: int
    duplicates: int = 0
    refused: list[Refused] = []


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One event that may be kept: its JSON, and 16 bytes that stand for its id, if it has one."""

    data: bytes
    key: bytes | None


def event_id(event: Mapping[str, Any]) -> str | int | None:
    """Return the id that an event gives itself.

    Args:
        event: the JSON object

    Returns:
        Its `id`, else its `event_id`; None where it has neither.

    Raises:
        ValueError: it is no id; the message says why
    """
    for name in ID_FIELDS:
        given: object = event.get(name)
        if given is None or given == "":
            continue
        if isinstance(given, float) and given.is_integer() and -(2**63) <= given < 2**64:
            given = int(given)  # JSON has one kind of number
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise ValueError("an id is a text or a whole number")
        if isinstance(given, str) and len(given) > _LONGEST_ID:
            raise ValueError(f"an id has at most {_LONGEST_ID} characters")
        return given
    return None


def key_of(tenant: str, event: Mapping[str, Any]) -> bytes | None:
    """Return 16 bytes that are the same only for the same event of the same tenant.

    A CloudEvent, which has a `specversion`, is identified by its `source` and its id together
    (CloudEvents 1.0, "id"); any other event by its id alone.

    Args:
        tenant: whose event it is
        event: the JSON object

    Returns:
        The key; None for an event without an id.

    Raises:
        ValueError: its id is none; the message says why
    """
    id_ = event_id(event)
    if id_ is None:
        return None
    source = event.get("source") if event.get("specversion") else None
    if isinstance(source, str):
        text, kind = f"{len(tenant)}:{tenant}{len(source)}:{source}{id_}", b"cloudevent"
    else:
        text, kind = f"{len(tenant)}:{tenant}{id_}", b""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=kind).digest()


def taken(tenant: str, index: int, event: object) -> Taken | Refused:
    """Return `event` as it is kept, or why it is refused."""
    if not isinstance(event, dict):
        kind = "null" if event is None else type(event).__name__
        return Refused(index=index, field="", message=f"an event is a JSON object, not {kind}")
    given = cast("dict[str, Any]", event)
    try:
        key = key_of(tenant, given)
    except ValueError as error:
        field = next(name for name in ID_FIELDS if given.get(name) not in (None, ""))
        return Refused(index=index, field=field, message=str(error))
    field, why = _unreadable_time(given)
    if field:
        return Refused(index=index, field=field, message=why)
    try:
        data = orjson.dumps(given)
    except TypeError as error:
        return Refused(index=index, field="", message=_no_json(error))
    if len(data) > MOST_BYTES:
        message = f"it is {len(data):,} bytes long; at most {MOST_BYTES:,} are kept"
        return Refused(index=index, field="", message=message)
    return Taken(data=data, key=key)


def _unreadable_time(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the field of a time that cannot be read, and why; empty texts where all is well.

    The first field that is given says when an event happened. An event whose time is not understood
    is not taken for one of now, which would be a false alert about something old.

    Args:
        event: the JSON object

    Returns:
        The field and the reason, for people.
    """
    for name in TIME_FIELDS:
        given: object = event.get(name)
        if given is None or given == "":
            continue
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            return name, "a time is a text or a number"
        try:
            moment_of(given)
        except SampleError as error:
            return name, error.message
        return "", ""
    return "", ""


def _no_json(error: TypeError) -> str:
    if "64-bit" in str(error):
        return "a whole number in it is longer than 64 bits; send it as a text"
    return "it is nested more than 250 deep"


def happened_at(event: Mapping[str, Any], received_at: datetime) -> datetime:
    """Return when an event happened, by its `timestamp`, `@timestamp`, `time` or `occurred`.

    Args:
        event: the JSON object
        received_at: when it was received, in UTC

    Returns:
        Its own moment in UTC; `received_at` where it has none that can be used, or one before 1970
        or over ten minutes after it was received.
    """
    for name in TIME_FIELDS:
        given: object = event.get(name)
        if given is None or given == "":
            continue
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            return received_at
        try:
            at = moment_of(given)
        except SampleError:
            return received_at
        return at.astimezone(UTC) if _FIRST <= at <= received_at + _AHEAD else received_at
    return received_at
