"""Log lines as events: which of them policies match, whatever the batch."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sentinel.event_policies import EventPolicy, compile_policy
from sentinel.event_policies.log_lines import LineMatcher, lines_of
from sentinel.events.incoming import MOST_BYTES, taken
from sentinel.telemetry.batch import Batch
from sentinel.telemetry.otlp_logs import logs_of
from tests.telemetry.otlp import attributes, logs

NOW = 1_767_225_600_000_000_000


def batch_of(*bodies: str, **more: Any) -> Batch:
    return logs_of(logs(*bodies, at=NOW, **more), now=NOW, oldest=0)


def policy(*rules: dict[str, Any], **more: Any) -> EventPolicy:
    return EventPolicy.model_validate({"name": "p", "source": "log", "rules": rules, **more})


def contains(field: str, value: str) -> dict[str, Any]:
    return {"field": field, "operator": "contains", "value": value}


def test_a_line_is_an_event_with_what_the_search_knows_of_it() -> None:
    made = logs("disk full", at=NOW + 1_234_000, service="db")
    record = made.resource_logs[0].scope_logs[0].log_records[0]
    record.severity_number, record.severity_text, record.event_name = 17, "ERR", "disk"
    attributes(record.attributes, http__route="/buy", tries=3)
    ((row, line),) = lines_of(logs_of(made, now=NOW, oldest=0), "t")
    assert (row, line) == (0, {
        "id": "log-t-0", "timestamp": "2026-01-01T00:00:00.001234Z", "service": "db",
        "logger": "library", "level": "error", "severity": "ERR", "message": "disk full",
        "event_name": "disk", "trace_id": bytes(range(1, 17)).hex(),
        "span_id": bytes(range(1, 9)).hex(), "attributes": {"http.route": "/buy", "tries": "3"},
        "resource": {"service.name": "db", "service.instance.id": "i-1"},
    })  # fmt: skip
    whole = LineMatcher([policy({"field": "attributes.http.route", "operator": "eq",
                                 "value": "/buy"})])  # fmt: skip
    assert whole.match(logs_of(made, now=NOW, oldest=0), "t") == [line]


def test_lines_that_are_refused_match_nothing() -> None:
    batch = batch_of("boom", "boom")
    batch.refuse(batch.times == NOW, "too_old")
    (line,) = LineMatcher([policy(contains("message", "boom"))]).match(batch, "t")
    assert line["id"] == "log-t-1"


_TEXT = st.sampled_from(["boom", "fine", "a boom b", "", "9"])
_CONDITION = st.builds(
    contains, st.sampled_from(["message", "service", "level", "*", "severity", "trace_id"]), _TEXT
)


def none_of(one: dict[str, Any]) -> dict[str, Any]:
    return {"not": one}


_CLAUSE = _CONDITION | st.builds(none_of, _CONDITION)


@given(
    st.lists(_TEXT, min_size=1, max_size=80),
    st.sampled_from(["api", "boom"]),
    st.lists(st.lists(_CLAUSE, min_size=1, max_size=3), min_size=1, max_size=3),
)
def test_the_lines_found_are_those_that_each_policy_alone_would_match(
    bodies: list[str], service: str, rules: list[list[dict[str, Any]]]
) -> None:
    policies = [policy(*some, match_all=bool(len(some) % 2)) for some in rules]
    batch = batch_of(*bodies, service=service)
    checks = [compile_policy(one) for one in policies]
    expected = [line for _, line in lines_of(batch, "t") if any(one(line) for one in checks)]
    found = LineMatcher(policies)
    assert found.match(batch, "t") == expected
    assert found.match(batch, "t") == expected  # what was learned from the first changes nothing


def test_a_line_of_any_size_is_an_event() -> None:
    made = logs("\x01" * 100_000 + "boom", "boom", at=NOW)
    for record in made.resource_logs[0].scope_logs[0].log_records:
        for number in range(100):
            attributes(record.attributes, **{f"a{number}": "\x01" * 100_000})
    lines = LineMatcher([policy(contains("service", "api"))]).match(
        logs_of(made, now=NOW, oldest=0), "t"
    )
    assert len(lines) == 2
    for line in lines:
        assert len(orjson.dumps(line)) <= MOST_BYTES
        assert taken("default", 0, line)
        assert line["attributes"] == {"sentinel.truncated": "true"}
