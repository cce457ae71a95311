"""OTLP as columns: values as texts, moments that cannot be, ids, and metrics as samples."""

from __future__ import annotations

import gzip
import math
import zlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from sentinel.telemetry import otlp_body, otlp_metrics, otlp_origin, otlp_spans
from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.batch import ArrowAttributes, Attributes, Batch
from sentinel.telemetry.bounds import MOST_UNPACKED, TooLarge
from sentinel.telemetry.otlp_body import (
    BadBody,
    Signal,
    answer_of,
    error_of,
    request_of,
    unpacked,
)
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_metrics import points_of
from sentinel.telemetry.otlp_spans import spans_of
from sentinel.telemetry.times import AHEAD, ORIGINAL
from tests.telemetry.otlp import SPAN, TRACE, attributes, logs, request, spans

NOW = 1_800_000_000_000_000_000
HOUR = 3_600 * 10**9
OLDEST = NOW - 24 * HOUR


def of_rows(found: Attributes | ArrowAttributes) -> list[dict[str, str]]:
    assert isinstance(found, Attributes)  # read by messages
    ends = zip(found.offsets, found.offsets[1:], strict=False)
    pairs = list(zip(found.names, found.texts, strict=True))
    return [dict(pairs[start:end]) for start, end in ends]


def taken(made: Any) -> Batch:
    return logs_of(made, now=NOW, oldest=OLDEST)


def test_values_are_texts_and_nested_ones_json() -> None:
    made = logs("x", at=NOW)
    record = made.resource_logs[0].scope_logs[0].log_records[0]
    attributes(record.attributes, a="", b=True, c=-(2**63), d=0.5, e=math.nan, f=-math.inf, g=b"\0")
    record.attributes.add(key="empty")
    record.attributes.add(key="list").value.array_value.values.add().int_value = 2**53 + 1
    record.attributes[-1].value.array_value.values.add().double_value = math.nan
    inner = record.attributes.add(key="map").value.kvlist_value.values.add(key="k")
    inner.value.kvlist_value.values.add(key="l").value.string_value = "ö"
    assert of_rows(taken(made).attributes) == [
        {
            "a": "", "b": "true", "c": "-9223372036854775808", "d": "0.5", "e": "NaN",
            "f": "-Infinity", "g": "AA==", "empty": "", "list": "[9007199254740993,null]",
            "map": '{"k":{"l":"ö"}}',
        }
    ]  # fmt: skip
    record.body.array_value.values.add().bool_value = False
    assert taken(made).columns["Body"] == ["[false]"]


def test_a_name_that_comes_twice_in_a_resource_has_its_last_value() -> None:
    made = logs("x", at=NOW)
    attributes(made.resource_logs[0].resource.attributes, service__name="other")
    assert dict(pairs_of(made.resource_logs[0].resource.attributes))["service.name"] == "other"
    assert taken(made).origins[0].service == "other"


def test_moments_that_are_missing_ahead_or_too_old() -> None:
    made = logs("now", "observed", "arrived", "ahead", "limit", "old", "huge", at=0)
    records = made.resource_logs[0].scope_logs[0].log_records
    given = [NOW - HOUR, 0, 0, NOW + AHEAD + 1, NOW + AHEAD, OLDEST - 1, 2**64 - 1]
    for record, at in zip(records, given, strict=True):
        record.time_unix_nano = at
    records[1].observed_time_unix_nano = NOW - 5
    found = taken(made)
    assert found.times.tolist() == [NOW - HOUR, NOW - 5, NOW, NOW, NOW + AHEAD, OLDEST - 1, NOW]
    # What was moved says from where: a page of the newest would show nothing else.
    assert [row.get(ORIGINAL) for row in of_rows(found.attributes)] == [
        None, None, None, str(NOW + AHEAD + 1), None, None, str(2**64 - 1)
    ]  # fmt: skip
    assert found.refused == {"too_old": 1}
    assert found.keep is not None
    assert found.keep.tolist() == [True] * 5 + [False, True]
    assert found.rows == 6


def test_a_resource_counts_for_each_of_its_records() -> None:
    made = logs(*["x"] * 1000, at=NOW)
    attributes(made.resource_logs[0].resource.attributes, large="y" * 300_000)
    assert len(taken(made).origin_of) == 1000
    attributes(made.resource_logs[0].resource.attributes, larger="y" * 150_000)
    with pytest.raises(TooLarge, match="bytes of resources"):
        taken(made)


def test_ids_of_logs_that_are_none_are_left_out() -> None:
    made = logs("a", "b", "c", at=NOW)
    records = made.resource_logs[0].scope_logs[0].log_records
    records[1].trace_id, records[1].span_id = bytes(16), b"short"
    assert taken(made).columns["TraceId"] == [TRACE.hex(), "", TRACE.hex()]
    assert taken(made).columns["SpanId"] == [SPAN.hex(), "", SPAN.hex()]


