"""Log lines and spans as JSON objects become messages of OTLP."""

from __future__ import annotations

from typing import Any

from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.posted import posted_logs, posted_spans

AT = "2026-11-30T08:00:00.25Z"
NANOSECONDS = 1_796_025_600_250_000_000
TRACE, SPAN = "5B8EFFF7-9803-8103-D269-B633813FC60C", "eee19b7ec3c1b174"


def test_a_log_line_has_its_level_time_and_service_under_the_usual_names() -> None:
    made = posted_logs(
        [
            {"message": "no route", "service_name": "db", "level": "ERROR", "timestamp": AT,
             "trace_id": TRACE, "span_id": SPAN, "metadata": {"host": "h1", "n": 3}, "tries": [1]},
            {"msg": "no route", "service": "db", "severity": "warning", "ts": 1796025600250,
             "trace_id": "abc"},
        ]
    )  # fmt: skip
    assert not made.errors
    assert made.timed
    assert [dict(pairs_of(one.resource.attributes)) for one in made.request.resource_logs] == [
        {"service.name": "db"}
    ]
    first, second = made.request.resource_logs[0].scope_logs[0].log_records
    assert (first.body.string_value, first.severity_text, first.severity_number) == (
        "no route",
        "ERROR",
        17,
    )
    assert first.time_unix_nano == second.time_unix_nano == NANOSECONDS
    assert first.trace_id.hex() == TRACE.replace("-", "").lower()
    assert dict(pairs_of(first.attributes)) == {"host": "h1", "n": "3", "tries": "[1]"}
    assert second.severity_number == 13
    # What is no id is still what somebody may look for.
    assert dict(pairs_of(second.attributes)) == {"trace_id": "abc"}
    assert not posted_logs([{"message": "x"}]).timed
    odd = posted_logs([{"message": "\ud800", "a\ud800": float("nan"), "n": 2**70}])
    (record,) = odd.request.resource_logs[0].scope_logs[0].log_records
    assert dict(pairs_of(record.attributes)) == {"a?": "NaN", "n": str(2**70)}


def test_what_is_no_log_line_is_named_and_the_others_are_kept() -> None:
    deep: list[Any] = []
    for _ in range(2_000):
        deep = [deep]
    given: list[Any] = [7, {"message": ""}, {"message": "x", "time": "soon"}]
    made = posted_logs([*given, {"message": {"a": 1}}, {"message": "y", "tags": [deep]}])
    assert {index: error.field for index, error in made.errors.items()} == {
        0: "", 1: "message", 2: "timestamp", 4: ""
    }  # fmt: skip
    (record,) = made.request.resource_logs[0].scope_logs[0].log_records
    assert record.body.string_value == '{"a":1}'


def test_a_trace_makes_its_ids_and_a_span_needs_one() -> None:
    given = {
        "service_name": "shop", "operation_name": "GET /", "start_time": AT[:-1],
        "end_time": "2026-11-30T08:00:01Z", "status_code": 503, "http_method": "GET",
    }  # fmt: skip
    made = posted_spans([given], root=True)
    (span,) = made.request.resource_spans[0].scope_spans[0].spans
    assert (span.start_time_unix_nano, span.kind, span.status.code) == (NANOSECONDS, 2, 2)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 750_000_000
    assert made.ids == [(span.trace_id.hex(), span.span_id.hex())]
    assert dict(pairs_of(span.attributes)) == {
        "http.response.status_code": "503", "http.request.method": "GET"
    }  # fmt: skip
    assert not made.timed  # the same request again would be another trace
    child = {**given, "trace_id": TRACE, "span_id": SPAN, "parent_span_id": SPAN, "status": "ok",
             "duration_ms": 1.5, "end_time": None, "kind": "CLIENT"}  # fmt: skip
    made = posted_spans([child], root=False)
    (span,) = made.request.resource_spans[0].scope_spans[0].spans
    assert (span.kind, span.status.code, made.timed) == (3, 1, True)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000


def test_what_is_no_span_is_named() -> None:
    good = {"operation_name": "x", "start_time": AT, "trace_id": TRACE}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("operation_name", {"operation_name": None}),
        ("start_time", {"start_time": None}),
        ("start_time", {"start_time": "1960-01-01T00:00:00Z"}),
        ("start_time", {"start_time": "2600-01-01T00:00:00Z"}),
        ("trace_id", {"trace_id": None}),
        ("trace_id", {"trace_id": "0" * 32}),
        ("span_id", {"span_id": "xyz"}),
        ("duration_ms", {"duration_ms": "long"}),
        ("duration_ms", {"duration_ms": -1}),
    ]
    for field, change in wrong:
        made = posted_spans([{**good, **change}], root=False)
        assert [error.field for error in made.errors.values()] == [field]
        assert not made.request.resource_spans
