"""The page of log lines over a real store: search, facets, one line, live tail, whose lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.export_files import as_csv
from dashboard.log_anomalies import choose_anomaly
from dashboard.log_lines import LINES
from dashboard.log_patterns import choose
from dashboard.log_tail import MOST_LINES, with_new
from sentinel.access import EVERYTHING, Permission, Scope
from sentinel.access.scope import Reach
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_anomalies import AnomalyWatch
from sentinel.store.telemetry.log_patterns import LogPatterns, query_of
from sentinel.store.telemetry.logs import LogSearch
from sentinel.store.telemetry.pattern_mining import PatternMining
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.answers import LogLineView
from sentinel.telemetry.query import parse_query
from tests.dashboard.scene import Scene, shown
from tests.dashboard.telemetry_scene import NOW, SECOND, sends_logs, use_telemetry
from tests.log_rates import BEATS, JOB, LATER, counted, one_burst

SENT = [
    {"message": "connection refused by <b>postgres</b>", "service_name": "pay", "level": "ERROR",
     "trace_id": "5b8efff798038103d269b633813fc60c", "http.route": "/buy", "order": 7},
    {"message": "order accepted", "service_name": "shop", "level": "INFO"},
    {"message": "slow query", "service_name": "shop", "level": "WARN"},
]  # fmt: skip


@pytest.fixture
def telemetry_page(
    scene: Scene, page: AppTest, telemetry_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """The dashboard with a telemetry store, not yet opened."""
    use_telemetry(monkeypatch, telemetry_settings)
    return page


def opened(page: AppTest, **parameters: str) -> str:
    for name, value in parameters.items():
        page.query_params[name] = value
    page.run().switch_page("logs.py").run()
    return shown(page)


def messages(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Message"])


def test_lines_are_searched_counted_and_read_whole(
    telemetry_page: AppTest, telemetry: TelemetryClient
):
    page = telemetry_page
    assert "No log line was sent yet" in opened(page)
    assert "/api/logs/ingest" in page.code[0].value
    sends_logs(telemetry, SENT)
    sends_logs(telemetry, [{"message": "of another tenant"}], tenant="acme")
    page.button(key="telemetry-refresh").click().run()
    words = shown(page)
    assert messages(page) == [one["message"] for one in SENT]
    assert 'title="shop">shop</a>' in words  # a facet, whose link adds to the query
    assert "q=service%3Ashop" in words
    assert "1 – 3 of 3" in words
    # Plain words show the query that they make.
    page.text_input(key="q").set_value("show me errors from pay").run()
    assert "level:&gt;=error service:*pay*" in shown(page)
    assert messages(page) == [SENT[0]["message"]]
    page.button(key="logs-edit").click().run()
    assert page.text_input(key="q").value == "level:>=error service:*pay*"
    # One line whole: escaped, with its attributes and its trace.
    page.session_state["logs-chosen"] = line_id(telemetry)
    words = shown(page.run())
    assert "connection refused by &lt;b&gt;postgres&lt;/b&gt;" in words
    assert "traces?time=1h&amp;trace=5b8efff798038103d269b633813fc60c" in words
    assert "<dt>order</dt>" in words
    page.selectbox(key="facet").set_value("@http.route").run()
    assert 'title="/buy">/buy</a>' in shown(page)
    # What finds nothing says so, and what cannot be read is marked.
    page.text_input(key="q").set_value("nothing-like-it").run()
    assert "No log line matches" in shown(page)
    page.text_input(key="q").set_value("disk servic:a").run()
    assert "disk <mark>s</mark>ervic:a" in shown(page)


def line_id(client: TelemetryClient) -> str:
    """The id of the one line of level error."""
    page = LogSearch(client, "default").page(parse_query("level:error").where, Period(0, 2**62))
    return page.lines[0].id


def test_the_live_tail_shows_what_arrives_until_it_is_paused(
    scene: Scene, telemetry_page: AppTest, telemetry: TelemetryClient
):
    page = telemetry_page
    sends_logs(telemetry, SENT[1:2])
    opened(page)
    page.toggle(key="live-tail").set_value(True).run()
    assert messages(page) == ["order accepted"]
    late = [{"message": "a new line", "timestamp": scene.store.now().timestamp() - 0.01}]
    sends_logs(telemetry, late)
    page.run()
    assert messages(page) == ["a new line", "order accepted"]
    page.button(key="tail-pause").click().run()
    sends_logs(
        telemetry, [{"message": "not yet", "timestamp": scene.store.now().timestamp() - 0.01}]
    )
    page.run()
    assert len(messages(page)) == 2
    page.button(key="tail-pause").click().run()
    assert messages(page)[0] == "not yet"


def test_lines_are_shown_to_whoever_sees_their_whole_tenant_alone(
    telemetry_page: AppTest, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
):
    page = telemetry_page
    sends_logs(telemetry, [{"message": "secret of default"}])
    sends_logs(telemetry, [{"message": "of acme"}], tenant="acme")
    scope = [Scope((Reach(tenants=frozenset({"acme"}), teams=None),))]

    def scope_now(_: Permission = Permission.READ) -> Scope:
        return scope[0]

    monkeypatch.setattr("dashboard.session.scope", scope_now)
    opened(page)
    assert messages(page) == ["of acme"]
    assert "out of reach" in opened(page, tenant="default")
    assert not page.dataframe
    scope[0] = Scope((Reach(tenants=frozenset({"acme"}), teams=frozenset({"db"})),))
    assert "You see teams of tenants." in opened(page, tenant="acme")
    scope[0] = EVERYTHING
    opened(page, tenant="acme")
    assert messages(page) == ["of acme"]


def test_without_a_store_the_page_says_so_and_what_to_do(scene: Scene, page: AppTest):
    words = opened(page)
    assert "Telemetry cannot be shown now." in words
    assert "there is no telemetry store. Start `sentinel up`" in words


def test_the_address_names_the_field_whose_values_are_counted(
    telemetry_page: AppTest, telemetry: TelemetryClient
):
    sends_logs(telemetry, SENT)
    assert 'title="/buy">/buy</a>' in opened(telemetry_page, facet="@http.route")


def test_patterns_are_shown_by_their_state_and_open_their_lines(
    telemetry_page: AppTest, telemetry: TelemetryClient, telemetry_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    page = telemetry_page
    took = [{"message": f"took {n} ms", "service_name": "pay"} for n in range(3)]
    sends_logs(telemetry, [*took, SENT[1]])
    sends_logs(telemetry, [{"message": "of acme"}], tenant="acme")
    opened(page)
    page.toggle(key="logs-patterns").set_value(True).run()
    assert "No pattern was found" in shown(page)  # they are looked for after each minute
    PatternMining(telemetry).turn(NOW + 120 * SECOND)
    page.button(key="telemetry-refresh").click().run()
    found = page.dataframe[0].value
    assert list(found["Pattern"]) == ["took <*> ms", "order accepted"]
    assert list(found["Lines"]) == [3, 1]
    page.segmented_control(key="patterns-state").set_value("vanished").run()
    assert not page.dataframe
    # A row that is selected searches its lines.
    page.segmented_control(key="patterns-state").set_value("all").run()
    state = {"logs-patterns": True, "q": ""}
    monkeypatch.setattr("dashboard.log_patterns.st.session_state", state)

    def second(_: str) -> int:
        return 1

    monkeypatch.setattr("dashboard.log_patterns.selected_row", second)
    choose("patterns", ["one", "two"])
    assert state == {"logs-patterns": False, "q": "two"}
    monkeypatch.undo()
    use_telemetry(monkeypatch, telemetry_settings)
    reader = LogPatterns(telemetry, "default")
    query = query_of(reader.found(Period(NOW - 60 * SECOND, NOW + SECOND))[0])
    page.toggle(key="logs-patterns").set_value(False).run()
    page.text_input(key="q").set_value(query).run()
    assert messages(page) == [one["message"] for one in took]
    page.text_input(key="q").set_value(f"pattern:{0:016}").run()
    assert "there is no pattern 0000000000000000 of log lines" in shown(page)


def test_anomalies_are_shown_with_the_rate_and_what_was_expected(
    telemetry_page: AppTest, telemetry: TelemetryClient, scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    page = telemetry_page
    opened(page, time="24h")
    page.toggle(key="logs-patterns").set_value(True).run()
    page.segmented_control(key="patterns-state").set_value("unusual").run()
    assert "No pattern was unusual" in shown(page)
    counted(telemetry, BEATS, one_burst, tenant="default")
    counted(telemetry, JOB, one_burst, tenant="acme")
    for _ in range(2):
        AnomalyWatch(telemetry).turn(LATER)
    page.button(key="telemetry-refresh").click().run()
    found = page.dataframe[0].value
    assert list(found["Pattern"]) == ["did b <*>"]
    low, _, high = str(found["Usual"][0]).partition(" – ")
    assert (found["Lines"][0], int(low) <= 22 <= int(high) < 40) == (400, True)
    assert "expected, from the day before" in shown(page)
    (chart,) = page.get("vega_lite_chart")
    assert "outside what was expected; 400 instead of" in chart.proto.alt  # pyright: ignore[reportUnknownMemberType]
    page.button(key="anomaly-search").click().run()
    assert page.text_input(key="q").value == f"pattern:{BEATS}"
    state: dict[str, object] = {}
    monkeypatch.setattr("dashboard.log_anomalies.st.session_state", state)
    monkeypatch.setattr("dashboard.log_anomalies.selected_row", lambda _: 1)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    choose_anomaly("anomalies", [("a", "1"), ("b", "2")])
    assert state == {"anomaly-chosen": ("b", "2")}


def line(number: int) -> LogLineView:
    return LogLineView(
        id=f"{number:032x}", timestamp=f"2026-11-30T12:00:00.{number:09}Z", service_name="=shop",
        level="info", severity="INFO", message="=1+1", trace_id="", span_id="", host="",
        environment="", logger="", event="", attributes={"a": "b"}, resource={},
    )  # fmt: skip


def test_the_tail_keeps_the_newest_lines_once():
    before = [line(number) for number in range(MOST_LINES, 0, -1)]
    shown_now = with_new(before, [line(MOST_LINES), line(MOST_LINES + 1)])
    assert (len(shown_now), shown_now[0].id, shown_now[-1].id) == (
        MOST_LINES, line(MOST_LINES + 1).id, line(2).id,
    )  # fmt: skip


def test_exported_lines_have_their_attributes_and_run_no_formula(tmp_path: Path):
    as_csv(tmp_path / "a", LINES, [[line(1)]], lambda _: None)
    head, row = (tmp_path / "a").read_text("utf-8-sig").splitlines()
    assert head.startswith("time,level,service,message,")
    assert "'=1+1" in row
    assert "2026-11-30T12:00:00.000000001Z" in row
