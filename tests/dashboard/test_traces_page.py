"""The pages of traces and services over a real store: search, one trace, the map, tenants."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.service_map import MOST_BARS, bars, dot, figures_html, milliseconds, percent, rate
from sentinel.access import Permission, Scope
from sentinel.access.scope import Reach
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.telemetry.answers import DependencyView, LatencyView, SpanView, TraceView
from tests.dashboard.scene import Scene, given, says, shown
from tests.dashboard.telemetry_scene import sends_logs, sends_spans, shop, use_telemetry


@pytest.fixture
def telemetry_page(
    scene: Scene, page: AppTest, telemetry_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """The dashboard with a telemetry store, not yet opened."""
    use_telemetry(monkeypatch, telemetry_settings)
    return page


def opened(page: AppTest, name: str, **parameters: str) -> str:
    for field, value in parameters.items():
        page.query_params[field] = value
    page.run().switch_page(name).run()
    return shown(page)


def test_traces_are_searched_and_one_is_read_whole(
    telemetry_page: AppTest, telemetry: TelemetryClient
):
    page = telemetry_page
    assert "No trace was sent yet" in opened(page, "traces.py")
    spans = [span for number in range(3) for span in shop(number, bad=number == 0)]
    sends_spans(telemetry, spans)
    first = str(spans[0]["trace_id"])
    sends_logs(telemetry, [{"message": "card refused", "trace_id": first}])
    page.button(key="telemetry-refresh").click().run()
    shown(page)
    assert list(page.dataframe[0].value["Errors"]) == [2, 0, 0]
    assert list(page.dataframe[0].value["Spans"]) == [3, 3, 3]
    page.text_input(key="longer").set_value("150ms").run()
    assert list(page.dataframe[0].value["Duration"]) == [200.0, 300.0]
    page.text_input(key="longer").set_value("soon").run()
    assert "is no duration" in shown(page)
    page.text_input(key="longer").set_value("").run()
    page.text_input(key="q").set_value("status:error service:pay").run()
    assert list(page.dataframe[0].value["Trace"]) == [first]
    page.text_input(key="q").set_value("").run()
    page.button_group(key="view").set_value("Slowest").run()
    assert list(page.dataframe[0].value["Duration"]) == [300.0, 200.0, 100.0]
    page.button_group(key="view").set_value("Latency").run()
    assert set(page.dataframe[0].value["Operation"]) == {"GET /buy", "charge", "SELECT"}
    # One trace at its own address, its first span, and the one that is chosen.
    words = opened(page, "traces.py", trace=first)
    drawn = given(page, "waterfall")["spans"]
    assert [(one["service"], one["depth"], one["bad"]) for one in drawn] == [
        ("shop", 0, True), ("pay", 1, True), ("pay", 2, False),
    ]  # fmt: skip
    assert "<dt>Operation</dt><dd>GET /buy</dd>" in words
    assert list(page.dataframe[0].value["Message"]) == ["card refused"]
    words = shown(says(page, "waterfall", span={"of": first, "id": drawn[1]["id"]}))
    assert "<dt>amount</dt>" in words
    page.button(key="traces-back").click().run()
    assert page.dataframe
    assert "There is no trace 00" in opened(page, "traces.py", trace="00")


def test_services_have_signals_and_a_map_and_belong_to_their_tenant(
    telemetry_page: AppTest, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
):
    page = telemetry_page
    sends_spans(telemetry, [span for number in range(3) for span in shop(number)])
    words = opened(page, "services.py")
    assert {one.label: one.value for one in page.metric}["Services"] == "2"
    assert 'aria-label="traces of shop"' in words
    assert list(page.dataframe[0].value["Callee"]) == ["postgresql", "pay"]
    assert "Callers and callees of <b>pay</b>" in opened(page, "services.py", service="pay")
    acme = Scope((Reach(tenants=frozenset({"acme"})),))

    def scope_now(_: Permission = Permission.READ) -> Scope:
        return acme

    monkeypatch.setattr("dashboard.session.scope", scope_now)
    assert "No trace was sent yet" in opened(page, "services.py")
    assert "out of reach" in opened(page, "traces.py", tenant="default", trace=f"{1:032x}")


@pytest.mark.parametrize("name", ["traces.py", "services.py"])
def test_without_a_store_the_pages_say_so(scene: Scene, page: AppTest, name: str):
    assert "there is no telemetry store. Start `sentinel up`" in opened(page, name)


def latency(name: str, error_rate: float = 0.0) -> LatencyView:
    return LatencyView(
        service_name=name, operation_name="", spans=1, errors=0, per_second=2.0,
        error_rate=error_rate, p50_ms=1.0, p95_ms=2.0, p99_ms=3.0,
    )  # fmt: skip


def test_names_of_services_are_texts_of_the_map_and_of_the_table():
    name = 'a"b\\N]; evil [<i>'
    call = DependencyView(
        caller=name, callee="db", observed=False, calls=1, errors=1, per_second=1, error_rate=0.5,
        p50_ms=1, p95_ms=1, p99_ms=1,
    )  # fmt: skip
    drawn = dot([latency(name, 0.5)], [call], "dark")
    assert '"a\\"b\\\\N]; evil [<i>" -> "db"' in drawn
    assert 'color="#ff6b5e"' in drawn
    assert "shape=cylinder" in drawn
    words = figures_html([latency(name, 0.5)], {"time": "1h"})
    assert "evil [&lt;i&gt;" in words
    assert "<i>evil" not in words


def test_a_waterfall_is_of_a_thousand_spans_at_most():
    spans = [
        SpanView(
            span_id=f"{n:016x}", parent_span_id="", service_name="a", operation_name="b", kind="",
            status="Ok", status_message="", start_time="", offset_ms=n, duration_ms=1, own_ms=1,
            depth=0, attributes={}, resource={}, events=[],
        )
        for n in range(MOST_BARS + 500)
    ]  # fmt: skip
    trace = TraceView(
        trace_id="1", start_time="", duration_ms=2000, errors=0, services=["a"], cut=False,
        spans=spans,
    )  # fmt: skip
    drawn = bars(trace, "x")
    assert (len(drawn["spans"]), drawn["spans"][500]["left"]) == (MOST_BARS, 25.0)


def test_figures_are_written_in_the_unit_that_reads_best():
    assert [milliseconds(one) for one in (0.4, 12.34, 250.4, 1250, 125_000)] == [
        "0.4 ms", "12.3 ms", "250 ms", "1.25 s", "2 min 5 s",
    ]  # fmt: skip
    assert [percent(one) for one in (0, 0.0001, 0.05)] == ["0.0%", "<0.1%", "5.0%"]
    assert [rate(one) for one in (1500, 0.5)] == ["1,500.0/s", "30/min"]
