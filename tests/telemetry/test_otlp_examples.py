"""OpenTelemetry's own examples of OTLP/JSON are taken as they mean it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel.telemetry.batch import Batch
from sentinel.telemetry.otlp_body import Signal, request_of
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_metrics import points_of
from sentinel.telemetry.otlp_spans import spans_of

EXAMPLES = Path(__file__).parent / "examples"
NOW = 1_544_712_670_000_000_000


def example(signal: Signal, name: str) -> Any:
    return request_of(signal, (EXAMPLES / f"{name}.json").read_bytes(), is_json=True)


def attributes_of(batch: Batch) -> dict[str, str]:
    return dict(zip(batch.attributes.names, batch.attributes.texts, strict=True))


def test_a_log_record() -> None:
    found = logs_of(example("logs", "logs"), now=NOW, oldest=0)
    assert found.times.tolist() == [1_544_712_660_300_000_000]
    assert found.columns["TraceId"] == ["5b8efff798038103d269b633813fc60c"]
    assert found.columns["SpanId"] == ["eee19b7ec3c1b174"]
    assert found.columns["SeverityNumber"] == [10]
    assert found.columns["SeverityText"] == ["Information"]
    assert found.columns["Body"] == ["Example log record"]
    assert attributes_of(found) == {
        "string.attribute": "some string",
        "boolean.attribute": "true",
        "int.attribute": "10",
        "double.attribute": "637.704",
        "array.attribute": '["many","values"]',
        "map.attribute": '{"some.map.key":"some value"}',
    }
    (origin,) = found.origins
    assert (origin.service, origin.name, origin.version) == ("my.service", "my.library", "1.0.0")
    assert origin.scope == [("my.scope.attribute", "some scope attribute")]


def test_an_event() -> None:
    found = logs_of(example("logs", "events"), now=NOW, oldest=0)
    assert found.columns["EventName"] == ["browser.page_view"]
    assert found.origins[0].service == "my.service"


def test_a_span() -> None:
    found = spans_of(example("traces", "trace"), now=NOW, oldest=0)
    assert found.refused == {}
    assert found.columns["SpanName"] == ["I'm a server span"]
    assert found.columns["SpanKind"] == ["Server"]
    assert found.columns["Duration"] == [1_000_000_000]
    assert found.columns["TraceId"] == ["5b8efff798038103d269b633813fc60c"]
    assert found.columns["ParentSpanId"] == ["eee19b7ec3c1b173"]
    assert attributes_of(found) == {"my.span.attr": "some value"}


def test_metrics() -> None:
    found = [(one.name, one.value) for one in points_of(example("metrics", "metrics"))]
    assert ("my.counter", 5.0) in found
    assert ("my.gauge", 10.0) in found
    assert ("my.histogram_count", 2.0) in found
    assert ("my.histogram_sum", 2.0) in found
    assert ("my.exponential.histogram_count", 3.0) in found
