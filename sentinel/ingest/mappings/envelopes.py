"""What some vendors put around a message: CloudEvents 1.0 over HTTP, and Amazon SNS. Pure.

CloudEvents: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md.
SNS: https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html, of which an excerpt was
read. Both on 2026-11-30.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote

import orjson

from sentinel.errors import SampleError

__all__ = ["cloud_events", "notification"]

_BATCH, _STRUCTURED = "application/cloudevents-batch+json", "application/cloudevents+json"
_REQUIRED = ("id", "source", "specversion", "type")
_PREFIX = "ce_"


def cloud_events(body: bytes, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the events of a request in the structured, the binary or the batch mode.

    Args:
        body: as it arrived
        headers: by their names in lower case with `_` for `-`

    Returns:
        Each event as JSON would have it in the structured mode.

    Raises:
        SampleError: it is no CloudEvent, or one of them lacks what each must have; names the field
    """
    kind = headers.get("content_type", "").partition(";")[0].strip().lower()
    if f"{_PREFIX}id" in headers or f"{_PREFIX}specversion" in headers:
        return [_checked(_binary(body, headers, kind), 0)]
    given = _json(body)
    if kind == _BATCH or isinstance(given, list):
        if not isinstance(given, list):
            raise SampleError("a batch of CloudEvents must be a list", field="body")
        return [_checked(one, index) for index, one in enumerate(cast("list[object]", given))]
    return [_checked(given, 0)]


def _binary(body: bytes, headers: Mapping[str, str], kind: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        name.removeprefix(_PREFIX): unquote(text)
        for name, text in headers.items()
        if name.startswith(_PREFIX)
    }
    if not body:
        return event
    event["datacontenttype"] = kind or "application/json"
    if kind in ("", "application/json") or kind.endswith("+json"):
        event["data"] = _json(body)
        return event
    try:
        event["data"] = body.decode()
    except UnicodeDecodeError:
        event["data_base64"] = base64.b64encode(body).decode()
    return event


def _checked(given: object, index: int) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SampleError("must be an object", field="event", index=index)
    event = cast("dict[str, Any]", given)
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise SampleError("a CloudEvent must have it, as a text", field=name, index=index)
    if not str(event["specversion"]).startswith("1."):
        raise SampleError("only CloudEvents 1.0 are taken", field="specversion", index=index)
    return event


def notification(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification of SNS with its message parsed, where that is JSON.

    Args:
        envelope: the JSON of the request

    Returns:
        The same, with the parsed message as `message`, which is empty where it is plain text.
    """
    try:
        message: object = orjson.loads(str(envelope.get("Message", "")))
    except orjson.JSONDecodeError:
        message = {}
    return {**envelope, "message": message if isinstance(message, dict) else {}}


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SampleError(f"is not JSON: {error}", field="body") from None