def test_spans_without_an_id_are_refused_and_a_reversed_one_lasts_no_time() -> None:
    made = spans("a", "b", "c", "d", at=NOW - HOUR)
    some = made.resource_spans[0].scope_spans[0].spans
    some[0].trace_id = bytes(16)
    some[1].end_time_unix_nano = 5
    some[2].kind, some[2].status.code = 99, 99
    some[2].end_time_unix_nano = 2**64 - 1
    some[3].status.code, some[3].status.message = 2, "why"
    event = some[3].events.add(name="exception", time_unix_nano=2**64 - 1)
    attributes(event.attributes, type="E")
    some[3].links.add(trace_id=TRACE, span_id=SPAN)
    found = spans_of(made, now=NOW, oldest=OLDEST)
    assert found.refused == {"no_id": 1}
    columns = found.columns
    assert columns["Duration"] == [10**9, 0, 10 * 365 * 24 * HOUR, 10**9]
    assert columns["ParentSpanId"] == ["", "01" * 8, "02" * 8, "03" * 8]
    assert columns["SpanKind"] == ["Server", "Server", "Unspecified", "Server"]
    assert columns["StatusCode"] == ["Unset", "Unset", "Unset", "Error"]
    assert columns["Events.Timestamp"] == [[], [], [], [2**63 - 1]]
    assert columns["Events.Attributes"][3] == [[("type", "E")]]
    assert columns["Links.TraceId"][3] == [TRACE.hex()]


def test_metrics_are_samples_whose_series_outlive_a_process() -> None:
    made = request("metrics")
    resource = made.resource_metrics.add()
    attributes(resource.resource.attributes, service__name="api", service__instance__id="i-1",
               process__pid=7)  # fmt: skip
    metrics = resource.scope_metrics.add().metrics
    gauge = metrics.add(name="depth", unit="jobs").gauge.data_points
    attributes(gauge.add(as_int=4, time_unix_nano=NOW).attributes, queue="mail")
    gauge.add(flags=1)
    metrics.add(name="sent").sum.data_points.add(as_double=math.nan)
    histogram = metrics.add(name="took", unit="s").histogram.data_points.add(
        count=3,
        sum=6,
        max=4,
        bucket_counts=[1, 2],
        explicit_bounds=[1.23456789],
        time_unix_nano=2**64 - 1,
    )
    assert histogram.count == 3
    summary = metrics.add(name="wait").summary.data_points.add(count=2, sum=1)
    summary.quantile_values.add(quantile=0.99, value=0.7)
    own = {"service.name": "api"}
    found = [(one.name, one.labels, one.value, one.unit) for one in points_of(made)]
    assert found[0] == ("depth", {**own, "queue": "mail"}, 4.0, "jobs")
    assert math.isnan(found[1][2])  # refused by the store of samples, which names it
    assert found[2:] == [
        ("took_count", own, 3.0, ""),
        ("took_sum", own, 6.0, "s"),
        ("took_max", own, 4.0, "s"),
        ("took_bucket", {**own, "le": "1.23456789"}, 1.0, ""),
        ("took_bucket", {**own, "le": "+Inf"}, 3.0, ""),
        ("wait_count", own, 2.0, ""),
        ("wait_sum", own, 1.0, ""),
        ("wait", {**own, "quantile": "0.99"}, 0.7, ""),
    ]
    moments = [one.at for one in points_of(made)]
    assert moments[:2] == [datetime.fromtimestamp(NOW / 10**9, UTC), None]


def test_json_has_ids_in_hex_and_large_numbers_and_nan_as_text() -> None:
    body = {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{
            "timeUnixNano": str(NOW), "observedTimeUnixNano": NOW, "severityNumber": 17,
            "traceId": TRACE.hex().upper(), "spanId": SPAN.hex(), "unknownField": 1,
            "body": {"stringValue": "x"},
            "attributes": [
                {"key": "n", "value": {"intValue": "9223372036854775807"}},
                {"key": "d", "value": {"doubleValue": "NaN"}},
                {"key": "traceId", "value": {"stringValue": "no hex"}},
            ],
        }]}]}]
    }  # fmt: skip
    found = taken(request_of("logs", orjson.dumps(body), is_json=True))
    assert found.times.tolist() == [NOW]
    assert found.columns["TraceId"] == [TRACE.hex()]
    assert of_rows(found.attributes) == [
        {"n": "9223372036854775807", "d": "NaN", "traceId": "no hex"}
    ]
    span = {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "parentSpanId": "", "kind": 3,
            "status": {"code": 2}, "startTimeUnixNano": str(NOW)}  # fmt: skip
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    batch = spans_of(request_of("traces", orjson.dumps(body), is_json=True), now=NOW, oldest=0)
    assert (batch.columns["SpanKind"], batch.columns["StatusCode"]) == (["Client"], ["Error"])


