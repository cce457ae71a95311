"""Bodies of OTLP/HTTP: protobuf and JSON in, an answer in the same form out.

OTLP/JSON differs from protobuf's own mapping: ids are hex, and not base64
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, cast

import orjson

from sentinel.telemetry.bounds import MOST_NODES, MOST_UNPACKED, TooLarge, bounded
from sentinel.telemetry.wire import Malformed, bound_messages

__all__ = [
    "REJECTED",
    "BadBody",
    "Signal",
    "answer_of",
    "error_of",
    "request_of",
    "timed",
    "unpacked",
]

Signal = Literal["logs", "traces", "metrics"]
_SERVICES: dict[Signal, tuple[str, str]] = {
    "logs": ("logs", "ExportLogsService"),
    "traces": ("trace", "ExportTraceService"),
    "metrics": ("metrics", "ExportMetricsService"),
}
REJECTED: dict[Signal, str] = {
    "logs": "rejected_log_records",
    "traces": "rejected_spans",
    "metrics": "rejected_data_points",
}
"""Field of a partial success that has how many records were not taken."""
_IDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
_DEEPEST = 100
_INVALID_ARGUMENT, _UNAVAILABLE, _EXHAUSTED = 3, 14, 8
"""Numbers of google.rpc.Code."""


class BadBody(ValueError):
    """The body is not what it says it is; the text says why, for people."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was packed.

    Args:
        body: as it came
        encoding: its `Content-Encoding`; empty for none

    Returns:
        The body, of at most `MOST_UNPACKED` bytes.

    Raises:
        BadBody: it is not packed so, or in a way that is not understood
        TooLarge: it is larger
    """
    if encoding in ("", "identity"):
        whole = body
    elif encoding in ("gzip", "x-gzip", "deflate"):
        # 32: by its head, gzip or zlib.
        reader = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            whole = reader.decompress(body, MOST_UNPACKED + 1)
        except zlib.error as error:
            raise BadBody(f"the body is no {encoding}: {error}") from None
        if not reader.eof and len(whole) <= MOST_UNPACKED:
            raise BadBody(f"the body is no whole {encoding}: its end is missing")
    else:
        raise BadBody(f"the encoding {encoding!r} is not understood: send gzip, or no encoding")
    if len(whole) > MOST_UNPACKED:
        raise TooLarge(f"the body is larger than {MOST_UNPACKED:,} bytes, unpacked")
    return whole


def request_of(signal: Signal, body: bytes, *, is_json: bool) -> Any:
    """Parse a body.

    Args:
        signal: what it holds
        body: unpacked
        is_json: whether it is JSON, and not protobuf

    Returns:
        An `ExportLogsServiceRequest` message, or that of another signal.

    Raises:
        BadBody: it is no such request
        TooLarge: it has too many values, counted before they are parsed
    """
    message = _message(signal, "Request")
    if not is_json:
        decode_error: Any = import_module("google.protobuf.message").DecodeError
        try:
            bound_messages(body, message.DESCRIPTOR)
            message.ParseFromString(body)
        except (Malformed, decode_error) as error:
            raise BadBody(f"the body is no protobuf message of {signal}: {error}") from None
        return message
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadBody(f"the body is no {signal} of OTLP/JSON: it is no object")
    json_format: Any = import_module("google.protobuf.json_format")
    try:
        _ids_as_base64(found, 0, 0)
        return json_format.ParseDict(found, message, ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, TypeError) as error:  # of values of other types
        raise BadBody(f"the body is no {signal} of OTLP/JSON: {error}") from None


def timed(signal: Signal, request: Any) -> bool:
    """Return whether each log record has a time, so that equal requests are one sent again."""
    if signal != "logs":
        return True
    return all(
        one.time_unix_nano or one.observed_time_unix_nano
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for one in scope.log_records
    )


def answer_of(signal: Signal, *, is_json: bool, rejected: int = 0, why: str = "") -> bytes:
    """Return the body of an answer.

    Args:
        signal: of the request
        is_json: as the request
        rejected: records that were not taken; the others were
        why: for people

    Returns:
        An `ExportLogsServiceResponse`, or that of another signal, with `partial_success` where
        records were rejected.
    """
    message = _message(signal, "Response")
    if rejected:
        setattr(message.partial_success, REJECTED[signal], rejected)
        message.partial_success.error_message = why
    if not is_json:
        return cast("bytes", message.SerializeToString())
    to_json: Callable[[Any], str] = import_module("google.protobuf.json_format").MessageToJson
    return to_json(message).encode()


def error_of(status: int, message: str, *, is_json: bool) -> bytes:
    """Return the body of an error: a `google.rpc.Status`, as OTLP/HTTP asks.

    Args:
        status: of HTTP
        message: for people
        is_json: as the request

    Returns:
        The message.
    """
    code = {429: _EXHAUSTED, 503: _UNAVAILABLE}.get(status, _INVALID_ARGUMENT)
    if is_json:
        return orjson.dumps({"code": code, "message": message})
    # Two fields: an int32 and a text. The message comes with a package that nothing else needs.
    text = message.encode()[:10_000]
    return bytes([0x08, code, 0x12]) + _varint(len(text)) + text


def _message(signal: Signal, kind: str) -> Any:
    folder, service = _SERVICES[signal]
    name = f"opentelemetry.proto.collector.{folder}.v1.{folder}_service_pb2"
    return getattr(import_module(name), service + kind)()


def _ids_as_base64(found: Any, depth: int, nodes: int) -> int:
    """Write ids as protobuf's JSON has bytes, in place; one that is no hex is left out.

    Args:
        found: a value of JSON
        depth: of the value
        nodes: values before it

    Returns:
        The number of values with it and those within it.

    Raises:
        BadBody: the body is nested too deeply
        TooLarge: there are too many values
    """
    if depth > _DEEPEST:
        raise BadBody("the body is nested too deeply")
    if isinstance(found, list):
        values = cast("list[Any]", found)
        nodes = bounded(nodes + len(values), MOST_NODES, "values")
        for one in values:
            if isinstance(one, (dict, list)):
                nodes = _ids_as_base64(one, depth + 1, nodes)
    elif isinstance(found, dict):
        fields = cast("dict[str, Any]", found)
        nodes = bounded(nodes + len(fields), MOST_NODES, "values")
        for name, value in fields.items():
            if name in _IDS and isinstance(value, str):
                try:
                    fields[name] = base64.b64encode(bytes.fromhex(value)).decode()
                except ValueError:
                    # One bad id must not cost the batch: a span without one is refused alone, and
                    # a log record belongs to no trace, as the protocol has it for an invalid id.
                    fields[name] = ""
            elif isinstance(value, (dict, list)):
                nodes = _ids_as_base64(value, depth + 1, nodes)
    return nodes


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
