"""What is read straight from bytes is what protobuf makes of them, or is left to protobuf."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.store.telemetry.rows import arrow_of
from sentinel.telemetry.otlp_body import BadBody, request_of, timed
from sentinel.telemetry.otlp_columns import columns_of
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_spans import spans_of
from tests.telemetry.otlp import logs, spans

Signal = Literal["logs", "traces"]
NOW = 1_769_860_800_000_000_000
OLDEST = NOW - 10**9
common: Any = import_module("opentelemetry.proto.common.v1.common_pb2")
of_logs: Any = import_module("opentelemetry.proto.logs.v1.logs_pb2")
of_spans: Any = import_module("opentelemetry.proto.trace.v1.trace_pb2")


def table(signal: Signal, request: Any) -> Any:
    """The rows that the readers of messages make."""
    of = logs_of if signal == "logs" else spans_of
    batch = of(request, now=NOW, oldest=OLDEST)
    return arrow_of("acme", batch).to_pylist(), dict(batch.refused)


def fast(signal: Signal, body: bytes) -> Any:
    batch = columns_of(signal, body, now=NOW, oldest=OLDEST)
    return None if batch is None else (arrow_of("acme", batch).to_pylist(), dict(batch.refused))


TEXTS = st.one_of(st.text(max_size=8), st.text("aö€𝄞", min_size=60, max_size=140))
MOMENTS = st.sampled_from([NOW, NOW - 1, NOW - 10**9, NOW - 2 * 10**9, NOW + 10**9])


def any_value(depth: int = 1) -> st.SearchStrategy[Any]:
    plain = st.one_of(
        st.builds(common.AnyValue), st.builds(common.AnyValue, string_value=TEXTS),
        st.builds(common.AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(common.AnyValue, bool_value=st.booleans()),
        st.builds(common.AnyValue, double_value=st.floats()),
        st.builds(common.AnyValue, bytes_value=st.binary(max_size=4)),
    )  # fmt: skip
    if not depth:
        return plain
    listed = st.builds(common.ArrayValue, values=st.lists(any_value(depth - 1), max_size=2))
    mapped = st.builds(common.KeyValueList, values=st.lists(pairs(depth - 1), max_size=2))
    return st.one_of(
        plain, st.builds(common.AnyValue, array_value=listed),
        st.builds(common.AnyValue, kvlist_value=mapped),
    )  # fmt: skip


def pairs(depth: int = 1) -> st.SearchStrategy[Any]:
    return st.builds(common.KeyValue, key=TEXTS, value=any_value(depth))


IDS = {
    length: st.one_of(
        st.just(b""),
        st.just(bytes(length)),
        st.binary(min_size=length, max_size=length),
        st.binary(max_size=3),
    )
    for length in (8, 16)
}
COUNT = st.integers(0, 2**32 - 1)
RECORDS = st.builds(
    of_logs.LogRecord, time_unix_nano=MOMENTS, observed_time_unix_nano=st.just(0) | MOMENTS,
    severity_number=st.integers(0, 30), severity_text=TEXTS, body=any_value(),
    attributes=st.lists(pairs(), max_size=3), dropped_attributes_count=COUNT, flags=COUNT,
    trace_id=IDS[16], span_id=IDS[8], event_name=TEXTS,
)  # fmt: skip
EVENTS = st.builds(
    of_spans.Span.Event,
    time_unix_nano=MOMENTS,
    name=TEXTS,
    attributes=st.lists(pairs(), max_size=2),
)
LINKS = st.builds(
    of_spans.Span.Link, trace_id=IDS[16], span_id=IDS[8], attributes=st.lists(pairs(), max_size=2)
)
STATUSES = st.builds(of_spans.Status, message=TEXTS, code=st.integers(0, 4))
OF_SPANS = st.builds(
    of_spans.Span, trace_id=IDS[16], span_id=IDS[8], trace_state=TEXTS, parent_span_id=IDS[8],
    name=TEXTS, kind=st.integers(0, 7), start_time_unix_nano=MOMENTS, end_time_unix_nano=MOMENTS,
    attributes=st.lists(pairs(), max_size=3), dropped_attributes_count=COUNT,
    events=st.lists(EVENTS, max_size=2), links=st.lists(LINKS, max_size=2), flags=COUNT,
    status=st.none() | STATUSES,
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, signal: Signal) -> bytes:
    made = logs(at=NOW) if signal == "logs" else spans(at=NOW)
    resources = made.resource_logs if signal == "logs" else made.resource_spans
    del resources[:]
    for _ in range(draw(st.integers(1, 2))):
        resource = resources.add(schema_url=draw(TEXTS))
        resource.resource.attributes.extend(draw(st.lists(pairs(), max_size=2)))
        for _ in range(draw(st.integers(0, 2))):
            scopes = resource.scope_logs if signal == "logs" else resource.scope_spans
            scope = scopes.add()
            scope.scope.name = draw(TEXTS)
            records = scope.log_records if signal == "logs" else scope.spans
            records.extend(draw(st.lists(RECORDS if signal == "logs" else OF_SPANS, max_size=4)))
    return made.SerializeToString()


@pytest.mark.parametrize("signal", ["logs", "traces"])
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_both_readers_give_the_same_rows(signal: Signal, data: st.DataObject):
    body = data.draw(bodies(signal))
    found = fast(signal, body)
    request = request_of(signal, body, is_json=False)
    expected = table(signal, request)
    if expected[0] or expected[1]:
        assert found is not None, "what is usual is read without messages"
        assert repr(found) == repr(expected)  # NaN is not equal to itself
    else:
        assert found is None


@pytest.mark.parametrize("signal", ["logs", "traces"])
@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_bytes_that_were_changed_are_read_alike_or_left_to_protobuf(
    signal: Signal, data: st.DataObject
):
    body = bytearray(data.draw(bodies(signal)))
    for _ in range(data.draw(st.integers(1, 3))):
        if body:
            place = data.draw(st.integers(0, len(body) - 1))
            body[place] = data.draw(st.integers(0, 255))
    if body and data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 1)) :]
    found = fast(signal, bytes(body))
    if found is not None:
        try:
            request = request_of(signal, bytes(body), is_json=False)
        except BadBody as error:  # which the readers of columns must not have taken
            raise AssertionError(str(error)) from None
        assert repr(found) == repr(table(signal, request))


@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_what_is_rare_is_left_to_protobuf(signal: Signal):
    made = (logs if signal == "logs" else spans)("a", "b", at=NOW)
    body = made.SerializeToString()
    assert fast(signal, body) is not None
    assert fast(signal, b"") is None
    assert fast(signal, body[:-1]) is None
    assert fast(signal, body + body[: len(body) // 2]) is None
    assert fast(signal, body + b"\x50\x01") is None  # a field that nobody knows
    # Twice the same message is what it says: two resources.
    assert fast(signal, body + body) is not None
    scope = (made.resource_logs[0].scope_logs if signal == "logs"
             else made.resource_spans[0].scope_spans)[0]  # fmt: skip
    record = (scope.log_records if signal == "logs" else scope.spans)[0]
    field = "time_unix_nano" if signal == "logs" else "start_time_unix_nano"
    setattr(record, field, NOW + 10**12)  # far ahead: it is moved
    assert fast(signal, made.SerializeToString()) is None
    setattr(record, field, 0)
    untimed = made.SerializeToString()
    assert timed(signal, made) is (signal == "traces")
    assert (fast(signal, untimed) is None) is (signal == "logs")