def test_an_id_in_json_that_is_no_hex_costs_no_other_record() -> None:
    ids = {"traceId": "zz", "spanId": SPAN.hex()}
    made = {"resourceLogs": [{"scopeLogs": [{"logRecords": [ids, {"traceId": TRACE.hex()}]}]}]}
    found = taken(request_of("logs", orjson.dumps(made), is_json=True))
    # As the protocol has it: a record with an invalid id belongs to no trace.
    assert found.columns["TraceId"] == ["", TRACE.hex()]
    assert (found.columns["SpanId"], found.rows) == ([SPAN.hex(), ""], 2)
    some = [ids, {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "parentSpanId": "zz"}]
    made = {"resourceSpans": [{"scopeSpans": [{"spans": some}]}]}
    batch = spans_of(request_of("traces", orjson.dumps(made), is_json=True), now=NOW, oldest=0)
    assert (batch.rows, dict(batch.refused)) == (1, {"no_id": 1})


@pytest.mark.parametrize(
    ("body", "is_json", "why"),
    [
        (b"\xff", False, "no protobuf message of traces"),
        (b"{", True, "not JSON"),
        (b"[]", True, "no traces of OTLP/JSON"),
        (b'{"resourceSpans": ' * 200 + b"1" + b"}" * 200, True, "nested too deeply"),
    ],
)
def test_a_body_that_is_none_is_refused(body: bytes, is_json: bool, why: str) -> None:
    with pytest.raises(BadBody, match=why):
        request_of("traces", body, is_json=is_json)


def test_a_packed_body_is_bounded_as_it_is_unpacked() -> None:
    for packed, encoding in ((gzip.compress(b"x"), "gzip"), (zlib.compress(b"x"), "deflate")):
        assert unpacked(packed, encoding) == b"x"
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(bytes(MOST_UNPACKED + 1)), "gzip")
    for body, encoding in ((b"x", "gzip"), (gzip.compress(b"x")[:-4], "gzip"), (b"x", "br")):
        with pytest.raises(BadBody):
            unpacked(body, encoding)


def test_a_request_of_many_small_things_is_bounded_by_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Bytes alone bound nothing: of empty records, a body holds eight million.
    def refused(made: Any, most: str, what: str, number: int = 1) -> None:
        for module in (otlp_origin, otlp_spans, otlp_metrics, otlp_body):
            if hasattr(module, most):
                monkeypatch.setattr(module, most, number)
        with pytest.raises(TooLarge, match=f"more than {number} {what}"):
            made()
        monkeypatch.undo()

    two = logs("a", "b", at=NOW)
    refused(lambda: taken(two), "MOST_RECORDS", "records")
    for record in two.resource_logs[0].scope_logs[0].log_records:
        attributes(record.attributes, a=1)
    refused(lambda: taken(two), "MOST_ATTRIBUTES", "attributes")
    refused(lambda: taken(two), "_MOST_OF_ONE", "attributes")
    two.resource_logs.add().scope_logs.add()
    refused(lambda: taken(two), "MOST_ORIGINS", "resources")
    two.resource_logs[0].scope_logs.add()
    two.resource_logs.pop()
    two.resource_logs[0].scope_logs.add()
    refused(lambda: taken(two), "MOST_ORIGINS", "scopes")
    some = spans("a", at=NOW)
    some.resource_spans[0].scope_spans[0].spans[0].events.add()
    some.resource_spans[0].scope_spans[0].spans[0].events.add()
    refused(lambda: spans_of(some, now=NOW, oldest=0), "MOST_ATTRIBUTES", "events")
    made = request("metrics")
    metrics = made.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="a").summary.data_points.add()
    refused(lambda: list(points_of(made)), "MOST_RECORDS", "samples")
    body = b'{"resourceLogs": [{}, {}]}'
    refused(lambda: request_of("logs", body, is_json=True), "MOST_NODES", "values")


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_an_answer_says_what_was_rejected_in_the_form_of_the_request(signal: Signal) -> None:
    assert answer_of(signal, is_json=False) == b""
    assert orjson.loads(answer_of(signal, is_json=True)) == {}
    said = orjson.loads(answer_of(signal, is_json=True, rejected=2, why="too old"))
    (rejected,) = [v for name, v in said["partialSuccess"].items() if name.startswith("rejected")]
    assert (rejected, said["partialSuccess"]["errorMessage"]) == ("2", "too old")
    assert b"too old" in answer_of(signal, is_json=False, rejected=2, why="too old")


def test_an_error_is_a_status_of_grpc() -> None:
    from google.rpc.status_pb2 import Status  # pyright: ignore[reportMissingModuleSource]

    status = Status.FromString(error_of(429, "ö" * 100, is_json=False))
    assert (status.code, status.message) == (8, "ö" * 100)
    assert orjson.loads(error_of(400, "why", is_json=True)) == {"code": 3, "message": "why"}
