"""API usage, the request log and consumer keys, over a real telemetry store."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.export_files import as_csv, as_ndjson
from dashboard.request_lines import REQUESTS, USAGE
from sentinel.api_usage.answers import UsageGroup
from sentinel.api_usage.consumer_keys import KeyState
from sentinel.api_usage.exported import UsageRow
from sentinel.settings import Settings
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.telemetry.client import TelemetryClient
from tests.dashboard.scene import Scene, shown
from tests.dashboard.telemetry_scene import sends_requests, use_telemetry
from tests.dashboard.test_people_page import keyed

SENT = [
    {"service": "shop", "consumer": "ann" if at % 4 else "<b>bob</b>", "key": f"k{at % 2}",
     "method": "GET", "path": f"/orders/{at}" if at % 5 else "/health",
     "status": 500 if at % 10 == 1 else 200, "duration_ms": 12, "refused_by": ""}
    for at in range(20)
]  # fmt: skip


@pytest.fixture
def telemetry_page(
    scene: Scene, page: AppTest, telemetry_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """The dashboard with a telemetry store, not yet opened."""
    use_telemetry(monkeypatch, telemetry_settings)
    return page


def opened(page: AppTest, name: str, **parameters: str) -> str:
    for one, value in parameters.items():
        page.query_params[one] = value
    page.run().switch_page(name).run()
    return shown(page)


def metrics(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def test_usage_is_seen_as_a_whole_and_of_one_consumer_and_endpoint(
    telemetry_page: AppTest, telemetry: TelemetryClient
):
    page = telemetry_page
    assert "No request was sent yet" in opened(page, "usage.py", quota="90 per month quota by key")
    assert "/api/v1/requests" in page.code[0].value
    sends_requests(telemetry, SENT)
    sends_requests(telemetry, [{"status": 200, "consumer": "secret"}], tenant="acme")
    page.button(key="telemetry-refresh").click().run()
    shown(page)
    assert (metrics(page)["Requests"], metrics(page)["Errors"]) == ("20", "10.0%")
    top = page.dataframe[0].value
    assert list(top["Consumer"]) == ["ann", "<b>bob</b>"]
    assert list(top["Requests"]) == ["15", "5"]
    endpoints = next(one.value for one in page.dataframe if "State" in one.value)
    assert set(endpoints["State"]) == {"new"}
    quotas = next(one.value for one in page.dataframe if "Used up" in one.value)
    assert sum(quotas["Used"]) == 20
    page.text_input(key="quota").set_value("9/minute").run()
    assert "the limit is no quota" in shown(page)
    page.selectbox(key="by").set_value("status").run()
    assert list(page.dataframe[0].value["Status"]) == ["200", "500"]
    # One consumer, then one endpoint, by the address.
    page.query_params["consumer"] = "ann"
    words = shown(page.run())
    assert metrics(page)["Requests"] == "15"
    assert "requests?time=1h&amp;tenant=default" not in words  # no tenant was chosen
    assert "q=consumer%3Aann" in words
    del page.query_params["consumer"]
    page.query_params["endpoint"] = "GET /health"
    shown(page.run())
    assert metrics(page)["Requests"] == "4"
    page.text_input(key="q").set_value("status:nonsense").run()
    assert "query-fault" in shown(page)


def test_requests_are_searched_and_read_whole_and_exported(
    telemetry_page: AppTest, telemetry: TelemetryClient, tmp_path_factory: pytest.TempPathFactory
):
    page = telemetry_page
    sends_requests(telemetry, SENT)
    opened(page, "requests.py", q="status:5xx")
    assert list(page.dataframe[0].value["Status"]) == [500, 500]
    assert "1 – 2" in shown(page)
    page.text_input(key="q").set_value('consumer:"<b>bob</b>"').run()
    assert len(page.dataframe[0].value) == 5
    key = str(page.dataframe[0].key)
    page.session_state["request-chosen"] = (key, 0)
    words = shown(page.run())
    assert "&lt;b&gt;bob&lt;/b&gt;" in words
    assert "<b>bob</b>" not in words
    assert "api-usage?time=1h&amp;consumer=" in words
    page.text_input(key="q").set_value("path:/nowhere").run()
    assert "No request matches" in shown(page)


def test_a_file_has_the_columns_of_a_request(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("file") / "requests.csv"
    as_csv(path, REQUESTS, [], lambda _: None)
    assert path.read_text("utf-8-sig").startswith("time,service,consumer,key,")
    row = UsageRow("2026-01-31T12:00:00.000000000Z", 60.0, UsageGroup(
        value="ann", share=1, requests=3, per_second=0.05, errors=1, error_rate=0.3,
        client_errors=0, refused=0, p50_ms=1, p95_ms=2, p99_ms=3, request_bytes=4,
        response_bytes=5,
    ))  # fmt: skip
    as_ndjson(path, USAGE, [[row], []], lambda _: None)
    (line,) = path.read_text().splitlines()
    assert '"start":"2026-01-31T12:00:00Z","seconds":60.0,"value":"ann","requests":3' in line


def test_a_consumer_key_is_made_rotated_and_revoked(scene: Scene, page: AppTest):
    assert "No consumer keys" in opened(page, "consumer_keys.py")
    page.toggle(key=keyed(page, "toggle", "new-consumer-key")).set_value(True).run()
    for name, words in (("ck-name", "laptop"), ("ck-consumer", "user-7"), ("ck-plan", "gold"),
                        ("ck-permissions", "orders:read orders:write")):  # fmt: skip
        page.text_input(key=keyed(page, "text_input", name)).set_value(words)
    page.button(key="ck-create").click().run()
    shown(page)
    keys = ConsumerKeys(scene.store)
    first = page.code[0].value
    found = keys.verify(first)
    assert (found.state, found.who and found.who.consumer) == (KeyState.VALID, "user-7")
    assert found.who is not None
    assert (found.who.plan, found.who.permissions) == ("gold", ("orders:read", "orders:write"))
    assert found.who.expires_at is not None
    page.button(key="consumer-key-stored").click().run()
    assert not page.code  # shown once
    page.selectbox(key="consumer-key").set_value(found.who.key).run()
    page.selectbox(key=keyed(page, "selectbox", "ck-overlap")).set_value("1 hour").run()
    page.button(key="ck-rotate").click().run()
    second = page.code[0].value
    assert first != second
    assert keys.verify(second).state is KeyState.VALID
    page.selectbox(key="consumer-key").set_value(found.who.key).run()
    page.button(key="ck-revoke").click().run()
    assert keys.verify(second).state is KeyState.REVOKED
    assert "No consumer keys" in shown(page)
    page.toggle(key="consumer-keys-revoked").set_value(True).run()
    assert list(page.dataframe[0].value["Status"]) == ["revoked"]


def test_a_name_that_is_taken_changes_nothing(scene: Scene, page: AppTest):
    ConsumerKeys(scene.store).create("laptop", tenant="default", actor="ann")
    opened(page, "consumer_keys.py")
    page.toggle(key=keyed(page, "toggle", "new-consumer-key")).set_value(True).run()
    page.text_input(key=keyed(page, "text_input", "ck-name")).set_value("laptop")
    page.button(key="ck-create").click().run()
    assert "Nothing was changed" in shown(page)
    assert not page.code
    assert len(ConsumerKeys(scene.store).list()) == 1
