"""Requests of OTLP, as messages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

COLLECTOR = "opentelemetry.proto.collector"
TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def request(signal: str) -> Any:
    service = {"logs": "Logs", "trace": "Trace", "metrics": "Metrics"}[signal]
    module = import_module(f"{COLLECTOR}.{signal}.v1.{signal}_service_pb2")
    return getattr(module, f"Export{service}ServiceRequest")()


def attributes(into: Any, **given: Any) -> None:
    for name, value in given.items():
        one = into.add(key=name.replace("__", "."))
        kind = {str: "string", bool: "bool", int: "int", float: "double", bytes: "bytes"}
        setattr(one.value, f"{kind[type(value)]}_value", value)


def logs(*bodies: str, at: int, service: str = "api") -> Any:
    """One record for each body, a nanosecond apart."""
    made = request("logs")
    resource = made.resource_logs.add()
    attributes(resource.resource.attributes, service__name=service, service__instance__id="i-1")
    scope = resource.scope_logs.add()
    scope.scope.name = "library"
    for number, body in enumerate(bodies):
        record = scope.log_records.add(time_unix_nano=at + number, severity_number=9)
        record.body.string_value = body
        record.trace_id, record.span_id = TRACE, SPAN
    return made


def spans(*names: str, at: int, service: str = "api") -> Any:
    """One span of one second for each name; each is the child of the one before."""
    made = request("trace")
    resource = made.resource_spans.add()
    attributes(resource.resource.attributes, service__name=service)
    scope = resource.scope_spans.add()
    parent = b""
    for number, name in enumerate(names, 1):
        own = bytes([number] * 8)
        scope.spans.add(
            trace_id=TRACE, span_id=own, parent_span_id=parent, name=name, kind=2,
            start_time_unix_nano=at, end_time_unix_nano=at + 10**9,
        )  # fmt: skip
        parent = own
    return made
