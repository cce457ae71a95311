"""Outgoing events: what happened to alerts and incidents, as CloudEvents 1.0. Pure.

The format is that of <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>,
`sequence` that of its extension of that name: texts of one length, whose order is that of changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import orjson

from sentinel.errors import Conflict

__all__ = ["BATCH", "MODES", "MOST_IN_BATCH", "STRUCTURED", "Happened", "Mode", "OutgoingRequest",
           "cloud_event", "requests_of", "starting_point"]  # fmt: skip

Mode = Literal["structured", "batch"]
MODES: tuple[Mode, ...] = ("structured", "batch")
STRUCTURED = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json; charset=utf-8"
MOST_IN_BATCH = 100
_DIGITS = 20


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an alert or an incident.

    Attributes:
        number: its place among the changes of its tenant, from 1 on, without gaps
        id: of the entry that says what happened, 32 hex digits
        what: alert or incident
        kind: what happened, such as opened; deleted where nothing is known of it any more
        about: id of the alert or incident; empty where it was deleted
        data: what it was like after the change
    """

    number: int
    id: str
    tenant: str
    what: Literal["alert", "incident"]
    kind: str
    about: str
    at: datetime
    data: Mapping[str, Any]


class OutgoingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a destination.

    Attributes:
        body: JSON
        key: the same whenever the same is sent again
        last: number of the last change in it
    """

    body: bytes
    content_type: str
    key: str
    last: int


def cloud_event(happened: Happened) -> dict[str, Any]:
    """Return a change as a CloudEvent.

    Args:
        happened: the change

    Returns:
        The event in JSON's types. `id` is the same whenever the change is sent again.
    """
    event = {
        "specversion": "1.0",
        "id": happened.id,
        "source": f"urn:sentinel-alerts:tenant:{quote(happened.tenant, safe='')}",
        "type": f"sentinel.{happened.what}.{happened.kind}",
        "time": happened.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{happened.number:0{_DIGITS}}",
        "data": dict(happened.data),
    }
    if happened.about:
        event["subject"] = f"{happened.what}/{happened.about}"
    return event


def requests_of(changes: Sequence[Happened], mode: Mode) -> Iterator[OutgoingRequest]:
    """Return the requests that send changes.

    Args:
        changes: in their order
        mode: structured for one request each, batch for up to `MOST_IN_BATCH` in one

    Yields:
        The requests, in the order in which they are to be sent.
    """
    if mode == "structured":
        for one in changes:
            body = orjson.dumps(cloud_event(one))
            yield OutgoingRequest(body=body, content_type=STRUCTURED, key=one.id, last=one.number)
        return
    for start in range(0, len(changes), MOST_IN_BATCH):
        piece = changes[start : start + MOST_IN_BATCH]
        yield OutgoingRequest(
            body=orjson.dumps([cloud_event(one) for one in piece]), content_type=BATCH,
            key=f"{piece[0].id}-{len(piece)}", last=piece[-1].number,
        )  # fmt: skip


def starting_point(given: int | None, last: int, oldest: int) -> int:
    """Return the cursor from which on changes are read.

    Args:
        given: number of the last change that the reader has; None for the newest
        last: number of the newest change; 0 for none
        oldest: number of the oldest change that is kept; `last` + 1 for none

    Returns:
        The cursor; what follows it is kept.

    Raises:
        Conflict: what follows it is not kept any more, or there is no such change yet
    """
    if given is None:
        return last
    if given > last:
        raise Conflict(
            f"there is no change {given:,} yet, the newest is {last:,}",
            hint="An older backup may have been restored: compare, then go on from the newest.",
        )
    if given < oldest - 1:
        raise Conflict(
            f"the changes after {given:,} are not kept any more, up to {oldest - 1:,}",
            hint=f"Read alerts and incidents anew, then go on from {oldest - 1}.",
        )
    return given
