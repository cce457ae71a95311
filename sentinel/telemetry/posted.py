"""Log lines and spans as JSON objects of programs without OpenTelemetry, as messages of OTLP."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast

from sentinel.timing.moments import parse_moment

__all__ = ["LEVELS", "NotAccepted", "Posted", "posted_logs", "posted_spans"]

LEVELS: Mapping[str, int] = {
    "trace": 1, "debug": 5, "info": 9, "information": 9, "notice": 10, "warn": 13, "warning": 13,
    "error": 17, "err": 17, "critical": 21, "crit": 21, "fatal": 21, "alert": 22, "emergency": 23,
    "emerg": 23,
}  # fmt: skip
"""OpenTelemetry's severity number of the words for a level, in small letters."""
_SERVICE = ("service_name", "service", "service.name")
_MESSAGE = ("message", "msg", "body", "text")
_LEVEL = ("level", "severity", "severity_text", "levelname")
_TIME = ("timestamp", "time", "ts", "@timestamp")
_NAME = ("operation_name", "span_name", "name", "operation")
_NESTED = ("attributes", "metadata", "tags", "fields", "context")
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_HTTP = {"http_method": "http.request.method", "http_url": "url.full"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotAccepted(ValueError):
    """An object is no log line, or no span.

    Args:
        field: the name of the field that is wrong
        message: what is wrong with it
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Posted:
    """A request of OTLP made of objects.

    Attributes:
        request: an `ExportLogsServiceRequest` or `ExportTraceServiceRequest` message
        errors: what was wrong, by the index of the object
        timed: whether each object says when it happened, so that equal requests are one request
            that was sent again
        ids: trace id and span id of each span, in hex
    """

    def __init__(self, signal: str) -> None:
        folder, name = {"logs": ("logs", "Logs"), "spans": ("trace", "Trace")}[signal]
        module = import_module(f"opentelemetry.proto.collector.{folder}.v1.{folder}_service_pb2")
        self.request: Any = getattr(module, f"Export{name}ServiceRequest")()
        self.errors: dict[int, NotAccepted] = {}
        self.timed = True
        self.ids: list[tuple[str, str]] = []
        self._logs = signal == "logs"
        self._scopes: dict[str, Any] = {}

    def scope(self, service: str) -> Any:
        """Return the scope of a service, which its records are added to."""
        found = self._scopes.get(service)
        if found is None:
            resources = self.request.resource_logs if self._logs else self.request.resource_spans
            resource = resources.add()
            if service:
                resource.resource.attributes.add(key="service.name").value.string_value = service
            scopes = resource.scope_logs if self._logs else resource.scope_spans
            found = self._scopes[service] = scopes.add()
        return found


def posted_logs(objects: Sequence[object]) -> Posted:
    """Return log lines as a request.

    Args:
        objects: each with a `message`; `service_name`, `level`, `timestamp`, `trace_id` and
            `span_id` where there are; all else becomes attributes

    Returns:
        The request, without the objects that are no log lines.
    """
    made = Posted("logs")
    for index, given in enumerate(objects):
        try:
            _add_log(made, _fields(given))
        except NotAccepted as error:
            made.errors[index] = error
    return made


def posted_spans(objects: Sequence[object], *, root: bool) -> Posted:
    """Return spans as a request.

    Args:
        objects: each with an `operation_name`, `start_time` and `end_time` or `duration_ms`;
            `service_name`, `trace_id`, `span_id`, `parent_span_id`, `status`, `status_code` and
            `kind` where there are; all else becomes attributes
        root: whether they begin a trace, which then needs no `trace_id`

    Returns:
        The request, without the objects that are no spans.
    """
    made = Posted("spans")
    for index, given in enumerate(objects):
        try:
            _add_span(made, _fields(given), root=root)
        except NotAccepted as error:
            made.errors[index] = error
    return made


def _add_log(made: Posted, fields: dict[str, Any]) -> None:
    message = _first(fields, _MESSAGE)
    if message is None:
        raise NotAccepted("message", "is missing")
    at = _moment(fields, _TIME)
    level = _text(_first(fields, _LEVEL))
    service = _text(_first(fields, _SERVICE))
    # What is no id by OpenTelemetry's rules is still what somebody may look for: an attribute.
    trace_id, span_id = _id(fields.get("trace_id"), 32), _id(fields.get("span_id"), 16)
    for name in ("trace_id",) * bool(trace_id) + ("span_id",) * bool(span_id):
        del fields[name]
    body, attributes = _text(message), _attributes(fields)
    record = made.scope(service).log_records.add(
        trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id), time_unix_nano=at or 0,
        severity_text=level, severity_number=LEVELS.get(level.lower(), 0),
    )  # fmt: skip
    record.body.string_value = body
    made.timed = made.timed and at is not None
    _add_attributes(record, attributes)


def _add_span(made: Posted, fields: dict[str, Any], *, root: bool) -> None:
    name = _text(_first(fields, _NAME))
    if not name:
        raise NotAccepted("operation_name", "is missing")
    start = _moment(fields, ("start_time",))
    end = _moment(fields, ("end_time",))
    duration = fields.pop("duration_ms", None)
    if start is None:
        raise NotAccepted("start_time", "is missing")
    if end is None:
        end = start + _nanoseconds(duration)
    ids = {
        field: _needed_id(fields.pop(field, None), field, digits)
        for field, digits in (("trace_id", 32), ("span_id", 16), ("parent_span_id", 16))
    }
    if not ids["trace_id"] and not root:
        raise NotAccepted("trace_id", "is missing")
    kind = _text(fields.pop("kind", None)).lower()
    service = _text(_first(fields, _SERVICE))
    code = fields.pop("status_code", None)
    status = _status(fields.pop("status", None), code)
    message = _text(fields.pop("status_message", None))
    for theirs, ours in _HTTP.items():
        if theirs in fields:
            fields[ours] = fields.pop(theirs)
    attributes = _attributes({**fields, "http.response.status_code": code})
    trace_id = ids["trace_id"] or secrets.token_hex(16)
    span_id = ids["span_id"] or secrets.token_hex(8)
    span = made.scope(service).spans.add(
        trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id),
        parent_span_id=bytes.fromhex(ids["parent_span_id"]), name=name,
        kind=_KINDS.get(kind, 2 if root else 1), start_time_unix_nano=start,
        end_time_unix_nano=end,
    )  # fmt: skip
    span.status.code, span.status.message = status, message
    _add_attributes(span, attributes)
    made.timed = made.timed and bool(ids["trace_id"] and ids["span_id"])
    made.ids.append((trace_id, span_id))


def _status(status: object, code: object) -> int:
    """Return OpenTelemetry's number of a status: 1 for OK, 2 for an error, 0 for unset."""
    word = _text(status).lower()
    if word in ("error", "failed", "failure"):
        return 2
    if word in ("ok", "success"):
        return 1
    return 2 if isinstance(code, int) and code >= 500 else 0


def _fields(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise NotAccepted("", "is no JSON object")
    return dict(cast("dict[str, Any]", given))


def _first(fields: dict[str, Any], names: Iterable[str]) -> Any:
    """Take the first of these fields that says something."""
    for name in names:
        if fields.get(name) not in (None, ""):
            return fields.pop(name)
    return None


def _moment(fields: dict[str, Any], names: Iterable[str]) -> int | None:
    """Take a moment, in nanoseconds since 1970."""
    names = tuple(names)
    given = _first(fields, names)
    if given is None:
        return None
    if not isinstance(given, (str, int, float)) or isinstance(given, bool):
        raise NotAccepted(names[0], f"{given!r:.60} is no moment")
    if isinstance(given, int) and 10**17 <= given < 2**63:  # as it is, to the nanosecond
        return given
    try:
        length = parse_moment(given) - _EPOCH
    except ValueError as error:
        raise NotAccepted(names[0], str(error)) from None
    found = (length.days * 86_400 + length.seconds) * 10**9 + length.microseconds * 1000
    if found < 0:
        raise NotAccepted(names[0], f"{given!r:.60} lies before 1970")
    if found >= 2**63:
        raise NotAccepted(names[0], f"{given!r:.60} lies after the year 2262")
    return found


def _nanoseconds(duration: object) -> int:
    if duration is None:
        return 0
    if isinstance(duration, bool) or not isinstance(duration, (int, float)):
        raise NotAccepted("duration_ms", f"{duration!r:.60} is no number")
    if not math.isfinite(duration) or not 0 <= duration < 1e12:
        raise NotAccepted("duration_ms", f"{duration!r:.60} is no length of time")
    return int(duration * 1_000_000)


def _id(given: object, digits: int) -> str:
    """Return an id in hex, of a UUID too; nothing where it is none."""
    text = given.replace("-", "").strip().lower() if isinstance(given, str) else ""
    if digits == 32 and len(text) == 16:  # a trace id of 64 bits
        text = text.rjust(32, "0")
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return ""
    return text if len(text) == digits and any(found) else ""


def _needed_id(given: object, field: str, digits: int) -> str:
    if given in (None, ""):
        return ""
    if not (found := _id(given, digits)):
        more = ", or a UUID" if digits == 32 else ""
        raise NotAccepted(field, f"{given!r:.60} is not {digits} hex digits{more}, other than zero")
    return found


def _attributes(fields: dict[str, Any]) -> dict[str, str]:
    """Return what is left of the fields as texts; maps of attributes among them as attributes."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _NESTED and isinstance(value, dict):
            flat = {**cast("dict[str, Any]", value), **flat}
        else:
            flat[name] = value
    return {_text(name): _text(value) for name, value in flat.items() if value is not None}


def _add_attributes(record: Any, attributes: dict[str, str]) -> None:
    for name, text in attributes.items():
        record.attributes.add(key=name).value.string_value = text


def _text(value: object) -> str:
    if isinstance(value, str):
        # A half of a surrogate pair, which JSON can write, is in no text of protobuf.
        return value.encode("utf-8", "replace").decode()
    return "" if value is None else _json(value)


def _json(value: object) -> str:
    try:
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise NotAccepted("", "is nested too deeply") from None
    return written.encode("utf-8", "replace").decode()
