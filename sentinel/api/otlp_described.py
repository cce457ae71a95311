"""How the OpenAPI document describes OTLP over HTTP: bodies in two forms, answers in the same form.

The messages are OpenTelemetry's: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sentinel.api.problems import responses
from sentinel.telemetry.otlp_body import REJECTED, Signal

__all__ = ["body_of", "responses_of"]

_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_BINARY = {"type": "string", "format": "binary"}
_NANOSECONDS = {
    "type": "string",
    "pattern": "^[0-9]{1,19}$",
    "description": "Nanoseconds since 1970; as a text, since the number has 64 bits.",
}
_ATTRIBUTES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["key", "value"],
        "properties": {
            "key": {"type": "string"},
            "value": {
                "type": "object",
                "description": "One of stringValue, boolValue, intValue (a text), doubleValue, "
                "arrayValue, kvlistValue, bytesValue.",
                "properties": {"stringValue": {"type": "string"}},
            },
        },
    },
}
_TRACE = {"type": "string", "description": "32 hex digits, and not base64."}
_SPAN = {"type": "string", "description": "16 hex digits, and not base64."}
_RECORDS: Mapping[Signal, tuple[str, str, str, Mapping[str, Any]]] = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords", {
        "timeUnixNano": _NANOSECONDS, "observedTimeUnixNano": _NANOSECONDS,
        "severityNumber": {"type": "integer", "minimum": 0, "maximum": 24},
        "severityText": {"type": "string"},
        "body": {"type": "object", "properties": {"stringValue": {"type": "string"}}},
        "attributes": _ATTRIBUTES, "traceId": _TRACE, "spanId": _SPAN,
    }),
    "traces": ("resourceSpans", "scopeSpans", "spans", {
        "traceId": _TRACE, "spanId": _SPAN, "parentSpanId": _SPAN, "name": {"type": "string"},
        "kind": {"type": "integer", "minimum": 0, "maximum": 5},
        "startTimeUnixNano": _NANOSECONDS, "endTimeUnixNano": _NANOSECONDS,
        "attributes": _ATTRIBUTES,
    }),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics", {
        "name": {"type": "string"}, "unit": {"type": "string"},
        "gauge": {"type": "object"}, "sum": {"type": "object"}, "histogram": {"type": "object"},
        "exponentialHistogram": {"type": "object"}, "summary": {"type": "object"},
    }),
}  # fmt: skip
"""Of each signal: the names of resources, scopes and records, and the fields of a record."""
_MOMENT = "1769860800000000000"
_IDS = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"}
_EXAMPLES: Mapping[Signal, Mapping[str, Any]] = {
    "logs": {
        "timeUnixNano": _MOMENT, "severityNumber": 17, "severityText": "ERROR", **_IDS,
        "body": {"stringValue": "connection refused"},
        "attributes": [{"key": "order.id", "value": {"intValue": "9007199254740991"}}],
    },
    "traces": {
        **_IDS, "name": "GET /api/users", "kind": 2, "startTimeUnixNano": _MOMENT,
        "endTimeUnixNano": "1769860800250000000",
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}],
    },
    "metrics": {
        "name": "queue.depth", "unit": "1",
        "gauge": {"dataPoints": [{"timeUnixNano": _MOMENT, "asDouble": 3}]},
    },
}  # fmt: skip
_SERVICE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
_STATUS = {
    "type": "object",
    "title": "google.rpc.Status",
    "required": ["message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
_MEANINGS: Mapping[int, str] = {
    400: "The body is no OTLP. Do not send it again.",
    413: "The body is larger than 16 MiB unpacked, or has too many records. Send fewer at a time.",
    415: "The body is neither protobuf nor JSON, as its Content-Type says.",
    429: "Too many batches wait to be written. Send it again after Retry-After seconds.",
    500: "The store refuses the batch. Do not send it again.",
    503: "The store does not answer. Send it again after Retry-After seconds.",
}


def body_of(signal: Signal) -> dict[str, Any]:
    """Return the description of a request's body, for `openapi_extra`.

    Args:
        signal: of the request

    Returns:
        Its content as protobuf and as JSON, with an example.
    """
    resources, scopes, records, fields = _RECORDS[signal]
    resource = {"type": "object", "properties": {"attributes": _ATTRIBUTES}}
    record = {"type": "object", "properties": dict(fields)}
    scope = {"type": "object", "properties": {records: {"type": "array", "items": record}}}
    parts = {"resource": resource, scopes: {"type": "array", "items": scope}}
    whole = {"type": "array", "items": {"type": "object", "properties": parts}}
    example = {resources: [{"resource": _SERVICE, scopes: [{records: [_EXAMPLES[signal]]}]}]}
    content = {
        _JSON: {
            "schema": {"type": "object", "properties": {resources: whole}}, "example": example,
        },
        _PROTOBUF: {"schema": _BINARY},
    }  # fmt: skip
    return {"requestBody": {"required": True, "content": content}}


def responses_of(signal: Signal) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route.

    Args:
        signal: of the request

    Returns:
        By status, as FastAPI takes them.
    """
    rejected = "".join(part.title() for part in REJECTED[signal].split("_"))
    rejected = rejected[0].lower() + rejected[1:]
    partial = {
        "type": "object",
        "properties": {
            rejected: {"type": "string", "description": "How many, as 64-bit numbers are written."},
            "errorMessage": {"type": "string"},
        },
    }
    done = {"type": "object", "properties": {"partialSuccess": partial}}
    some = {"partialSuccess": {rejected: "1", "errorMessage": "1 older than they are kept"}}
    found = responses()
    found[200] = {
        "description": "The batch is on disk; some of its records may have been refused.",
        "content": _content(done, {"all": {}, "some were refused": some}),
    }
    for status, meaning in _MEANINGS.items():
        schemas: Sequence[Any] = [_STATUS]
        if status in found:  # what refuses before the route has the format of all others
            schemas = [_STATUS, {"$ref": "#/components/schemas/ErrorBody"}]
        found[status] = {
            "description": f"{HTTPStatus(status).phrase}: {meaning}",
            "content": _content({"anyOf": schemas}, {}),
        }
        if status in (429, 503):
            found[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found


def _content(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    as_json: dict[str, Any] = {"schema": schema}
    if examples:
        as_json["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {_JSON: as_json, _PROTOBUF: {"schema": _BINARY}}
