"""Bodies of protobuf are bounded before they are parsed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinel.telemetry import otlp_body, wire
from sentinel.telemetry.bounds import TooLarge
from sentinel.telemetry.otlp_body import BadBody, request_of
from tests.telemetry.otlp import attributes, logs, request, spans


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Each body is walked through, however small it is."""
    monkeypatch.setattr(wire, "_SURE", 0)
    return monkeypatch


def full() -> Any:
    made = logs("a", "b" * 300, at=1)
    record = made.resource_logs[0].scope_logs[0].log_records[0]
    attributes(record.attributes, n=1, x=0.5, y="z")
    record.attributes.add(key="m").value.kvlist_value.values.add(key="k").value.bool_value = True
    record.flags = 2**32 - 1
    return made


def test_what_is_within_its_bounds_is_parsed_as_it_was(walked: pytest.MonkeyPatch) -> None:
    made = full()
    assert request_of("logs", made.SerializeToString(), is_json=False) == made
    made = spans("a", "b", at=1)
    assert request_of("traces", made.SerializeToString(), is_json=False) == made
    metrics = request("metrics")
    points = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="d").histogram
    points.data_points.add(bucket_counts=[1, 2], explicit_bounds=[0.5], min=0)
    assert request_of("metrics", metrics.SerializeToString(), is_json=False) == metrics


@pytest.mark.parametrize(
    ("name", "most", "words"),
    [
        ("MOST_MESSAGES", 20, "20 attributes and other parts"),
        ("MOST_RECORDS", 1, "1 records"),
        ("MOST_FIELDS", 30, "30 fields"),
    ],
)
def test_too_many_are_refused_before_they_are_parsed(
    walked: pytest.MonkeyPatch, name: str, most: int, words: str
) -> None:
    class Unparsed:
        DESCRIPTOR = request("logs").DESCRIPTOR

    def unparsed(*_: object) -> Unparsed:
        return Unparsed()

    walked.setattr(otlp_body, "_message", unparsed)
    walked.setattr(wire, name, most)
    with pytest.raises(TooLarge, match=f"more than {words}"):
        request_of("logs", full().SerializeToString(), is_json=False)


def test_names_of_an_entity_count_though_they_are_empty(walked: pytest.MonkeyPatch) -> None:
    made = logs("a", at=1)
    made.resource_logs[0].resource.entity_refs.add(id_keys=[""] * 50)
    walked.setattr(wire, "MOST_MESSAGES", 50)
    with pytest.raises(TooLarge):
        request_of("logs", made.SerializeToString(), is_json=False)


def test_a_number_written_at_length_is_the_same_field(walked: pytest.MonkeyPatch) -> None:
    walked.setattr(wire, "MOST_MESSAGES", 1)
    assert len(request_of("logs", b"\x8a\x80\x00\x00", is_json=False).resource_logs) == 1
    with pytest.raises(TooLarge):
        request_of("logs", b"\x8a\x80\x00\x00\x8a\x00\x00", is_json=False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x0a", "cut short"),
        (b"\x0a\x05\x12", "longer than what it is in"),
        (b"\x0a\x01\x08", "cut short"),
        (b"\x0a\x00\xff" + b"\xff" * 12, "does not end"),
        (b"\x0a\x02\x13\x14", "a kind that OTLP does not have"),
    ],
)
def test_what_is_no_message_says_so(walked: pytest.MonkeyPatch, body: bytes, words: str) -> None:
    with pytest.raises(BadBody, match=words):
        request_of("logs", body, is_json=False)


def test_messages_within_one_another_are_bounded(walked: pytest.MonkeyPatch) -> None:
    walked.setattr(wire, "_DEEPEST", 6)
    made = logs("", at=1)
    inner = made.resource_logs[0].scope_logs[0].log_records[0].body
    assert request_of("logs", made.SerializeToString(), is_json=False) == made
    inner.array_value.values.add().array_value.values.add()
    with pytest.raises(BadBody, match="nested too deeply"):
        request_of("logs", made.SerializeToString(), is_json=False)


def test_a_body_is_counted_where_it_may_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[int] = []

    def walk(body: bytes, _: object) -> None:
        walks.append(len(body))

    monkeypatch.setattr(wire, "_walk", walk)
    monkeypatch.setattr(wire, "_SURE", 100)
    few = logs("x" * 4_000, at=1).SerializeToString()
    request_of("logs", few, is_json=False)
    assert not walks
    many = b"\x0a\x00" * 200
    request_of("logs", many, is_json=False)
    assert walks == [len(many)]


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60))
@example(b"\x0a\x02\x12\x00")
def test_the_count_refuses_only_what_is_no_otlp(body: bytes) -> None:
    def parsed() -> Any:
        try:
            return request_of("logs", body, is_json=False)
        except BadBody as error:
            return str(error)

    without = parsed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_SURE", 0)
        counted = parsed()
    if isinstance(without, str):
        assert isinstance(counted, str)
    else:
        assert counted == without or "a kind that OTLP does not have" in counted
